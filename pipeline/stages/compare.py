"""Stage compare: all evaluations of a run to one summary and one table of learning curves."""

import json
from typing import Any

from pipeline.config import Params
from pipeline.core import files, paths
from pipeline.evaluation import bits, decision, intervals, plot_tables, results
from pipeline.evaluation.bits import PieceScores
from pipeline.evaluation.committed_best import CommittedBest
from pipeline.evaluation.decision import Decision
from pipeline.evaluation.intervals import PairDifference
from pipeline.evaluation.results import Evaluation
from pipeline.stages.runner import run_stage

PARAM_SECTIONS = ("architectures", "ingest")
"""What it reads of params.yaml."""

CURVE_COLUMNS = ("epoch", "notes", "loss", "bits_per_note", "pitch", "step", "duration")


def run(params: Params) -> None:
    """Write the summary, whose `best` lines up in every row of `dvc exp show`, the curves, pairs, pieces and plots."""
    evaluations = [
        Evaluation.load(paths.get_evaluation_path(name)) for name in params.architectures
    ]
    ngram_rows = json.loads(paths.NGRAMS.read_text(encoding="utf-8"))
    ngrams = {name: PieceScores.from_rows(row["rows"]) for name, row in ngram_rows.items()}
    outcome = decision.choose_architecture(evaluations, ngrams)
    summary = _make_summary(evaluations, ngrams, outcome, params.ingest.model_dump())
    files.write_text(paths.SUMMARY, json.dumps(summary, indent=1) + "\n")
    files.write_text(paths.LEARNING_CURVES, _format_curves(evaluations))
    files.write_text(paths.PAIRS, results.format_compact_json(_tabulate_pairs(outcome)))
    scores = {evaluation.architecture: evaluation.scores for evaluation in evaluations} | ngrams
    pieces = {
        "columns": ["piece", "notes", *scores],
        "rows": bits.tabulate_bits_by_piece(scores),
    }
    files.write_text(paths.PIECE_SCORES, results.format_compact_json(pieces))
    files.write_text(paths.PIECE_PLOT, plot_tables.format_bits_by_piece(pieces))
    _write_detail_plots(params.architectures)


def _write_detail_plots(architectures: list[str]) -> None:
    """Write the tables that `dvc plots` draws of what `evaluate` found beside the bits."""
    details = {
        name: json.loads(paths.get_calibration_path(name).read_text(encoding="utf-8"))
        for name in architectures
    }
    files.write_text(paths.CALIBRATION_PLOT, plot_tables.format_calibration(details))
    files.write_text(paths.CONTEXT_PLOT, plot_tables.format_bits_by_context(details))


def _make_summary(
    evaluations: list[Evaluation],
    ngram_scores: dict[str, PieceScores],
    outcome: Decision,
    ingest: dict[str, Any],
) -> dict[str, object]:
    """Put figures beside names: the best first, then each architecture, then the n-gram models."""
    scores = {evaluation.architecture: evaluation.scores for evaluation in evaluations}
    rows: dict[str, dict[str, object]] = {}
    for evaluation in evaluations:
        name = evaluation.architecture
        rows[name] = {
            **_describe_scores(evaluation.scores, outcome, name),
            "group": outcome.groups[name],
            "parameters": evaluation.parameters,
            "bytes": evaluation.bytes,
            "learning_rate": evaluation.config.learning_rate,
            "can_stream": evaluation.can_stream,
            "epochs": max(len(history) for history in evaluation.histories),
            "not_better_than": " ".join(outcome.not_better_than[name]),
        }
    best = {
        "architecture": outcome.best,
        **rows[outcome.best],
        "recommended": outcome.recommended,
        "tied_with": " ".join(outcome.tied),
        "against_committed": CommittedBest.load(paths.COMMITTED_BEST).compare(
            scores[outcome.best], ingest
        ),
    }
    ngrams = {
        name: _describe_scores(scores, outcome, name) for name, scores in ngram_scores.items()
    }
    return {"best": best, "reference": outcome.reference, **rows, "ngrams": ngrams}


def _describe_scores(scores: PieceScores, outcome: Decision, name: str) -> dict[str, float | None]:
    """Return bits per note, half the width of their interval, and the difference to the reference."""
    mean = {key: round(value, 4) for key, value in scores.compute_bits_per_note().items()}
    half_width = intervals.estimate_mean(scores).half_width
    difference = intervals.round_interval(outcome.vs_reference[name].interval)
    return {**mean, "half_width": intervals.round_figure(half_width), **difference}


def _tabulate_pairs(outcome: Decision) -> dict[str, Any]:
    """Return what `metrics/pairs.json` holds."""
    estimate = next(iter(outcome.vs_reference.values()))
    return {
        "replicates": estimate.num_replicates,
        "compositions": estimate.num_compositions,
        "scheme": "cross_validation" if estimate.is_nested else "seeds",
        "decimals": outcome.decimals,
        "ranked": outcome.ranked,
        "pairs": [_describe_pair(pair) for pair in outcome.pairs],
    }


def _describe_pair(pair: PairDifference) -> dict[str, Any]:
    """Return the difference of two architectures, and for a tie what it takes to tell a small difference."""
    row = {
        "a": pair.first,
        "b": pair.second,
        **intervals.round_interval(pair.estimate.interval),
        "corrected_p": float(f"{pair.corrected_p:.3g}"),
        "tie": pair.is_tie,
    }
    if pair.is_tie:
        factors = intervals.compute_replication_factor(pair.estimate, decision.POWER_DIFFERENCE)
        row["more_compositions"], row["more_replicates"] = map(intervals.round_figure, factors)
    return row


def _format_curves(evaluations: list[Evaluation]) -> str:
    """Return one row an architecture, replicate and epoch, as CSV."""
    lines = [",".join(["architecture", "replicate", *CURVE_COLUMNS])]
    for evaluation in evaluations:
        for replicate, history in enumerate(evaluation.histories, 1):
            for row in history:
                figures = [f"{row[name]:.8g}" for name in CURVE_COLUMNS]
                lines.append(",".join([evaluation.architecture, str(replicate), *figures]))
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    run_stage(run, PARAM_SECTIONS)
