"""Time does not drift, and a change of tempo moves nothing that is due before it."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.live.timeline import TICK_SECONDS, SimulatedClock, Timeline

STARTS = st.floats(0, 1e7)
TEMPOS = st.floats(0.25, 4.0)
CHANGES = st.lists(st.tuples(st.floats(0.001, 3600), TEMPOS), max_size=30)
HOURS = 10 * 3600 * 1000


@given(STARTS, st.integers(0, HOURS))
def test_a_deadline_is_exact_to_a_microsecond_after_ten_hours(start, tick):
    assert (
        abs(Fraction(Timeline(start).time_of(tick)) - Fraction(start) - Fraction(tick, 1000)) < 1e-6
    )


@given(STARTS, CHANGES)
def test_no_tempo_change_loses_or_gains_time(start, changes):
    line, now = Timeline(start), start
    tick, exact = 0, Fraction(start)
    for gap, tempo in changes:
        now += gap
        before = line.tempo
        line.set_tempo(tempo, now)
        exact += (line.change_tick - tick) * Fraction(1, 1000) / Fraction(before)
        tick = line.change_tick
        assert abs(Fraction(line.time_of(tick)) - exact) < 1e-5


@given(STARTS, CHANGES, st.floats(0.001, 10), TEMPOS)
def test_what_is_due_by_now_stays_due_and_the_rest_comes_after(start, changes, gap, tempo):
    line, now = Timeline(start), start
    for pause, faster in changes:
        now += pause
        line.set_tempo(faster, now)
    now += gap
    last = line.tick_at(now)
    due = [line.time_of(tick) for tick in (last, last + 1)]
    line.set_tempo(tempo, now)
    assert [line.time_of(tick) for tick in (last, last + 1)] == pytest.approx(due, abs=1e-8)
    assert due[0] <= now + 1e-6
    assert due[1] >= now - 1e-6
    following = max(last + 1, line.change_tick)
    assert line.time_of(following + 1) - line.time_of(following) == pytest.approx(
        TICK_SECONDS / tempo, abs=1e-8
    )


@given(STARTS, TEMPOS, st.integers(0, HOURS))
def test_the_tick_at_a_deadline_is_that_tick(start, tempo, tick):
    line = Timeline(start)
    line.set_tempo(tempo, start)
    assert line.tick_at(line.time_of(tick) + 1e-6 + TICK_SECONDS / tempo / 1000) == tick


def test_a_slip_makes_a_tick_due_now_and_keeps_the_tempo():
    line = Timeline(0.0)
    line.set_tempo(2.0, 0.0)
    line.delay(5000, 100.0)
    assert line.time_of(5000) == 100.0
    assert line.time_of(7000) == 101.0


def test_a_simulated_clock_moves_only_when_someone_sleeps():
    clock = SimulatedClock(5.0)
    assert clock() == clock() == 5.0
    clock.sleep(0.25)
    clock.sleep(-1.0)
    assert clock() == 5.25
