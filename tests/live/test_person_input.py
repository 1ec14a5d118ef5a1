"""Each step of the path of a message drops or changes what it must; the steps have tests of their own."""

import numpy as np
import pytest
from factories import CARRIED, UNCONSTRAINED, make_quantized_notes, make_tiny_model
from fake_port import Wire, check, ends_in_silence
from hypothesis import given
from hypothesis import strategies as st

from pipeline.generation.engine import Engine
from pipeline.live.channel_output import ChannelOutput
from pipeline.live.clock_follower import AlignedTime
from pipeline.live.controls import Controls
from pipeline.live.echo_guard import EchoGuard
from pipeline.live.improviser import Improviser
from pipeline.live.keyboard import Keyboard
from pipeline.live.learned_actions import LearnedActions
from pipeline.live.person_input import PersonInput, shape_velocity
from pipeline.live.person_tempo import PersonTempo
from pipeline.live.player import Player
from pipeline.live.preset import Preset
from pipeline.live.recorder import Recorder
from pipeline.live.thru import Thru
from pipeline.live.timeline import SimulatedClock

MODEL = make_tiny_model(**CARRIED)


class Step:
    """A step that takes some messages."""

    def __init__(self, takes=()):
        self.takes = takes
        self.messages = []

    def handle_message(self, message):
        self.messages.append(message)
        return message in self.takes


def pass_on(messages, sent=(), learned=(), **settings):
    """Return the messages that reach the keyboard."""
    guard, keyboard = EchoGuard(SimulatedClock()), Step()
    for message in sent:
        guard.add_sent(message)
    person = PersonInput(Preset(**settings), guard, Step(learned), keyboard)
    for message in messages:
        person.handle_message(message)
    return keyboard.messages


def test_a_learned_message_goes_no_further():
    messages = [(0x90, 21, 70), (0x90, 60, 70)]
    assert pass_on(messages, learned=messages[:1]) == messages[1:]


def test_an_echo_goes_no_further_and_is_no_learned_key():
    messages = [(0x90, 21, 70), (0x90, 60, 70)]
    assert pass_on(messages, sent=messages[:1]) == messages[1:]


def test_another_channel_than_that_of_the_preset_is_not_heard():
    messages = [(0x90, 60, 70), (0x92, 61, 70), (0xB2, 64, 127), (0xB0, 64, 127)]
    assert pass_on(messages, channel_in=3) == [(0x92, 61, 70), (0xB2, 64, 127)]
    assert pass_on(messages) == messages


def test_a_learned_key_acts_on_its_own_channel():
    messages = [(0x90, 60, 70)]
    assert pass_on(messages, learned=messages, channel_in=3) == []


def test_the_curve_changes_note_ons_alone():
    messages = [(0x90, 60, 32), (0x90, 60, 0), (0x80, 60, 32), (0xB0, 1, 32)]
    assert pass_on(messages, velocity_curve=0.5) == [(0x90, 60, 64), *messages[1:]]


@pytest.mark.parametrize("exponent", [0.25, 0.5, 1.0, 2.0, 4.0])
def test_a_curve_keeps_the_ends_and_the_order(exponent):
    velocities = [shape_velocity(velocity, exponent) for velocity in range(1, 128)]
    assert velocities == sorted(velocities)
    assert velocities[0] >= 1
    assert velocities[-1] == 127
    assert exponent != 1 or velocities == list(range(1, 128))


def play_messages(timed_messages, preset, seconds=4.0, mode="call-response"):
    """Play for simulated seconds with messages of a keyboard, times in s; return the player and its wire."""
    clock = SimulatedClock()
    guard, wire = EchoGuard(clock), Wire(clock=clock)
    source = Improviser(
        Engine(MODEL), Controls(UNCONSTRAINED), make_quantized_notes(1, 5), np.random.default_rng(0)
    )
    source.mode = mode
    waiting = sorted(timed_messages, key=lambda pair: pair[0])

    def sleep(span):
        end = clock() + span
        while waiting and waiting[0][0] <= end:
            clock.now, message = max(waiting[0][0], clock()), waiting.pop(0)[1]
            person.handle_message(message)
        clock.now = end
        player.stopping = player.stopping or end >= seconds

    output = ChannelOutput(wire, preset.channel_out, guard)
    player = Player(source, output, Recorder(), clock, sleep)
    player.schedule.output_latency = preset.output_latency / 1000
    tempo = PersonTempo(player.human_onsets, print)
    source.time_keeper = AlignedTime(player.schedule, tempo.find_next_beat, "beat")
    learned = LearnedActions(preset, player, source.turn_switch, source.controls, print)
    thru = Thru(player) if preset.thru else None
    person = PersonInput(preset, guard, learned, Keyboard(player, source.controls, print, thru))
    player.run_offline()
    return player, wire


LEARNED = {
    "your_turn": "cc 80 channel 1",
    "my_turn": "cc 81 channel 1",
    "hold": "note 36 channel 10",
    "panic": "note 30 channel 1",
    "tempo": "cc 7 channel 1",
}
PRESETS = st.builds(
    Preset,
    channel_in=st.sampled_from([None, 1]),
    channel_out=st.sampled_from([1, 16]),
    thru=st.booleans(),
    velocity_curve=st.sampled_from([0.5, 2.0]),
    output_latency=st.sampled_from([0.0, 20.0, 300.0]),
    learned=st.just(LEARNED),
)
MESSAGES = st.tuples(
    st.sampled_from([0x80, 0x90, 0x91, 0x99, 0xB0]),
    st.sampled_from([7, 30, 36, 60, 61, 62, 64, 80, 81, 120, 123]),
    st.sampled_from([0, 70, 127]),
)


@given(
    st.lists(st.tuples(st.floats(0, 0.4), MESSAGES), max_size=40),
    PRESETS,
    st.sampled_from(["solo", "call-response", "accompany"]),
)
def test_every_note_ends_whatever_a_keyboard_and_a_preset_do(pauses, preset, mode):
    times = np.cumsum([pause for pause, _ in pauses])
    messages = [(time, message) for time, (_, message) in zip(times, pauses, strict=True)]
    player, wire = play_messages(messages, preset, mode=mode)
    assert player.error is None
    check(wire.sent)
    assert ends_in_silence(wire.sent, preset.channel_out)
    assert {status & 0x0F for status, *_ in wire.sent} == {preset.channel_out - 1}


def test_a_keyboard_that_sends_back_what_it_gets_does_not_interrupt_the_model():
    """Each message that is sent comes back 5 ms later."""
    phrase = [(0.5, (0x90, 60, 70)), (0.9, (0x80, 60, 0))]
    player, wire = play_messages(phrase, Preset(), seconds=4.0)
    expected = wire.sent
    echoes = [(time + 0.005, message) for time, message in wire.timed()]
    player, wire = play_messages([*phrase, *echoes], Preset(), seconds=4.0)
    assert wire.sent == expected
    num_notes = sum(status == 0x90 for status, *_ in expected)
    assert player.schedule.port.echo_guard.num_ignored == num_notes >= 1
