"""Stage evaluate: bits per note of the replicates of one architecture on held-out pieces, with calibration."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from pipeline.config import Params
from pipeline.core import console, files, parallel, paths
from pipeline.dataset import replicates, windows
from pipeline.evaluation import bits as metrics
from pipeline.evaluation import calibration, evaluate, performance_events, results
from pipeline.evaluation.bits import PieceScores
from pipeline.evaluation.calibration import CalibrationStats
from pipeline.evaluation.evaluate import ContextBits
from pipeline.evaluation.performance_events import EventStats
from pipeline.evaluation.results import Evaluation
from pipeline.models import model_io
from pipeline.stages.runner import run_stage

PARAM_SECTIONS = ("replicates", "evaluate", "compare")
"""What it reads of params.yaml."""


@dataclass(frozen=True)
class ReplicateResult:
    """What one replicate scored."""

    scores: PieceScores
    calibration: dict[str, CalibrationStats]
    context_bits: ContextBits
    events: EventStats


def run(params: Params, architecture: str) -> None:
    """Score all replicates, each on the pieces that it did not train on, every note with the context of playback."""
    plan = replicates.make_plan(windows.load_windows(paths.WINDOWS), params.replicates)
    score = partial(_score_replicate, params, architecture)
    scored = parallel.map_in_processes(score, range(1, plan.count + 1))
    folder = paths.get_model_dir(architecture)
    model = model_io.load_model(folder)
    evaluation = Evaluation(
        architecture=architecture,
        config=model.config,
        parameters=model.parameters,
        bytes=(folder / model_io.WEIGHTS).stat().st_size,
        histories=[
            model_io.load_history(paths.get_replicate_dir(architecture, replicate))
            for replicate in range(1, plan.count + 1)
        ],
        scores=metrics.concatenate_scores([result.scores for result in scored]),
        events=performance_events.sum_event_stats(result.events for result in scored),
    )
    evaluation.save(paths.get_evaluation_path(architecture))
    detail = _summarize_detail(scored, evaluation.scores)
    files.write_text(paths.get_calibration_path(architecture), results.format_compact_json(detail))
    nats = evaluation.nats_per_event
    console.log_message(
        f"evaluate {architecture}: {evaluation.scores.compute_bits_per_note()['bits_per_note']:.3f} bits per note of "
        f"{evaluation.scores.num_notes.sum():,} held-out notes, {plan.count} replicates"
        + ("" if nats is None else f", {nats:.3f} nats per event")
    )


def _score_replicate(params: Params, architecture: str, replicate: int) -> ReplicateResult:
    plan = replicates.make_plan(windows.load_windows(paths.WINDOWS), params.replicates)
    data, split = plan.select(replicate), plan.get_deciding_split(params.compare.split)
    model = model_io.load_model(paths.get_replicate_dir(architecture, replicate))
    pieces = windows.truncate_pieces(data.select_pieces(split), params.compare.max_notes)
    bit_sums, heads = evaluate.evaluate_pieces(
        model, pieces, params.evaluate.batch_size, evaluate.MAX_CALIBRATION_NOTES // plan.count
    )
    names, compositions = data.select_piece_names(split), data.select_compositions(split)
    num_notes = [max(len(piece) - 1, 0) for piece in pieces]
    scores = metrics.make_scores(replicate, compositions, names, num_notes, bit_sums)
    num_targets = max(1, evaluate.CONTEXT_TARGETS // plan.count)
    context_bits = evaluate.compute_bits_by_context(model, pieces, num_targets)
    events = performance_events.collect_event_stats(pieces)
    return ReplicateResult(scores, heads, context_bits, events)


def _summarize_detail(scored: Sequence[ReplicateResult], scores: PieceScores) -> dict[str, Any]:
    """Return calibration and bits by length of the context, over all replicates."""
    heads = {
        name: calibration.concatenate_stats([result.calibration[name] for result in scored])
        for name in scored[0].calibration
    }
    context_bits = evaluate.merge_context_bits([result.context_bits for result in scored])
    return {
        "notes": len(next(iter(heads.values())).prob),
        "heads": calibration.summarize_calibration(heads, scores.compute_bits_per_note()),
        "context": [
            [length, num_targets, *(round(value, 4) for value in mean.values())]
            for length, num_targets, mean in context_bits
        ],
    }


if __name__ == "__main__":
    run_stage(run, PARAM_SECTIONS, *sys.argv[1:])
