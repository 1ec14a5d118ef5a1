"""Messages go out at their deadlines, each note ends once, and the session says what sounded."""

import pytest
from fake_port import Wire, check, ends_in_silence
from hypothesis import given
from hypothesis import strategies as st

from pipeline.live.active_keys import MAX_KEYS, NOTE_OFF, NOTE_ON
from pipeline.live.note_source import PendingNote
from pipeline.live.recorder import Recorder
from pipeline.live.scheduler import MAX_LATE, NEVER, TOLERANCE, Schedule
from pipeline.live.timeline import SimulatedClock

DRAFTS = st.lists(
    st.builds(
        PendingNote,
        st.integers(0, 300),
        st.integers(0, 100),
        st.integers(60, 65),
        st.integers(1, 127),
        st.just(0),
    ),
    max_size=40,
)
WITH_PEDAL = st.lists(st.tuples(DRAFTS, st.integers(0, 2)), max_size=4).map(
    lambda parts: [draft._replace(pedal=pedal) for drafts, pedal in parts for draft in drafts]
)


def plan(drafts=(), **faults):
    clock = SimulatedClock(7.0)
    wire = Wire(clock=clock, **faults)
    schedule = Schedule(wire, Recorder(), clock)
    for draft in drafts:
        schedule.enqueue(draft)
    return schedule, wire, clock


def play(schedule, clock, until=1e9):
    while not schedule.is_idle and clock() < until:
        clock.sleep(min(schedule.send_due(), until - clock()))


@given(DRAFTS)
def test_every_message_goes_out_at_its_deadline(drafts):
    schedule, wire, clock = plan(drafts)
    play(schedule, clock)
    check(wire.sent)
    due = [
        (round(when - 7.0, 6), pitch)
        for when, (status, pitch, _) in wire.timed()
        if status == NOTE_ON
    ]
    assert sorted(due) == sorted((draft.onset / 100, draft.pitch) for draft in drafts)
    assert wire.times == sorted(wire.times)
    assert schedule.latency.max_seconds <= TOLERANCE
    assert schedule.send_due() == NEVER


@given(DRAFTS)
def test_a_note_ends_when_it_should_or_where_its_pitch_is_struck_again(drafts):
    schedule, _, clock = plan(drafts)
    play(schedule, clock)
    notes = schedule.recorder.collect_notes()
    assert len(notes) == len(drafts)
    alone = [d for d in drafts if sum(e.pitch == d.pitch for e in drafts) == 1]
    for draft in alone:
        (note,) = notes[notes["pitch"] == draft.pitch]
        assert note["onset"] == pytest.approx(draft.onset / 100, abs=1e-6)
        assert note["duration"] == pytest.approx(max(draft.duration / 100, 0.004), abs=1e-6)
        assert note["velocity"] == draft.velocity
    for pitch in {d.pitch for d in drafts}:
        same = notes[notes["pitch"] == pitch]
        assert (same["onset"][:-1] + same["duration"][:-1] <= same["onset"][1:] + 0.0011).all()


@given(
    WITH_PEDAL,
    st.lists(
        st.tuples(st.floats(0.01, 2), st.sampled_from(["all_notes_off", "panic", 0.25, 1.0, 4.0])),
        max_size=6,
    ),
)
def test_whatever_is_done_meanwhile_nothing_hangs_and_nothing_goes_back_in_time(drafts, deeds):
    schedule, wire, clock = plan(drafts)
    for gap, deed in deeds:
        play(schedule, clock, clock() + gap)
        if isinstance(deed, float):
            schedule.set_tempo(deed)
        else:
            getattr(schedule, deed)()
            assert schedule.is_idle
            check(wire.sent)
    play(schedule, clock)
    schedule.close()
    check(wire.sent)
    assert schedule.latency.max_seconds <= TOLERANCE
    assert ends_in_silence(wire.sent)
    assert wire.closed == 1


@given(WITH_PEDAL, st.integers(1, 90), st.booleans())
def test_a_port_error_comes_out_and_closing_releases_what_sounds(drafts, fails, delivers):
    schedule, wire, clock = plan(drafts, fails={fails}, delivers=delivers)
    try:
        play(schedule, clock)
        assert wire.tries < fails
    except OSError:
        pass
    schedule.close()
    check(wire.sent, strict=False)


def test_offs_come_before_ons():
    schedule, wire, clock = plan([PendingNote(0, 10, 60, 64), PendingNote(10, 10, 62, 64)])
    play(schedule, clock)
    assert [status for status, *_ in wire.sent] == [NOTE_ON, NOTE_OFF, NOTE_ON, NOTE_OFF]
    assert wire.times[1] == wire.times[2]


def test_a_tempo_is_felt_by_what_is_in_the_queue():
    schedule, wire, clock = plan([PendingNote(0, 1, 60, 64), PendingNote(100, 1, 62, 64)])
    schedule.send_due()
    schedule.set_tempo(2.0)
    play(schedule, clock)
    assert wire.times[2] == pytest.approx(7.5, abs=0.001)


def test_a_stalled_source_makes_the_music_wait_and_is_not_caught_up_in_a_burst():
    schedule, wire, clock = plan()
    clock.sleep(60 + 2 * MAX_LATE)
    schedule.enqueue(PendingNote(6000, 5, 60, 64))
    schedule.enqueue(PendingNote(6050, 5, 62, 64))
    play(schedule, clock)
    first, second = (when for when, (status, *_) in wire.timed() if status == NOTE_ON)
    assert first == 7 + 60 + 2 * MAX_LATE
    assert second - first == pytest.approx(0.5)
    assert schedule.stalls == 1


def test_a_little_late_is_caught_up():
    schedule, wire, clock = plan()
    clock.sleep(60 + MAX_LATE / 2)
    schedule.enqueue(PendingNote(6000, 5, 60, 64))
    schedule.enqueue(PendingNote(6050, 5, 62, 64))
    play(schedule, clock)
    assert wire.times[2] == pytest.approx(67.5)
    assert schedule.stalls == 0


def test_a_chord_wider_than_any_synthesiser_stays_in_bounds():
    schedule, wire, clock = plan([PendingNote(0, 100, pitch, 64) for pitch in range(128)])
    play(schedule, clock)
    check(wire.sent)
    assert wire.most == MAX_KEYS


def test_a_closed_schedule_takes_no_note_and_closes_once():
    schedule, wire, _ = plan()
    schedule.close()
    schedule.enqueue(PendingNote(0, 1, 60, 64))
    schedule.close()
    schedule.panic()
    assert schedule.is_idle
    assert wire.closed == 1


def test_a_note_of_the_person_that_waits_for_the_end_is_not_sent_after_it():
    """A thread that has a key gets the lock as soon as the last messages are sent."""

    class HandingLock:
        """Lets another thread in whenever it is released."""

        def __init__(self, lock):
            self.lock = lock

        def __enter__(self):
            self.lock.acquire()

        def __exit__(self, *_):
            self.lock.release()
            schedule.lock = self.lock
            schedule.start_thru(60, 64)
            schedule.lock = self

    schedule, wire, _ = plan()
    schedule.lock = HandingLock(schedule.lock)
    schedule.close()
    check(wire.sent)
    assert ends_in_silence(wire.sent)


def test_a_port_that_cannot_even_close_says_why():
    schedule, wire, _ = plan()
    wire.close = lambda: 1 / 0
    assert isinstance(schedule.close(), ZeroDivisionError)


def sounded(*notes):
    """Return pitch, onset and end [s] of notes as they were recorded, in order of their ends."""
    schedule, wire, clock = plan(notes)
    play(schedule, clock)
    check(wire.sent)
    rows = schedule.recorder.collect_notes().tolist()
    return sorted((pitch, round(on, 3), round(on + held, 3)) for on, held, pitch, *_ in rows)


def test_a_pedal_holds_notes_until_it_comes_up():
    held = PendingNote(0, 10, 60, 64, 2), PendingNote(50, 10, 62, 64, 1)
    assert sounded(*held, PendingNote(100, 10, 64, 64, 0)) == [
        (60, 0, 1.0),
        (62, 0.5, 1.0),
        (64, 1.0, 1.1),
    ]


def test_a_pedal_that_is_pressed_anew_ends_what_it_held():
    assert sounded(PendingNote(0, 10, 60, 64, 2), PendingNote(100, 20, 64, 64, 2)) == [
        (60, 0, 1.0),
        (64, 1.0, 6.2),
    ]


def test_a_key_that_is_down_when_the_pedal_comes_up_sounds_on():
    assert sounded(PendingNote(0, 90, 60, 64, 2), PendingNote(50, 10, 64, 64, 0)) == [
        (60, 0, 0.9),
        (64, 0.5, 0.6),
    ]


def test_a_held_key_that_is_struck_again_is_a_new_note():
    notes = PendingNote(0, 10, 60, 64, 2), PendingNote(50, 10, 60, 64, 1)
    assert sounded(*notes, PendingNote(100, 10, 64, 64, 0)) == [
        (60, 0, 0.5),
        (60, 0.5, 1.0),
        (64, 1.0, 1.1),
    ]


def test_silence_lets_the_pedal_up():
    schedule, _, clock = plan([PendingNote(0, 10, 60, 64, 2)])
    play(schedule, clock, clock() + 1)
    schedule.all_notes_off()
    assert schedule.is_idle
    schedule.enqueue(PendingNote(200, 10, 60, 64))
    play(schedule, clock)
    assert schedule.recorder.collect_notes()["duration"].tolist() == pytest.approx([1.0, 0.1])
