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
    evaluations = [
        Evaluation.load(paths.get_evaluation_path(name)) for name in params.architectures
    ]
    ngram_rows = json.loads(paths.NGRAMS.read_text(encoding="utf-8"))
    ngrams = {name: PieceScores.from_rows(row["rows"]) for name, row in ngram_rows.items()}
    outcome = decision.choose_architecture(evaluations, ngrams, params.compare, params.seed)
    summary = _make_summary(evaluations, ngrams, outcome)
    files.write_text(paths.SUMMARY, json.dumps(summary, indent=1) + "\n")
    files.write_text(paths.LEARNING_CURVES, _format_curves(evaluations))
    scores = {evaluation.architecture: evaluation.scores for evaluation in evaluations}
    pairs = bootstrap.build_pairs_table(scores, params.compare.bootstrap_resamples, params.seed)
    files.write_text(paths.PAIRS, results.format_compact_json(pairs))
    scores |= ngrams
    pieces = {
        "columns": ["piece", "notes", *scores],
        "rows": bootstrap.tabulate_bits_by_piece(scores),
    }
    files.write_text(paths.PIECE_SCORES, results.format_compact_json(pieces))


def _make_summary(
    evaluations: list[Evaluation], ngram_scores: dict[str, PieceScores], outcome: Decision
) -> dict[str, object]:
    """Put figures beside names: the best first, then each architecture, then the n-gram models."""
    rows: dict[str, dict[str, object]] = {}
    for evaluation in evaluations:
        name = evaluation.architecture
        rows[name] = {
            **_describe_scores(evaluation.scores, outcome, name),
            "parameters": evaluation.parameters,
            "bytes": evaluation.bytes,
            "can_stream": evaluation.can_stream,
            "epochs": len(evaluation.history),
            "not_better_than": " ".join(outcome.not_better_than[name]),
        }
    best = {
        "architecture": outcome.best,
        **rows[outcome.best],
        "recommended": outcome.recommended,
        "tied_with": " ".join(outcome.tied),
    }
    ngrams = {
        name: _describe_scores(scores, outcome, name) for name, scores in ngram_scores.items()
    }
    return {"best": best, "reference": outcome.reference, **rows, "ngrams": ngrams}


def _describe_scores(scores: PieceScores, outcome: Decision, name: str) -> dict[str, float | None]:
    """Return bits per note and the difference to the reference, to a ten-thousandth of a bit."""
    bits = {key: round(value, 4) for key, value in scores.compute_bits_per_note().items()}
    return {**bits, **bootstrap.round_difference(outcome.vs_reference[name])}


def _format_curves(evaluations: list[Evaluation]) -> str:
    """Return one row an architecture and epoch, as CSV."""
    lines = [",".join(["architecture", *CURVE_COLUMNS])]
    for evaluation in evaluations:
        for row in evaluation.history:
            figures = [f"{row[name]:.8g}" for name in CURVE_COLUMNS]
            lines.append(",".join([evaluation.architecture, *figures]))
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    run_stage(run, PARAM_SECTIONS)
