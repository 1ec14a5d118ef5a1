from hypothesis import given
from hypothesis import strategies as st

from pipeline.live.call_response import LONGEST_ANSWER, SHORTEST_ANSWER, USUAL, Phrase
from pipeline.live.note_source import Draft

KEYS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 40), st.integers(40, 50)), min_size=1, max_size=30)


def played(keys, rest=0.8) -> tuple[Phrase, list[Draft]]:
    """Play notes one after the other: pause, duration and pitch; return the phrase and the notes."""
    phrase, notes, now = Phrase(rest), [], 0
    for pause, duration, pitch in keys:
        now += pause
        phrase.strike(now, pitch, 70)
        phrase.lift(now + duration, pitch)
        notes.append(Draft(now, duration, pitch, 70))
        now += duration
    return phrase, notes


@given(KEYS, st.integers(20, 300))
def test_a_phrase_is_over_after_its_rest_and_not_before(keys, rest):
    phrase, notes = played(keys, rest / 100)
    last = notes[-1].onset + notes[-1].duration
    assert phrase.finished(last + rest - 1, 1.0) == []
    assert phrase.finished(last + rest, 1.0) == sorted(notes)
    assert phrase.finished(last + 10 * rest, 1.0) == []


@given(KEYS)
def test_an_answer_is_as_long_as_the_phrase_within_bounds(keys):
    phrase, notes = played(keys)
    now = notes[-1].onset + notes[-1].duration + 80
    assert phrase.answered(now)
    phrase.finished(now, 1.0)
    long = notes[-1].onset + notes[-1].duration - notes[0].onset
    assert phrase.until == now + min(max(long, SHORTEST_ANSWER), LONGEST_ANSWER)
    assert not phrase.answered(phrase.until - 1)
    assert phrase.answered(now + LONGEST_ANSWER)


def test_a_rest_is_clock_time_whatever_the_tempo():
    phrase, _ = played([(0, 10, 60)])
    assert phrase.finished(10 + 159, 2.0) == []
    assert phrase.finished(10 + 160, 2.0)


def test_a_key_that_is_held_is_no_rest_until_it_is_held_for_long():
    phrase = Phrase(0.5)
    phrase.strike(100, 60, 70)
    assert phrase.finished(100 + 399, 1.0) == []
    assert phrase.finished(100 + 400, 1.0) == [Draft(100, 0, 60, 70)]
    assert not phrase.keys


def test_a_key_struck_twice_is_two_notes():
    phrase = Phrase()
    phrase.strike(0, 60, 70)
    phrase.strike(30, 60, 80)
    phrase.lift(50, 60)
    phrase.lift(60, 60)
    assert phrase.finished(1000, 1.0) == [Draft(0, 30, 60, 70), Draft(30, 20, 60, 80)]


def test_the_usual_duration_follows_the_person():
    phrase, _ = played([(0, 100, 60)] * 40)
    assert USUAL < phrase.usual <= 100
    assert phrase.usual > 90


def test_forgetting_ends_phrase_and_answer():
    phrase, _ = played([(0, 10, 60)])
    phrase.finished(1000, 1.0)
    phrase.strike(2000, 60, 70)
    phrase.lift(2010, 60)
    phrase.forget()
    assert phrase.answered(0)
    assert phrase.finished(9000, 1.0) == []
