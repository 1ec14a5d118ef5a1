"""The model plays in time with a clock, and every note ends whatever the clock does."""

import numpy as np
import pytest
from factories import CARRIED, UNCONSTRAINED, make_quantized_notes, make_tiny_model
from fake_port import CallRecorder, Wire, check, ends_in_silence, sounding
from hypothesis import given
from hypothesis import strategies as st

from pipeline.generation.engine import Engine
from pipeline.live.active_keys import NOTE_ON
from pipeline.live.clock_follower import AlignedTime, ClockFollower, FreeTime
from pipeline.live.controls import MAX_TEMPO, MIN_TEMPO, Controls
from pipeline.live.improviser import Improviser
from pipeline.live.midi_clock import CONTINUE, LOST_SECONDS, START, STOP, TICK, TICKS_PER_BEAT
from pipeline.live.person_tempo import PersonTempo
from pipeline.live.player import LOOK_AHEAD, POLL_SECONDS, Player
from pipeline.live.recorder import Recorder
from pipeline.live.timeline import SimulatedClock

MODEL = make_tiny_model(**CARRIED)
FIRST_TICK = 0.913
RESPONSE_SECONDS = 0.3 + 0.8
"""Seconds from the begin of a phrase to a response that does not wait."""


def phrase(begin):
    """Return the acts of a phrase of one note that begins at a time [s]."""
    return [
        (begin, lambda player, _: player.note_on(60, 70)),
        (begin + 0.3, lambda player, _: player.note_off(60)),
    ]


def send(*message):
    """Return an act that sends a message of the clock."""
    return lambda _, follower: follower.handle_message(message)


def tick_times(tempos, seconds):
    """Return the times [s] of the ticks of a tempo that goes linearly from one value to another [quarter notes/min]."""
    times = [FIRST_TICK]
    while times[-1] < seconds:
        tempo = np.interp(times[-1], [0, seconds], tempos)
        times.append(times[-1] + 60 / (tempo * TICKS_PER_BEAT))
    return np.array(times)


def tick_acts(times, seed=None):
    """Return Start and ticks as acts, with a jitter of 2 ms if a seed is given."""
    jitter = np.random.default_rng(seed).normal(0, 0.002, len(times)) if seed is not None else 0
    return [(0.05, send(START)), *((time, send(TICK)) for time in times + jitter)]


def play(seconds, acts, quantize="off", mode="solo", tempo=1.0, output_latency=0.0):
    """Play for simulated seconds; acts are pairs of a time [s] and a function of player and follower."""
    clock, waiting = SimulatedClock(), sorted(acts, key=lambda act: act[0])
    wire = Wire(clock=clock)
    rng = np.random.default_rng(0)
    source = Improviser(
        Engine(MODEL), Controls(UNCONSTRAINED, tempo), make_quantized_notes(1, 5), rng
    )
    source.mode = mode

    def sleep(span):
        end = clock() + span
        while waiting and waiting[0][0] <= end:
            clock.now, act = waiting.pop(0)
            act(player, follower)
        clock.now = end
        player.stopping = end >= seconds

    player = Player(source, wire, Recorder(), clock, sleep)
    player.schedule.output_latency = output_latency
    follower = ClockFollower(player.schedule, player.end_model_notes, quantize)
    source.time_keeper = follower
    player.run_offline()
    check(wire.sent)
    assert ends_in_silence(wire.sent)
    return wire, follower


def first_onset(wire):
    """Return the time of the first note [s]."""
    return next(time for time, message in wire.timed() if message[0] == NOTE_ON)


@pytest.mark.parametrize("tempos", [(120, 120), (60, 60), (150, 90), (90, 150)])
@pytest.mark.parametrize(("quantize", "beats"), [("beat", 1), ("bar", 4)])
def test_a_response_begins_on_the_next_beat_or_bar(quantize, beats, tempos):
    times = tick_times(tempos, 7.0)
    starts = times[:: beats * TICKS_PER_BEAT]
    wire, _ = play(7.0, [*phrase(1.0), *tick_acts(times, seed=1)], quantize, "call-response")
    expected = starts[starts >= 1.0 + RESPONSE_SECONDS][0]
    assert first_onset(wire) == pytest.approx(expected, abs=0.005)


def test_a_turn_that_is_given_waits_for_the_bar_too():
    times = tick_times((120, 120), 7.0)
    give_turn = (2.0, lambda player, _: player.source.turn_switch.give_turn("model"))
    wire, _ = play(7.0, [give_turn, *tick_acts(times)], "bar", "call-response")
    bars = times[:: 4 * TICKS_PER_BEAT]
    assert first_onset(wire) == pytest.approx(bars[bars >= 2.0 + LOOK_AHEAD][0], abs=0.005)


def test_a_response_leaves_before_the_beat_by_the_latency_of_the_output():
    times = tick_times((120, 120), 7.0)
    acts = [*phrase(1.0), *tick_acts(times)]
    wire, _ = play(7.0, acts, "bar", "call-response", output_latency=0.2)
    bars = times[:: 4 * TICKS_PER_BEAT]
    expected = bars[bars >= 1.0 + RESPONSE_SECONDS][0]
    assert first_onset(wire) == pytest.approx(expected - 0.2, abs=0.005)


def test_a_response_that_is_not_quantized_begins_at_once():
    acts = [*phrase(1.0), *tick_acts(tick_times((120, 120), 3.0))]
    wire, _ = play(3.0, acts, "off", "call-response")
    assert first_onset(wire) == pytest.approx(1.0 + RESPONSE_SECONDS, abs=2 * POLL_SECONDS)


def test_a_response_begins_at_once_if_the_clock_is_lost():
    acts = [*phrase(4.0), *tick_acts(tick_times((120, 120), 2.0))]
    wire, _ = play(6.0, acts, "bar", "call-response")
    assert 2.0 + LOST_SECONDS < 4.0 + RESPONSE_SECONDS
    assert first_onset(wire) == pytest.approx(4.0 + RESPONSE_SECONDS, abs=2 * POLL_SECONDS)


def test_a_person_who_plays_before_the_beat_gets_no_response_to_half_a_phrase():
    acts = [*phrase(1.0), (2.3, lambda player, _: player.note_on(64, 70))]
    acts += tick_acts(tick_times((120, 120), 5.0))
    wire, _ = play(5.0, acts, "bar", "call-response")
    assert not any(status == NOTE_ON for status, *_ in wire.sent)


def test_the_model_rests_from_stop_to_continue():
    acts = [*tick_acts(tick_times((120, 120), 20.0)), (8.0, send(STOP)), (12.0, send(CONTINUE))]
    wire, _ = play(20.0, acts)
    onsets = [time for time, message in wire.timed() if message[0] == NOTE_ON]
    assert not [time for time in onsets if 8.0 + POLL_SECONDS < time < 12.0]
    until_stop = [message for time, message in wire.timed() if time <= 8.0 + POLL_SECONDS]
    assert not sounding(until_stop)
    assert min(onsets) < 8.0
    assert max(onsets) > 12.0


@pytest.mark.parametrize(("tempo", "factor"), [(60, 0.5), (180, 1.5), (20, MIN_TEMPO)])
def test_the_tempo_is_that_of_the_clock_and_stays_when_it_is_lost(tempo, factor):
    _, follower = play(5.0 + LOST_SECONDS, tick_acts(tick_times((tempo, tempo), 4.0)))
    assert follower.midi_clock.beats_per_minute(follower.schedule.clock()) is None
    assert follower.tempo_factor == pytest.approx(factor, rel=0.001)
    assert follower.schedule.timeline.tempo == pytest.approx(factor, rel=0.001)


def test_the_tempo_control_is_a_factor_of_that_of_the_clock():
    _, follower = play(4.0, tick_acts(tick_times((60, 60), 4.0)), tempo=2.0)
    assert follower.schedule.timeline.tempo == pytest.approx(1.0, rel=0.001)


def test_the_model_plays_on_at_the_last_tempo_if_the_port_of_the_clock_is_gone():
    acts = tick_acts(tick_times((180, 180), 4.0))
    acts += [(4.0, send(STOP)), (6.0, lambda _, follower: follower.handle_loss())]
    wire, follower = play(20.0, acts)
    assert any(time > 6.0 for time, message in wire.timed() if message[0] == NOTE_ON)
    assert not follower.is_stopped
    assert follower.tempo_factor == pytest.approx(1.5, rel=0.001)


MESSAGES = st.sampled_from([(TICK,)] * 8 + [(START,), (STOP,), (CONTINUE,), (0xF2, 3, 1)])


@given(
    st.lists(st.tuples(st.floats(0, 0.3), MESSAGES), max_size=80),
    st.sampled_from(["off", "beat", "bar"]),
    st.sampled_from(["solo", "call-response", "accompany"]),
)
def test_every_note_ends_whatever_the_clock_sends(messages, quantize, mode):
    time, acts = 0.0, phrase(1.0)
    for pause, message in messages:
        time += pause
        acts.append((time, send(*message)))
    _, follower = play(6.0, acts, quantize, mode)
    assert MIN_TEMPO <= follower.tempo_factor <= MAX_TEMPO


def play_with_person(seconds, tempo, num_notes, quantize, output_latency=0.0):
    """Play for simulated seconds with a person who plays some beats from 1.0 s on; return the wire and the end."""
    period = 60 / tempo
    clock = SimulatedClock()
    onsets = 1.0 + period * np.arange(num_notes)
    waiting = sorted(
        [(time, "note_on", (60, 70)) for time in onsets]
        + [(time + 0.2, "note_off", (60,)) for time in onsets]
    )
    wire = Wire(clock=clock)
    source = Improviser(
        Engine(MODEL), Controls(UNCONSTRAINED), make_quantized_notes(1, 5), np.random.default_rng(0)
    )
    source.mode = "call-response"

    def sleep(span):
        end = clock() + span
        while waiting and waiting[0][0] <= end:
            clock.now, name, arguments = waiting.pop(0)
            getattr(player, name)(*arguments)
        clock.now = end
        player.stopping = end >= seconds

    player = Player(source, wire, Recorder(), clock, sleep)
    player.schedule.output_latency = output_latency
    person = PersonTempo(player.human_onsets, print)
    source.time_keeper = AlignedTime(player.schedule, person.find_next_beat, quantize)
    player.run_offline()
    check(wire.sent)
    assert ends_in_silence(wire.sent)
    return wire


@pytest.mark.parametrize("tempo", [80, 97, 125])
@pytest.mark.parametrize(("quantize", "beats"), [("beat", 1), ("bar", 4)])
@pytest.mark.parametrize("output_latency", [0.0, 0.2])
def test_a_response_begins_on_a_beat_of_the_person(tempo, quantize, beats, output_latency):
    num_notes = 10
    wire = play_with_person(16.0, tempo, num_notes, quantize, output_latency)
    starts = 1.0 + 60 / tempo * beats * np.arange(40)
    earliest = 1.0 + 60 / tempo * (num_notes - 1) + 0.2 + 0.8
    expected = starts[starts >= earliest][0] - output_latency
    assert first_onset(wire) == pytest.approx(expected, abs=0.005)


def test_a_response_to_a_phrase_without_a_beat_begins_at_once():
    wire = play_with_person(8.0, 100, 3, "bar")
    end = 1.0 + 2 * 0.6 + 0.2
    assert first_onset(wire) == pytest.approx(end + 0.8, abs=2 * POLL_SECONDS)


def test_without_a_clock_nothing_waits():
    free = FreeTime()
    assert (free.tempo_factor, free.is_stopped, free.align_start(7)) == (1.0, False, 7)


def test_a_clock_with_blocks_has_them_after_its_port_is_back():
    follower = ClockFollower(CallRecorder(), lambda: None)
    follower.handle_loss()
    assert follower.midi_clock.block_seconds == 0
    follower.set_block_seconds(0.02)
    assert follower.midi_clock.block_seconds == 0.02
    follower.handle_loss()
    assert follower.midi_clock.block_seconds == 0.02
