"""Stage evaluate."""

from pathlib import Path

import pytest

from pipeline import paths, storage, streaming, windows
from pipeline.results import Evaluation


def test_all_held_out_notes_but_the_first_are_scored(in_made: Path) -> None:
    for name in ("baseline", "bidirectional"):
        found = Evaluation.load(paths.evaluation(name))
        assert found.scores.notes.sum() == (170 - 1) + (190 - 1)
        assert set(found.scores.piece) == {"2.mid", "4.mid"}


def test_the_score_is_that_of_the_stored_model(in_made: Path) -> None:
    found = Evaluation.load(paths.evaluation("baseline")).scores.per_note()["bits_per_note"]
    pieces = windows.load(paths.WINDOWS).pieces("validation")
    bits = streaming.bits(storage.load(paths.model("baseline")), pieces, 1)
    expected = sum(each.sum() for each in bits) / sum(len(each) for each in bits)
    assert found == pytest.approx(expected, abs=1e-3)
