"""Stage ngrams."""

import json
from pathlib import Path

import pytest

from pipeline.config import Params
from pipeline.core import paths
from pipeline.dataset import replicates, windows
from pipeline.evaluation import ngrams
from pipeline.evaluation.bits import PieceScores
from pipeline.stages import ngrams as ngrams_stage
from pipeline.stages import windows as windows_stage


def load_scores() -> dict[str, PieceScores]:
    """Return what the stage wrote."""
    results = json.loads(paths.NGRAMS.read_text("utf-8"))
    return {name: PieceScores.from_rows(entry["rows"]) for name, entry in results.items()}


def test_ngrams_score_the_pieces_that_decide(in_made: Path) -> None:
    scores = load_scores()
    assert list(scores) == ["uniform", "unigram", "trigram", "context_mixing"]
    means = {name: item.compute_bits_per_note()["bits_per_note"] for name, item in scores.items()}
    assert means["trigram"] < means["unigram"] < means["uniform"]
    written = json.loads(paths.NGRAMS.read_text("utf-8"))
    assert {name: entry["bits_per_note"] for name, entry in written.items()} == pytest.approx(
        means, abs=1e-4
    )


@pytest.mark.usefixtures("in_ingested")
def test_every_seed_has_the_same_scores(small_seeds: Params) -> None:
    for stage in (windows_stage, ngrams_stage):
        stage.run(small_seeds.restrict_to(stage.PARAM_SECTIONS))
    for scores in load_scores().values():
        first, second = (scores.select_replicate(replicate) for replicate in (1, 2))
        assert len(first.num_notes) + len(second.num_notes) == len(scores.num_notes)
        assert first.piece_names.tolist() == ["2.mid", "4.mid"]
        assert first.num_notes.tolist() == [170 - 1, 190 - 1]
        assert [row[1:] for row in first.to_rows()] == [row[1:] for row in second.to_rows()]


def test_each_fold_is_scored_by_what_was_counted_elsewhere(in_made: Path, small: Params) -> None:
    scores = load_scores()["unigram"]
    assert sorted(scores.piece_names) == [f"{number}.mid" for number in range(5)]
    plan = replicates.make_plan(windows.load_windows(paths.WINDOWS), small.replicates)
    for replicate in (1, 2, 3):
        data = plan.select(replicate)
        fitted = ngrams.fit_ngrams(data.select_pieces("train"), small.ngrams.additive_smoothing)
        bits = fitted["unigram"](data.select_pieces("test")[0])
        expected = [round(float(value), 4) for value in bits.sum(axis=0)]
        row = scores.select_replicate(replicate).to_rows()[0]
        assert row[2:] == [data.select_piece_names("test")[0], len(bits), *expected]
