"""The clock is followed in phase and tempo through what clocks do on a real machine."""

import math
import runpy

import numpy as np
import pytest
from factories import ROOT

from pipeline.live.midi_clock import (
    CONTINUE,
    FIT_TICKS,
    LOCK_TICKS,
    LOST_SECONDS,
    SONG_POSITION,
    START,
    STOP,
    TICK,
    TICKS_PER_BEAT,
    MidiClock,
)

SIMULATION = runpy.run_path(str(ROOT / "benchmarks/midi_clock.py"))
Segment, measure_phase_errors = SIMULATION["Segment"], SIMULATION["measure_phase_errors"]
SECONDS = 60 / 120 / TICKS_PER_BEAT
"""Seconds of a tick at 120 quarter notes a minute."""


def tick(clock, first, count, seconds=SECONDS):
    """Send ticks from a time [s] on; return the time of the last one."""
    for number in range(count):
        clock.handle_message(first + number * seconds, (TICK,))
    return first + (count - 1) * seconds


def phase_errors(segments, loss=0.0, seed=0):
    return np.abs(measure_phase_errors(segments, np.random.default_rng(seed), loss))


@pytest.mark.parametrize("tempo", [60, 120, 180])
def test_jitter_is_filtered(tempo):
    errors = phase_errors([Segment(60, tempo, tempo)])
    assert np.quantile(errors, 0.5) < 0.001
    assert np.quantile(errors, 0.99) < 0.003


@pytest.mark.parametrize(("first", "last"), [(60, 180), (180, 60)])
def test_a_ramp_is_followed(first, last):
    errors = phase_errors([Segment(5, first, first), Segment(20, first, last)])
    assert np.quantile(errors, 0.99) < 0.005


@pytest.mark.parametrize(("first", "last"), [(60, 180), (180, 60)])
def test_the_phase_is_not_behind_or_ahead_on_a_long_ramp(first, last):
    errors = measure_phase_errors([Segment(20, first, last)], np.random.default_rng(0))
    assert abs(errors[len(errors) // 2 :].mean()) < 0.0005


def test_many_silences_do_not_add_up():
    errors = phase_errors(60 * [Segment(4, 180, 180, has_dropout=True)], seed=1)
    assert errors.max() < 0.005


def test_steep_ramps_that_begin_and_end_at_a_high_tempo_move_no_beat():
    up, down = Segment(10, 100, 180), Segment(10, 180, 100)
    session = [Segment(3, 100, 100), up, Segment(3, 180, 180), down]
    errors = phase_errors(8 * session, loss=0.001, seed=5)
    assert np.quantile(errors, 0.99) < 0.005


@pytest.mark.parametrize("tempo", [60, 120, 180])
def test_a_silence_of_a_second_moves_no_beat(tempo):
    errors = phase_errors([Segment(20, tempo, tempo, has_dropout=True)])
    assert len(errors) == pytest.approx(19 * tempo * TICKS_PER_BEAT / 60, abs=LOCK_TICKS + 1)
    assert np.quantile(errors, 0.99) < 0.005


def test_ticks_that_are_lost_one_by_one_move_no_beat():
    assert np.quantile(phase_errors([Segment(60, 120, 120)], loss=0.02), 0.99) < 0.005


def test_ticks_that_come_late_in_one_burst_are_not_counted_twice():
    clock = MidiClock()
    tick(clock, 0.0, 48)
    tick(clock, 71 * SECONDS, 24, 0.0)
    last = tick(clock, 72 * SECONDS, 24)
    assert clock.song_position(last) == pytest.approx(95, abs=0.01)


def test_many_stalls_of_a_sender_move_no_beat():
    rng = np.random.default_rng(1)
    due = np.arange(20_000) * SECONDS
    received = due + 0.0003 * np.abs(rng.normal(size=len(due)))
    for start in np.cumsum(rng.exponential(2.0, size=int(due[-1] / 2))):
        end = start + rng.uniform(0.02, 0.2)
        stalled = (due >= start) & (due < end)
        received[stalled] = end + 2e-5 * np.arange(stalled.sum())
    clock = MidiClock()
    for time in np.maximum.accumulate(received).tolist():
        clock.handle_message(time, (TICK,))
    assert clock.song_position(time) == pytest.approx(time / SECONDS, abs=0.3)


@pytest.mark.parametrize("factor", [1 / 3, 0.5, 0.7, 0.8, 1.3, 1.4, 2, 2.5, 3])
def test_after_a_jump_of_the_tempo_the_position_is_the_number_of_ticks(factor):
    clock = MidiClock()
    last = tick(clock, 0.0, 48)
    last = tick(clock, last + factor * SECONDS, 3 * FIT_TICKS, factor * SECONDS)
    assert clock.song_position(last) == pytest.approx(47 + 3 * FIT_TICKS, abs=0.1)
    assert clock.beats_per_minute(last) == pytest.approx(120 / factor, rel=0.02)


@pytest.mark.parametrize("late", [0.6, 0.8, 1.4])
def test_a_tick_that_is_late_once_is_counted_once(late):
    clock = MidiClock()
    tick(clock, 0.0, 48)
    clock.handle_message((48 + late) * SECONDS, (TICK,))
    last = tick(clock, (48 + max(late, 1)) * SECONDS, 1)
    last = tick(clock, 50 * SECONDS, 24)
    assert clock.song_position(last) == pytest.approx(73, abs=0.1)


def test_a_tick_that_is_early_once_is_counted_once():
    clock = MidiClock()
    tick(clock, 0.0, 48)
    clock.handle_message(47.4 * SECONDS, (TICK,))
    last = tick(clock, 49 * SECONDS, 24)
    assert clock.song_position(last) == pytest.approx(72, abs=0.1)


def test_the_tick_after_start_is_the_first_of_the_song():
    clock = MidiClock()
    last = tick(clock, 0.0, 30)
    clock.handle_message(last + 0.005, (START,))
    last = tick(clock, last + SECONDS, 25)
    assert clock.song_position(last) == pytest.approx(24)
    assert clock.next_multiple(last + 0.001, 24) == pytest.approx(last + 24 * SECONDS)
    assert clock.next_multiple(last + 0.001, 96) == pytest.approx(last + 72 * SECONDS)


def test_a_start_between_two_ticks_takes_its_phase_from_the_next_tick():
    clock = MidiClock()
    last = tick(clock, 0.0, 48)
    clock.handle_message(last + 0.7, (START,))
    last = tick(clock, last + 0.7 + SECONDS / 2, 25)
    assert clock.song_position(last) == pytest.approx(24, abs=1e-6)


def test_a_stopped_song_has_no_position_and_goes_on_where_it_stopped():
    clock = MidiClock()
    last = tick(clock, 0.0, 31)
    clock.handle_message(last + 0.001, (STOP,))
    assert clock.is_stopped
    last = tick(clock, last + SECONDS, 40)
    assert clock.song_position(last) is None
    assert clock.next_multiple(last, 24) is None
    assert clock.beats_per_minute(last) == pytest.approx(120)
    clock.handle_message(last + 0.001, (STOP,))
    clock.handle_message(last + 0.002, (CONTINUE,))
    assert clock.is_stopped
    last = tick(clock, last + SECONDS, 1)
    assert not clock.is_stopped
    assert clock.song_position(last) == pytest.approx(31)


@pytest.mark.parametrize("has_stopped", [True, False])
def test_a_continue_while_it_plays_changes_nothing(has_stopped):
    clock = MidiClock()
    last = tick(clock, 0.0, 31)
    if has_stopped:
        clock.handle_message(last + 0.001, (STOP,))
        clock.handle_message(last + 0.002, (CONTINUE,))
    last = tick(clock, last + SECONDS, 20)
    clock.handle_message(last + 0.001, (CONTINUE,))
    last = tick(clock, last + SECONDS, 20)
    assert clock.song_position(last) == pytest.approx(70)


def test_a_continue_without_a_start_begins_where_the_position_says():
    clock = MidiClock()
    clock.handle_message(0.0, (SONG_POSITION, 4, 0))
    clock.handle_message(0.0, (CONTINUE,))
    last = tick(clock, 0.1, 20)
    assert clock.song_position(last) == pytest.approx(24 + 19)


def test_the_song_position_pointer_counts_sixteenth_notes():
    clock = MidiClock()
    last = tick(clock, 0.0, 20)
    clock.handle_message(last, (STOP,))
    clock.handle_message(last, (SONG_POSITION, 3, 1))
    clock.handle_message(last, (CONTINUE,))
    last = tick(clock, last + SECONDS, 1)
    assert clock.song_position(last) == pytest.approx(6 * 131)


def test_a_song_position_while_it_plays_sets_the_count_anew():
    clock = MidiClock()
    last = tick(clock, 0.0, 20)
    clock.handle_message(last + 0.001, (SONG_POSITION, 4, 0))
    last = tick(clock, last + SECONDS, 2)
    assert clock.song_position(last) == pytest.approx(25)


def test_a_clock_is_lost_without_ticks_and_not_locked_before_some():
    clock = MidiClock()
    assert clock.beats_per_minute(0.0) is None
    last = tick(clock, 0.0, LOCK_TICKS - 1)
    assert clock.song_position(last) is None
    last = tick(clock, last + SECONDS, 1)
    assert clock.song_position(last) == pytest.approx(LOCK_TICKS - 1)
    assert clock.song_position(last + LOST_SECONDS + 0.01) is None
    assert clock.next_multiple(last + LOST_SECONDS + 0.01, 24) is None
    last = tick(clock, last + 3 * LOST_SECONDS, LOCK_TICKS)
    assert clock.song_position(last) == pytest.approx(2 * LOCK_TICKS - 1)


def test_other_messages_are_ignored():
    clock = MidiClock()
    last = tick(clock, 0.0, 20)
    clock.handle_message(last, (0x90, 60, 70))
    clock.handle_message(last, (0xFE,))
    assert clock.song_position(last) == pytest.approx(19)


def check_blocks(clock, tempo, frames, jitter=0.0):
    """Check that ticks that come in blocks of frames move no beat in a minute, nor with delays up to a jitter [s]."""
    block, seconds = frames / 48_000, 60 / tempo / TICKS_PER_BEAT
    due = np.arange(60 / seconds) * seconds
    delays = np.random.default_rng(0).uniform(0, jitter, len(due))
    errors = []
    for number, time in enumerate(np.sort(np.ceil(due / block) * block + delays).tolist()):
        clock.handle_message(time, (TICK,))
        if number > 100:
            errors.append((clock.song_position(time) - number) * seconds - (time - due[number]))
    assert -block - 0.005 < min(errors) <= max(errors) < 0.005


@pytest.mark.parametrize("tempo", [60, 90, 120, 123, 140, 180])
@pytest.mark.parametrize("frames", [128, 1024, 2048])
def test_blocks_of_which_some_have_several_ticks_are_noticed(tempo, frames):
    check_blocks(MidiClock(), tempo, frames)


@pytest.mark.parametrize("tempo", [49, 50, 57, 58, 60, 90, 100, 105, 110, 115, 117, 120, 180])
@pytest.mark.parametrize("frames", [128, 1024, 2048])
def test_ticks_of_a_port_with_blocks_move_no_beat(tempo, frames):
    """From 100 to 117 at 1,024 frames, and from 49 to 58 at 2,048, some blocks are empty and none has two ticks."""
    check_blocks(MidiClock(frames / 48_000), tempo, frames, jitter=0.001)


@pytest.mark.parametrize("tempo", [60, 100, 110, 120, 140, 180])
@pytest.mark.parametrize("frames", [64, 128, 256])
def test_ticks_that_are_lost_between_short_blocks_move_no_beat(tempo, frames):
    """One of 200 ticks is lost, as where a program of JACK is late; one that counted as the next would move all beats."""
    block, seconds = frames / 48_000, 60 / tempo / TICKS_PER_BEAT
    clock, rng = MidiClock(block), np.random.default_rng(1)
    errors = []
    for number in range(round(120 / seconds)):
        time = math.ceil(number * seconds / block) * block + rng.uniform(0, 0.001)
        if number > 100 and rng.random() < 1 / 200:
            continue
        clock.handle_message(time, (TICK,))
        errors.append((clock.song_position(time) or number) - time / seconds)
    assert abs(np.array(errors[-100:])).max() * seconds < block + 0.005
