from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.core.errors import DataError
from pipeline.evaluation.bits import PieceScores
from pipeline.evaluation.committed_best import CommittedBest

INGEST = {"reader": "symusic", "sustain_pedal": False, "instruments": "all"}
UNKNOWN = {"difference": None, "low": None, "high": None, "of": "gated at 0123456"}


def make_scores(shift: float, num_replicates: int = 3) -> PieceScores:
    hard = np.random.default_rng(0).normal(5, 1, (20, 3))
    rows = []
    for replicate in range(1, num_replicates + 1):
        noise = np.random.default_rng([replicate, int(100 * abs(shift))]).normal(0, 0.02, (20, 3))
        bits = 50 * (hard + noise + shift / 3)
        rows += [[replicate, f"work {k}", f"{k}.mid", 50, *row] for k, row in enumerate(bits)]
    return PieceScores.from_rows(rows)


def make_best() -> CommittedBest:
    return CommittedBest("gated", "0123456", INGEST, make_scores(0.0))


def test_a_run_has_its_difference_to_the_committed_best() -> None:
    row = make_best().compare(make_scores(-0.3), INGEST)
    assert row["of"] == "gated at 0123456"
    assert row["low"] < row["difference"] < row["high"] < 0
    assert row["difference"] == pytest.approx(-0.3, abs=0.02)


def test_the_committed_results_differ_from_themselves_by_nothing() -> None:
    row = make_best().compare(make_scores(0.0), INGEST)
    assert (row["difference"], row["low"], row["high"]) == (0, 0, 0)


def test_a_difference_that_rounds_to_zero_has_no_sign() -> None:
    scores = make_scores(0.0)
    scores = replace(scores, bits=scores.bits - 1e-5)
    assert str(make_best().compare(scores, INGEST)["difference"]) == "0.0"


def test_the_shared_replicates_are_compared() -> None:
    row = make_best().compare(make_scores(-0.3, num_replicates=2), INGEST)
    assert row["difference"] == pytest.approx(-0.3, abs=0.02)


def test_other_music_and_notes_that_were_read_otherwise_have_no_difference() -> None:
    scores = make_scores(-0.3)
    assert make_best().compare(scores, {**INGEST, "sustain_pedal": True}) == UNKNOWN
    elsewhere = replace(scores, piece_names=np.char.add("other ", scores.piece_names))
    assert make_best().compare(elsewhere, INGEST) == UNKNOWN


def test_it_comes_back_from_disk(in_folder: Path) -> None:
    best, path = make_best(), Path("data/best.json")
    best.save(path)
    loaded = CommittedBest.load(path)
    assert loaded.scores.to_rows() == best.scores.to_rows()
    assert replace(loaded, scores=best.scores) == best
    before = path.read_bytes()
    loaded.save(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"rows": 3}'])
def test_a_damaged_file_is_one_line(in_folder: Path, text: str) -> None:
    Path("best.json").write_text(text)
    with pytest.raises(DataError, match=r"^best.json: no results of .* 'music-rnn pin-best'$"):
        CommittedBest.load(Path("best.json"))
