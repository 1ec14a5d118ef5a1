"""Stage compare: all evaluations of a run to one summary and one table of learning curves."""

import json

from pipeline.config import Params
from pipeline.core import files, paths
from pipeline.evaluation import bootstrap, decision, results
from pipeline.evaluation.bits import PieceScores
from pipeline.evaluation.decision import Decision
from pipeline.evaluation.results import Evaluation
from pipeline.stages.runner import run_stage

PARAM_SECTIONS = ("seed", "architectures", "compare")
"""What it reads of params.yaml."""

CURVE_COLUMNS = ("epoch", "notes", "loss", "bits_per_note", "pitch", "step", "duration")


def run(params: Params) -> None:
    """Write the summary, whose `best` lines up in every row of `dvc exp show`, and the curves, pairs and pieces."""
    found = [Evaluation.load(paths.get_evaluation_path(name)) for name in params.architectures]
    floors = {
        name: PieceScores.from_rows(floor["rows"])
        for name, floor in json.loads(paths.NGRAMS.read_text("utf-8")).items()
    }
    made = decision.choose_architecture(found, floors, params.compare, params.seed)
    files.write_text(paths.SUMMARY, json.dumps(_make_summary(found, floors, made), indent=1) + "\n")
    files.write_text(paths.LEARNING_CURVES, _format_curves(found))
    scores = {each.architecture: each.scores for each in found}
    table = bootstrap.build_pairs_table(scores, params.compare.bootstrap_resamples, params.seed)
    files.write_text(paths.PAIRS, results.format_compact_json(table))
    pieces = {
        "columns": ["piece", "notes", *scores, *floors],
        "rows": bootstrap.tabulate_bits_by_piece({**scores, **floors}),
    }
    files.write_text(paths.PIECE_SCORES, results.format_compact_json(pieces))


def _make_summary(
    evaluations: list[Evaluation], ngram_scores: dict[str, PieceScores], outcome: Decision
) -> dict[str, object]:
    """Put figures beside names: the best first, then each architecture, then the floors."""
    figures: dict[str, dict[str, object]] = {}
    for each in evaluations:
        figures[each.architecture] = {
            **_round_scores(each.scores),
            **bootstrap.round_difference(outcome.vs_reference[each.architecture]),
            "parameters": each.parameters,
            "bytes": each.bytes,
            "can_stream": each.can_stream,
            "epochs": len(each.history),
        }
    best = {"architecture": outcome.best, **figures[outcome.best]}
    best |= {
        "recommended": outcome.recommended,
        "tied_with": " ".join(outcome.tied),
        "not_better_than": " ".join(outcome.unbeaten_ngrams),
    }
    told = {
        name: {**_round_scores(scores), **bootstrap.round_difference(outcome.vs_reference[name])}
        for name, scores in ngram_scores.items()
    }
    return {"best": best, "reference": outcome.reference, **figures, "ngrams": told}


def _round_scores(scores: PieceScores) -> dict[str, float]:
    return {name: round(value, 4) for name, value in scores.compute_bits_per_note().items()}


def _get_difference(outcome: Decision, name: str) -> dict[str, float]:
    gap = outcome.vs_reference[name]
    return {"difference": round(gap.mean, 4), "low": round(gap.low, 4), "high": round(gap.high, 4)}


def _format_curves(evaluations: list[Evaluation]) -> str:
    """Return one row an architecture and epoch."""
    rows = [
        [each.architecture, *(f"{row[name]:.8g}" for name in CURVE_COLUMNS)]
        for each in evaluations
        for row in each.history
    ]
    return "\n".join(",".join(row) for row in [["architecture", *CURVE_COLUMNS], *rows]) + "\n"


if __name__ == "__main__":
    run_stage(run, PARAM_SECTIONS)
