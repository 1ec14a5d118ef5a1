"""What a person plays sounds at once at the output, and every note ends although two play the same pitch."""

import pytest
from fake_port import Wire, check, ends_in_silence, sounding
from hypothesis import given
from hypothesis import strategies as st

from pipeline.live.note_source import PendingNote
from pipeline.live.player import Player
from pipeline.live.recorder import HUMAN, MODEL, Recorder
from pipeline.live.thru import Thru
from pipeline.live.timeline import SimulatedClock


class ShortNotes:
    """A source of notes of a few pitches, one every 50 ms; keys of a person silence them."""

    tempo, done = 1.0, False

    def __init__(self):
        self.onset = 0

    def peek(self, floor):
        return PendingNote(self.onset, 8, 60 + self.onset // 5 % 3, 64)

    def commit(self):
        self.onset += 5

    def note_on(self, cell, pitch, velocity, pedal):
        return True

    def note_off(self, cell, pitch, key_up):
        pass

    end_turn = cut_at = lambda *_: None


@pytest.fixture
def player():
    clock = SimulatedClock()
    return Player(ShortNotes(), Wire(clock=clock), Recorder(), clock, clock.sleep)


def play(player, acts, seconds):
    """Play for simulated seconds; acts are pairs of a time [s] and a function of thru and player."""
    waiting, thru = sorted(acts, key=lambda act: act[0]), Thru(player)

    def sleep(span):
        player.clock.sleep(span)
        while waiting and player.clock() >= waiting[0][0]:
            waiting.pop(0)[1](thru)
        player.stopping = player.stopping or player.clock() >= seconds

    player.sleep = sleep
    player.run_offline()
    check(player.schedule.port.sent)
    assert ends_in_silence(player.schedule.port.sent)


def send(name, *arguments):
    """Return an act of keyboard or pedal: thru gets it before the player."""

    def act(thru):
        getattr(thru, name)(*arguments)
        getattr(thru.player, name)(*arguments)

    return act


def test_a_key_sounds_at_once_and_the_end_of_the_model_does_not_end_it(player):
    acts = [(0.5, send("note_on", 72, 90)), (0.8, send("note_off", 72))]
    play(player, acts, 1.0)
    timed = [(time, message) for time, message in player.schedule.port.timed() if message[1] == 72]
    assert [message for _, message in timed] == [(0x90, 72, 90), (0x80, 72, 64)]
    assert [time for time, _ in timed] == pytest.approx([0.5, 0.8], abs=0.011)
    assert player.recorder.collect_notes(HUMAN)["pitch"].tolist() == [72]
    assert 72 not in player.recorder.collect_notes(MODEL)["pitch"]


def test_the_pedal_holds_a_note_at_the_output(player):
    acts = [(0.1, send("move_pedal", True)), (0.2, send("note_on", 72, 90))]
    acts += [(0.3, send("note_off", 72)), (0.7, send("move_pedal", False))]
    play(player, acts, 1.0)
    ends = [time for time, message in player.schedule.port.timed() if message == (0x80, 72, 64)]
    assert ends == pytest.approx([0.7], abs=0.011)


def test_a_panic_ends_the_notes_of_the_person(player):
    play(player, [(0.2, send("note_on", 72, 90)), (0.5, send("panic"))], 1.0)
    until_panic = [message for time, message in player.schedule.port.timed() if time < 0.52]
    assert 72 not in sounding(until_panic)


def test_a_key_that_is_held_ends_when_the_player_ends(player):
    play(player, [(0.2, send("note_on", 72, 90))], 0.5)
    assert 72 not in sounding(player.schedule.port.sent)


def test_nothing_is_sent_after_the_end(player):
    play(player, [], 0.2)
    thru = Thru(player)
    thru.note_on(60, 70)
    thru.note_off(60)
    assert player.error is None


def test_a_port_that_fails_ends_the_player():
    player = Player(ShortNotes(), Wire(fails={1}), Recorder(), SimulatedClock())
    Thru(player).note_on(60, 70)
    assert player.stopping
    assert str(player.error) == "failed"


ACTS = st.one_of(
    st.tuples(st.just("note_on"), st.integers(60, 63), st.integers(1, 127)),
    st.tuples(st.just("note_off"), st.integers(60, 63)),
    st.tuples(st.just("move_pedal"), st.booleans()),
    st.sampled_from([("panic",), ("release_keys",)]),
)


@given(st.lists(st.tuples(st.floats(0, 0.2), ACTS), max_size=40), st.sampled_from([0.0, 0.05, 0.5]))
def test_every_note_ends_whatever_keys_and_pedal_do(pauses, output_latency):
    clock = SimulatedClock()
    player = Player(ShortNotes(), Wire(clock=clock), Recorder(), clock, clock.sleep)
    player.schedule.output_latency = output_latency
    now, acts = 0.0, []
    for pause, act in pauses:
        now += pause
        acts.append((now, send(*act)))
    play(player, acts, 3.0)
