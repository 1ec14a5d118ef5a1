"""Stage evaluate: bits per note of one trained model on the held-out pieces, with calibration."""

import sys

from pipeline.config import Params
from pipeline.core import files, paths
from pipeline.dataset import windows
from pipeline.evaluation import bits as metrics
from pipeline.evaluation import calibration, evaluate, results
from pipeline.evaluation.results import Evaluation
from pipeline.models import model_io
from pipeline.stages.runner import run_stage

PARAM_SECTIONS = ("evaluate", "compare")
"""What it reads of params.yaml."""


def run(params: Params, architecture: str) -> None:
    """Score a trained model, every note with the context that playback has."""
    folder = paths.get_model_dir(architecture)
    model, data = model_io.load_model(folder), windows.load_windows(paths.WINDOWS)
    split = params.compare.split
    names = data.select_piece_names(split)
    pieces = windows.truncate_pieces(data.select_pieces(split), params.compare.max_notes)
    bits, heads = evaluate.evaluate_pieces(
        model, pieces, params.evaluate.batch_size, f"evaluate {architecture}"
    )
    evaluation = Evaluation(
        architecture=architecture,
        config=model.config,
        parameters=model.parameters,
        bytes=(folder / model_io.WEIGHTS).stat().st_size,
        history=model_io.load_history(folder),
        scores=metrics.aggregate_bits(names, bits),
    )
    evaluation.save(paths.get_evaluation_path(architecture))
    detail = {
        "notes": len(next(iter(heads.values())).prob),
        "heads": calibration.summarize_calibration(
            heads, evaluation.scores.compute_bits_per_note()
        ),
        "context": [
            [length, num_targets, *(round(value, 4) for value in mean.values())]
            for length, num_targets, mean in evaluate.compute_bits_by_context(model, pieces)
        ],
    }
    files.write_text(paths.get_calibration_path(architecture), results.format_compact_json(detail))


if __name__ == "__main__":
    run_stage(run, PARAM_SECTIONS, *sys.argv[1:])
