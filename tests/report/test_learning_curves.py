"""Learning curves of replicates as one line and a band."""

import pytest

from pipeline.report.learning_curves import summarize_curves


def make_rows(shift: float) -> list[dict[str, str]]:
    """Make two epochs of two replicates of two architectures; the pieces of the second are `shift` bits harder."""
    bits = {
        ("a", "1"): (9.0, 8.0),
        ("a", "2"): (9.4, 8.2),
        ("b", "1"): (7.0, 6.0),
        ("b", "2"): (6.8, 5.8),
    }
    return [
        {
            "architecture": name,
            "replicate": replicate,
            "notes": str(100 * epoch),
            "bits_per_note": str(values[epoch - 1] + (shift if replicate == "2" else 0.0)),
        }
        for (name, replicate), values in bits.items()
        for epoch in (1, 2)
    ]


def test_a_line_is_the_mean_and_its_band_the_least_and_the_greatest():
    curves = summarize_curves(make_rows(0.0), is_cross_validation=False)
    assert curves["a"].points == [(100.0, pytest.approx(9.2)), (200.0, pytest.approx(8.1))]
    assert curves["a"].bounds == [(9.0, 9.4), (8.0, 8.2)]
    assert curves["b"].bounds == [(6.8, 7.0), (5.8, 6.0)]


def test_how_hard_the_pieces_of_a_fold_are_does_not_widen_the_band():
    easy = summarize_curves(make_rows(0.0), is_cross_validation=True)
    hard = summarize_curves(make_rows(5.0), is_cross_validation=True)
    for name in ("a", "b"):
        assert sum(hard[name].bounds, ()) == pytest.approx(
            tuple(end + 2.5 for ends in easy[name].bounds for end in ends)
        )
    kept = summarize_curves(make_rows(5.0), is_cross_validation=False)
    assert kept["a"].bounds[0] == (9.0, 14.4)


def test_no_curves_are_no_lines():
    assert summarize_curves([], is_cross_validation=True) == {}
