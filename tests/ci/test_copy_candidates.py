"""Candidates of a leak are all pieces that share a run that is long enough."""

import numpy as np
from factories import make_quantized_notes
from hypothesis import given
from hypothesis import strategies as st

from pipeline.ci.copy_candidates import find_candidates
from pipeline.notes.quantize import PITCH, QuantizedNotes
from pipeline.sample_metrics.memorization import find_longest_matches


@st.composite
def draw_pieces(draw: st.DrawFn) -> list[QuantizedNotes]:
    """Draw pieces that are cut from the same music, transposed, with other notes around."""
    music = make_quantized_notes(1, 160)
    pieces = []
    for seed in range(draw(st.integers(1, 6))):
        start, count = draw(st.integers(0, 159)), draw(st.integers(0, 160))
        before, after = (make_quantized_notes(seed + k, draw(st.integers(0, 20))) for k in (2, 50))
        part = music[start : start + count].copy()
        part[:, PITCH] += draw(st.integers(-3, 3))
        pieces.append(np.concatenate([before, part, after]))
    return pieces


@given(draw_pieces(), draw_pieces(), st.integers(9, 140))
def test_every_piece_that_shares_a_long_run_is_a_candidate(
    samples: list[QuantizedNotes], pieces: list[QuantizedNotes], min_notes: int
) -> None:
    candidates = find_candidates(samples, [min_notes] * len(samples), pieces)
    for sample, numbers in zip(samples, candidates, strict=True):
        shared = [find_longest_matches([sample], [piece])[0][0].num_notes for piece in pieces]
        expected = {number for number, notes in enumerate(shared) if notes >= min_notes}
        assert expected <= set(numbers)
        assert numbers == sorted(set(numbers))


def test_other_music_is_no_candidate() -> None:
    pieces = [make_quantized_notes(1, 400) for _ in range(8)]
    for seed, piece in enumerate(pieces):
        piece[:, PITCH] = np.random.default_rng(seed).integers(40, 90, 400)
    assert find_candidates(pieces[:2], [9, 200], pieces[2:]) == [[], []]
    assert find_candidates(pieces[:2], [200, 200], pieces) == [[0], [1]]


def test_no_window_crosses_from_one_piece_to_the_next() -> None:
    music = make_quantized_notes(1, 40)
    assert find_candidates([music], [20], [music[:10], music[10:20], music[20:30]]) == [[]]
