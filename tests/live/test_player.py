"""The player keeps time, releases every note whatever happens, and is never held up by its source."""

import threading
import time

import pytest
from fake_port import Wire, check, ends_in_silence
from hypothesis import given
from hypothesis import strategies as st

from pipeline.live.active_keys import NOTE_ON
from pipeline.live.note_source import PendingNote
from pipeline.live.player import LOOK_AHEAD, POLL_SECONDS, Player
from pipeline.live.recorder import HUMAN, MODEL, Recorder
from pipeline.live.timeline import SimulatedClock

STEPS = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, 80), st.integers(60, 64)), max_size=30
)


class Steps:
    """A source of given notes: steps, durations and pitches. It may raise at some note, and obeys a person."""

    def __init__(self, steps, raises_at=None, tempos=(), interrupts=True):
        self.notes, onset = [], 10
        for step, duration, pitch in steps:
            onset += step
            self.notes.append(PendingNote(onset, duration, pitch, 64))
        self.next, self.raises_at, self.tempos = 0, raises_at, list(tempos)
        self.calls = []
        self.interrupts = interrupts
        self.accepted_at = []
        self.clock = None

    @property
    def tempo(self):
        return self.tempos.pop() if self.tempos else 1.0

    @property
    def done(self):
        return self.next >= len(self.notes)

    def peek(self, floor):
        if self.next == self.raises_at:
            raise ZeroDivisionError("a model broke")
        return None if self.done else self.notes[self.next]

    def commit(self):
        self.accepted_at.append(self.clock() if self.clock else 0)
        self.next += 1

    def note_on(self, cell, pitch, velocity, pedal):
        self.calls.append(("note on", cell, pitch, velocity))
        return self.interrupts

    def note_off(self, cell, pitch, key_up):
        self.calls.append(("note off", cell, pitch))

    def end_turn(self):
        self.calls.append(("end turn",))

    def cut_at(self, cell):
        self.calls.append(("cut", cell))


def simulated(source, **faults):
    clock = SimulatedClock(3.0)
    source.clock = clock
    wire = Wire(clock=clock, **faults)
    return Player(source, wire, Recorder(), clock, clock.sleep), wire, clock


def ons(wire):
    return [
        (round(when - 3.0, 5), pitch)
        for when, (status, pitch, _) in wire.timed()
        if status == NOTE_ON
    ]


@given(STEPS)
def test_what_the_source_says_is_played_when_it_is_due(steps):
    source = Steps(steps)
    player, wire, _ = simulated(source)
    player.run_offline()
    check(wire.sent)
    assert sorted(ons(wire)) == sorted((note.onset / 100, note.pitch) for note in source.notes)
    assert ends_in_silence(wire.sent)
    assert wire.closed == 1
    assert not player.running


@given(STEPS)
def test_no_note_is_sure_before_the_look_ahead(steps):
    source = Steps(steps)
    player, _, _ = simulated(source)
    player.run_offline()
    for note, when in zip(source.notes, source.accepted_at, strict=True):
        assert (
            note.onset / 100 - LOOK_AHEAD - 1e-6
            <= when - 3.0
            <= max(note.onset / 100 - LOOK_AHEAD, 0) + 0.02 + POLL_SECONDS
        )


@given(STEPS, st.lists(st.sampled_from([0.25, 0.5, 1.0, 2.0, 4.0]), min_size=2, max_size=60))
def test_notes_keep_their_order_and_pair_while_the_tempo_moves(steps, tempos):
    source = Steps(steps, tempos=tempos)
    player, wire, _ = simulated(source)
    player.run_offline()
    check(wire.sent)
    assert wire.times == sorted(wire.times)
    assert sum(status == NOTE_ON for status, *_ in wire.sent) == len(steps)
    assert player.schedule.latency.max_seconds < 1e-5


@given(STEPS, st.integers(0, 30))
def test_a_fault_of_the_model_comes_out_after_all_notes_were_released(steps, number):
    source = Steps(steps, raises_at=number)
    player, wire, _ = simulated(source)
    if number < len(steps):
        with pytest.raises(ZeroDivisionError):
            player.run_offline()
    else:
        source.raises_at = None
        player.run_offline()
    check(wire.sent)
    assert ends_in_silence(wire.sent)


@given(STEPS, st.integers(1, 60), st.booleans())
def test_a_fault_of_the_port_comes_out_after_all_notes_were_released(steps, number, delivers):
    player, wire, _ = simulated(Steps(steps), fails={number}, delivers=delivers)
    try:
        player.run_offline()
    except OSError as error:
        assert error is player.error
    check(wire.sent, strict=False)
    assert wire.closed == 1


@given(
    STEPS,
    st.lists(
        st.tuples(st.integers(0, 200), st.sampled_from(["note on", "note off", "panic", "stop"])),
        max_size=8,
    ),
)
def test_a_person_may_do_anything_at_any_time(steps, actions):
    player, wire, clock = simulated(Steps(steps))
    waiting = sorted(actions)

    def sleep(seconds):
        clock.sleep(seconds)
        while waiting and clock() >= 3.0 + waiting[0][0] / 100:
            action = waiting.pop(0)[1]
            {
                "note on": lambda: player.note_on(62, 80),
                "note off": lambda: player.note_off(62),
                "panic": player.panic,
                "stop": player.stop,
            }[action]()

    player.sleep = sleep
    player.run_offline()
    check(wire.sent)
    assert wire.closed == 1


def test_a_key_that_interrupts_silences_within_a_poll_and_the_source_learns_of_it():
    source = Steps([(0, 500, 60), (0, 500, 64), (5, 500, 67)])
    player, wire, clock = simulated(source)

    def sleep(seconds):
        clock.sleep(seconds)
        if clock() >= 3.5 and not player.events.qsize() and not source.calls:
            player.note_on(48, 90)

    player.sleep = sleep
    player.run_offline()
    assert [when for when, (status, *_) in wire.timed() if status == 0x80] == pytest.approx(
        [3.5] * 3, abs=2 * POLL_SECONDS
    )
    assert source.calls[0][0::2] == ("note on", 48)
    assert source.calls[1][0] == "cut"
    check(wire.sent)


def test_a_key_that_does_not_interrupt_lets_the_music_go_on():
    source = Steps([(0, 50, 60), (50, 50, 64)], interrupts=False)
    player, wire, _ = simulated(source)
    player.note_on(48, 90)
    player.run_offline()
    assert len(ons(wire)) == 2
    assert ("cut", 0) not in source.calls


def test_the_session_holds_both_players_and_keys_that_are_still_down():
    source = Steps([(0, 50, 60), (100, 50, 64)], interrupts=False)
    player, _, clock = simulated(source)
    acts = [
        (0.2, lambda: player.note_on(72, 90)),
        (0.5, lambda: player.note_on(72, 80)),
        (0.7, lambda: player.note_off(72)),
    ]
    acts.append((0.9, lambda: player.note_on(76, 70)))

    def sleep(seconds):
        clock.sleep(seconds)
        while acts and clock() >= 3.0 + acts[0][0]:
            acts.pop(0)[1]()

    player.sleep = sleep
    player.run_offline()
    assert player.recorder.collect_notes(MODEL)["pitch"].tolist() == [60, 64]
    human = player.recorder.collect_notes(HUMAN)
    assert human["pitch"].tolist() == [72, 72, 76]
    assert human["onset"] == pytest.approx([0.2, 0.5, 0.9], abs=0.03)
    assert human["duration"] == pytest.approx([0.3, 0.2, 0.7], abs=0.04)


def run_with(source, acts):
    """Run a player; acts are pairs of a time [s] and a function of the player."""
    player, wire, clock = simulated(source)
    waiting = sorted(acts, key=lambda act: act[0])

    def sleep(seconds):
        clock.sleep(seconds)
        while waiting and clock() >= 3.0 + waiting[0][0]:
            waiting.pop(0)[1](player)

    player.sleep = sleep
    player.run_offline()
    check(wire.sent)
    return player


def test_the_pedal_holds_what_a_person_plays_for_the_source_and_in_the_recording():
    source = Steps([(0, 50, 60), (200, 50, 64)], interrupts=False)
    acts = [
        (0.1, lambda player: player.move_pedal(is_down=True)),
        (0.2, lambda player: player.note_on(72, 90)),
        (0.3, lambda player: player.note_off(72)),
        (0.4, lambda player: player.note_on(72, 80)),
        (0.5, lambda player: player.note_off(72)),
        (1.2, lambda player: player.move_pedal(is_down=False)),
    ]
    human = run_with(source, acts).recorder.collect_notes(HUMAN)
    assert human["duration"] == pytest.approx([0.2, 0.8], abs=0.04)
    assert [call[0] for call in source.calls] == ["note on", "note off"] * 2
    assert source.calls[-1][1] == pytest.approx(120, abs=2)


def test_all_notes_off_ends_the_keys_of_the_person_only():
    source = Steps([(0, 100, 60), (200, 50, 64)], interrupts=False)
    acts = [(0.2, lambda player: player.note_on(72, 90)), (0.5, Player.release_keys)]
    recorder = run_with(source, acts).recorder
    assert recorder.collect_notes(HUMAN)["duration"] == pytest.approx([0.3], abs=0.04)
    assert recorder.collect_notes(MODEL)["duration"] == pytest.approx([1.0, 0.5])


def test_a_panic_ends_the_keys_of_the_person_too():
    source = Steps([(0, 100, 60), (200, 50, 64)], interrupts=False)
    acts = [
        (0.1, lambda player: player.move_pedal(is_down=True)),
        (0.2, lambda player: player.note_on(72, 90)),
        (0.5, Player.panic),
    ]
    recorder = run_with(source, acts).recorder
    assert recorder.collect_notes(HUMAN)["duration"] == pytest.approx([0.3], abs=0.04)
    assert [call[0] for call in source.calls] == ["note on", "note off", "end turn", "cut"]


def test_a_panic_silences_at_once_and_the_music_goes_on():
    source = Steps([(0, 900, 60), (100, 50, 64)])
    player, wire, clock = simulated(source)

    def sleep(seconds):
        clock.sleep(seconds)
        if 3.5 <= clock() < 3.5 + POLL_SECONDS:
            player.panic()

    player.sleep = sleep
    player.run_offline()
    assert (0x80, 60, 64) in wire.sent[:2]
    assert [pitch for _, pitch in ons(wire)] == [60, 64]
    assert any(calls[0] == "cut" for calls in source.calls)
    check(wire.sent)


def test_a_model_that_is_stuck_delays_no_message():
    """The notes that are sure go out, and end, while the source hangs in a step; real clock, real threads."""
    free, hung = threading.Event(), threading.Event()

    class Stuck(Steps):
        def peek(self, floor):
            if self.next == 2:
                hung.set()
                assert free.wait(30)
            return super().peek(floor)

    wire = Wire(clock=time.monotonic)
    player = Player(Stuck([(0, 5, 60), (2, 5, 62), (900, 5, 64)]), wire, Recorder())
    player.start()
    assert hung.wait(30)
    for _ in range(3000):
        if len(wire.sent) == 4:
            break
        time.sleep(0.01)
    assert [message[:2] for message in wire.sent] == [
        (0x90, 60),
        (0x90, 62),
        (0x80, 60),
        (0x80, 62),
    ]
    free.set()
    player.stop()
    check(wire.sent)
    assert ends_in_silence(wire.sent)
    assert not player.error


def test_run_plays_to_the_end_and_start_can_be_stopped_twice():
    wire = Wire(clock=time.monotonic)
    player = Player(Steps([(0, 5, 60), (5, 5, 62)]), wire, Recorder())
    player.run()
    check(wire.sent)
    assert len(player.recorder) == 2
    other = Player(Steps([(0, 900, 60)] * 3), Wire(), Recorder())
    other.start()
    other.stop()
    other.stop()
    assert not other.running


def test_the_last_note_is_played_although_the_queue_is_empty_when_the_source_is_done():
    class Slow(Steps):
        """Is done some time before the player has its last note."""

        def commit(self):
            super().commit()
            time.sleep(5 * POLL_SECONDS)

    player = Player(Slow([(0, 5, 60)]), Wire(), Recorder())
    player.run()
    assert player.recorder.collect_notes(MODEL)["pitch"].tolist() == [60]


def test_a_key_that_comes_up_while_the_player_ends_is_no_fault():
    class Ending(Steps):
        """Ends the player while it learns of a note of the person, and goes on when the port is closed."""

        def note_on(self, cell, pitch, velocity, pedal):
            player.stopping = True
            while player.running:
                time.sleep(0.001)
            time.sleep(0.05)
            return False

    player = Player(Ending([(900, 5, 60)]), Wire(), Recorder())
    player.note_on(72, 90)
    player.note_off(72)
    player.note_on(74, 80)
    player.run()
    notes = player.recorder.collect_notes(HUMAN)
    assert sorted(notes["pitch"].tolist()) == [72, 74]


def test_a_fault_in_the_thread_that_draws_ends_the_run():
    wire = Wire()
    player = Player(Steps([(0, 900, 60), (0, 900, 62)], raises_at=1), wire, Recorder())
    with pytest.raises(ZeroDivisionError):
        player.run()
    check(wire.sent)
    assert ends_in_silence(wire.sent)


@pytest.mark.slow
def test_an_hour_does_not_drift():
    source = Steps([(1000, 30, 60 + number % 12) for number in range(361)])
    player, wire, _ = simulated(source)
    player.run_offline()
    assert [when for when, _ in ons(wire)] == [note.onset / 100 for note in source.notes]
    assert source.notes[-1].onset / 100 == 3610.1


def test_notes_leave_earlier_by_the_latency_of_the_output_and_are_recorded_when_due():
    player, wire, _ = simulated(Steps([(0, 20, 60), (30, 20, 62), (40, 20, 64)]))
    player.schedule.output_latency = 0.06
    player.run_offline()
    assert ons(wire) == [(0.04, 60), (0.34, 62), (0.74, 64)]
    recorded = player.recorder.collect_notes(MODEL)
    assert recorded["onset"].tolist() == pytest.approx([0.1, 0.4, 0.8])
    assert recorded["duration"].tolist() == pytest.approx([0.2] * 3)
    assert player.schedule.latency.max_seconds < 1e-5
    check(wire.sent)
    assert ends_in_silence(wire.sent)


def test_the_look_ahead_grows_by_the_latency_of_the_output():
    source = Steps([(100, 20, 60)])
    player, wire, _ = simulated(source)
    player.schedule.output_latency = 0.5
    player.run_offline()
    assert ons(wire) == [(0.6, 60)]
    assert source.accepted_at[0] <= 3.0 + 0.6 - LOOK_AHEAD + POLL_SECONDS


def test_events_that_come_while_others_are_handled_are_of_the_next_step():
    """A flood of events does not keep the model from playing."""

    class Echo(Steps):
        """Answers 100 notes of the person by another one each."""

        def note_on(self, cell, pitch, velocity, pedal):
            self.calls.append("note on")
            if len(self.calls) < 100:
                player.note_on(pitch, velocity)
            return False

    source = Echo([(0, 10, 60)])
    player, _, _ = simulated(source)
    player.note_on(64, 90)
    player.fill_queue()
    assert source.calls == ["note on"]
