"""Stage evaluate."""

import json
from pathlib import Path

import pytest

from pipeline.core import paths
from pipeline.dataset import windows
from pipeline.evaluation.results import Evaluation
from pipeline.models import model_io, scoring


def test_all_held_out_notes_but_the_first_are_scored(in_made: Path) -> None:
    for name in ("baseline", "bidirectional"):
        found = Evaluation.load(paths.get_evaluation_path(name))
        assert found.scores.num_notes.sum() == (170 - 1) + (190 - 1)
        assert set(found.scores.piece_names) == {"2.mid", "4.mid"}


def test_the_score_is_that_of_the_stored_model(in_made: Path) -> None:
    found = Evaluation.load(paths.get_evaluation_path("baseline")).scores.compute_bits_per_note()[
        "bits_per_note"
    ]
    pieces = windows.load_windows(paths.WINDOWS).select_pieces("validation")
    bits = scoring.score_pieces(model_io.load_model(paths.get_model_dir("baseline")), pieces, 1)
    expected = sum(each.sum() for each in bits) / sum(len(each) for each in bits)
    assert found == pytest.approx(expected, abs=1e-3)


def test_what_lies_behind_the_bits_is_of_the_same_notes(in_made: Path) -> None:
    for name in ("baseline", "bidirectional"):
        found, detail = (
            Evaluation.load(paths.get_evaluation_path(name)),
            json.loads(paths.get_calibration_path(name).read_text("utf-8")),
        )
        mean = found.scores.compute_bits_per_note()
        assert detail["notes"] == 358
        assert {head: its["bits"] for head, its in detail["heads"].items()} == {
            head: pytest.approx(mean[head], abs=1e-3) for head in ("pitch", "step", "duration")
        }
        heard, _, *bits = detail["context"][-1]
        # Of a window of 10 the last 10 count, and all but the first notes of a piece are told by as many.
        assert heard == 128 and sum(bits) == pytest.approx(mean["bits_per_note"], abs=1)
