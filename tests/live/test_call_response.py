from hypothesis import given
from hypothesis import strategies as st

from pipeline.live.call_response import (
    DEFAULT_DURATION,
    HELD_SECONDS,
    MAX_RESPONSE_CELLS,
    MIN_RESPONSE_CELLS,
    Phrase,
)
from pipeline.live.note_source import PendingNote
from pipeline.notes.quantize import GRID_SECONDS

KEYS = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, 40), st.integers(40, 50)), min_size=1, max_size=30
)


def played(keys, rest=0.8) -> tuple[Phrase, list[PendingNote]]:
    """Play notes one after the other: pause, duration and pitch; return the phrase and the notes."""
    phrase, notes, now = Phrase(rest), [], 0
    for pause, duration, pitch in keys:
        now += pause
        phrase.note_on(now, pitch, 70)
        phrase.note_off(now + duration, pitch, now + duration)
        notes.append(PendingNote(now, duration, pitch, 70))
        now += duration
    return phrase, notes


@given(KEYS, st.integers(20, 300))
def test_a_phrase_is_over_after_its_rest_and_not_before(keys, rest):
    phrase, notes = played(keys, rest / 100)
    last = notes[-1].onset + notes[-1].duration
    assert phrase.take_if_finished(last + rest - 1, 1.0) == []
    assert phrase.take_if_finished(last + rest, 1.0) == sorted(notes)
    assert phrase.take_if_finished(last + 10 * rest, 1.0) == []


@given(KEYS)
def test_an_answer_is_as_long_as_the_phrase_within_bounds(keys):
    phrase, notes = played(keys)
    now = notes[-1].onset + notes[-1].duration + 80
    assert phrase.is_response_over(now)
    phrase.take_if_finished(now, 1.0)
    long = notes[-1].onset + notes[-1].duration - notes[0].onset
    assert phrase.response_end == now + min(max(long, MIN_RESPONSE_CELLS), MAX_RESPONSE_CELLS)
    assert not phrase.is_response_over(phrase.response_end - 1)
    assert phrase.is_response_over(now + MAX_RESPONSE_CELLS)


def test_a_rest_is_clock_time_whatever_the_tempo():
    phrase, _ = played([(0, 10, 60)])
    assert phrase.take_if_finished(10 + 159, 2.0) == []
    assert phrase.take_if_finished(10 + 160, 2.0)


def test_a_key_that_is_held_is_no_rest_until_it_is_held_for_long():
    phrase = Phrase(0.5)
    phrase.note_on(100, 60, 70)
    held = round(HELD_SECONDS / GRID_SECONDS)
    assert phrase.take_if_finished(100 + held - 1, 1.0) == []
    assert phrase.take_if_finished(100 + held, 1.0) == [PendingNote(100, 0, 60, 70)]
    assert not phrase.held_notes


def test_a_key_struck_twice_is_two_notes():
    phrase = Phrase()
    phrase.note_on(0, 60, 70)
    phrase.note_on(30, 60, 80)
    phrase.note_off(50, 60, 50)
    phrase.note_off(60, 60, 60)
    assert phrase.take_if_finished(1000, 1.0) == [
        PendingNote(0, 30, 60, 70),
        PendingNote(30, 20, 60, 80),
    ]


def test_the_usual_duration_follows_the_person():
    phrase, _ = played([(0, 100, 60)] * 40)
    assert DEFAULT_DURATION < phrase.typical_duration <= 100
    assert phrase.typical_duration > 90


def test_forgetting_ends_phrase_and_answer():
    phrase, _ = played([(0, 10, 60)])
    phrase.take_if_finished(1000, 1.0)
    phrase.note_on(2000, 60, 70)
    phrase.note_off(2010, 60, 2010)
    phrase.clear()
    assert phrase.is_response_over(0)
    assert phrase.take_if_finished(9000, 1.0) == []


def test_a_phrase_that_is_taken_ends_held_notes_and_may_be_empty():
    phrase = Phrase()
    phrase.note_on(100, 60, 70)
    assert phrase.take(150, 140) == [PendingNote(100, 40, 60, 70)]
    assert phrase.response_end == 150 + MIN_RESPONSE_CELLS
    assert phrase.take(900, 900) == []
    assert phrase.response_end == 900 + MAX_RESPONSE_CELLS
