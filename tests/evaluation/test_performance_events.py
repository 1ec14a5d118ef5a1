"""Counts of events by hand and against an encoder that writes each event down."""

from math import log

import numpy as np
import pytest
from factories import make_quantized_notes
from hypothesis import given
from hypothesis import strategies as st

from pipeline.evaluation import performance_events
from pipeline.evaluation.performance_events import EventStats, collect_event_stats, count_events
from pipeline.notes import note, quantize

# Columns: onset [s], duration [s], pitch, velocity.
BY_HAND = {
    # velocity, note-on, shift, note-off
    "one note": ([(0, 0.5, 60, 64)], 4),
    "silence before the first note counts for nothing": ([(7.3, 0.5, 60, 64)], 4),
    # velocity, note-on, note-on, shift, note-off, note-off
    "a chord of one velocity": ([(0, 0.5, 60, 64), (0, 0.5, 64, 64)], 6),
    # the shift to the end of the second note is one more
    "a chord that ends apart": ([(0, 0.5, 60, 64), (0, 0.6, 64, 64)], 7),
    "velocities 61 and 64 share a bin": ([(0, 0.5, 60, 61), (0, 0.5, 64, 64)], 6),
    "velocities 64 and 65 do not": ([(0, 0.5, 60, 64), (0, 0.5, 64, 65)], 7),
    "velocity 1 begins the first bin": ([(0, 0.5, 60, 1), (0, 0.5, 64, 4)], 6),
    "a bin that comes back is a change": (
        [(0, 0.5, 60, 64), (0, 0.5, 62, 90), (0, 0.5, 64, 64)],
        # 3 velocities, 3 note-ons, 1 shift, 3 note-offs
        10,
    ),
    "one second is one shift": ([(0, 1.0, 60, 64)], 4),
    "a little more takes two": ([(0, 1.01, 60, 64)], 5),
    "2.5 s take three": ([(0, 2.5, 60, 64)], 6),
    # velocity, on, shift 0.5 s, off, shifts of 1 s and 0.5 s, on, shift, off
    "a gap takes shifts of its own": ([(0, 0.5, 60, 64), (2.0, 0.5, 60, 64)], 9),
    "times within 10 ms are one": ([(0, 0.5, 60, 64), (0.004, 0.5, 64, 64)], 6),
    "times are rounded and not cut": ([(0, 0.5, 60, 64), (0.006, 0.494, 64, 64)], 7),
    "the shortest note lasts 10 ms": ([(0, 0.001, 60, 64)], 4),
    # velocity, on, shift, off, on, shift, off
    "a note that follows at once needs one shift": ([(0, 0.5, 60, 64), (0.5, 0.5, 62, 64)], 7),
}


def make_notes(rows: list[tuple[float, float, int, int]]) -> note.Notes:
    return note.make_notes(*zip(*rows, strict=True))


@pytest.mark.parametrize(("rows", "expected"), BY_HAND.values(), ids=BY_HAND)
def test_events_by_hand(rows: list[tuple[float, float, int, int]], expected: int) -> None:
    assert count_events(make_notes(rows)) == expected


def test_no_notes_have_no_events() -> None:
    assert count_events(np.empty(0, note.NOTE_DTYPE)) == 0


def encode_events(notes: note.Notes) -> list[tuple[str, int]]:
    """List all events in order."""
    changes = []
    for number, row in enumerate(notes.tolist()):
        onset, duration, *_ = row
        start = int(onset * 100 + 0.5)
        end = max(int((onset + duration) * 100 + 0.5), start + 1)
        changes += [(start, number, "on"), (end, number, "off")]
    events: list[tuple[str, int]] = []
    now, velocity_bin = min(changes)[0], None
    for step, number, kind in sorted(changes):
        while now < step:
            shift = min(step - now, 100)
            events.append(("shift", shift))
            now += shift
        velocity = (int(notes["velocity"][number]) + 3) // 4
        if kind == "on" and velocity != velocity_bin:
            velocity_bin = velocity
            events.append(("velocity", velocity))
        events.append((kind, int(notes["pitch"][number])))
    return events


ROWS = st.lists(
    st.tuples(st.floats(0, 12), st.floats(0.001, 4), st.integers(21, 108), st.integers(1, 127)),
    min_size=1,
    max_size=30,
)


@given(rows=ROWS)
def test_the_count_is_that_of_an_encoder(rows: list[tuple[float, float, int, int]]) -> None:
    notes = make_notes(rows)
    assert count_events(notes) == len(encode_events(notes))


def test_nats_per_event_by_hand() -> None:
    piece = np.array([(0, 10, 60, 64), (0, 10, 64, 64), (120, 10, 67, 2)], np.int16)
    stats = collect_event_stats([piece, piece[:1]])
    # velocity, on, on, shift, off, off; 1.1 s in two shifts, velocity, on, shift, off
    assert stats == EventStats(3, 12, 2, pytest.approx(2 + np.log2(3), abs=1e-4))
    bits = {"bits_per_note": 11.0, "velocity": 5.0}
    expected = (11 + 5 - (2 + np.log2(3)) / 2) * log(2) / (12 / 3)
    assert stats.compute_nats_per_event(bits) == pytest.approx(expected, abs=1e-4)


def test_a_model_without_velocity_has_no_figure() -> None:
    stats = collect_event_stats([make_quantized_notes(0, 9)])
    assert stats.compute_nats_per_event({"bits_per_note": 11.0}) is None
    assert "velocity" in performance_events.describe_figure(None)
    assert "not exact" in performance_events.describe_figure(2.0)


def test_sums_of_parts_are_those_of_the_whole() -> None:
    pieces = [make_quantized_notes(seed, 20 + seed) for seed in range(4)]
    parts = [collect_event_stats([piece]) for piece in pieces]
    whole = performance_events.sum_event_stats(parts)
    assert whole == collect_event_stats(pieces)
    assert whole.num_events == sum(count_events(quantize.dequantize(piece)) for piece in pieces)


def test_maestro_by_hand_is_the_figure_of_its_card() -> None:
    """11.12 bits and velocity in 32 bins of 3.06 at 4.515 events a note are 2.18 nats, as the project's facts have it."""
    stats = EventStats(1000, 4515, 1000, 2000.0)
    bits = {"bits_per_note": 11.12, "velocity": 5.06}
    assert stats.compute_nats_per_event(bits) == pytest.approx(14.18 * log(2) / 4.515, abs=1e-9)
