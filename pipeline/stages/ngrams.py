"""Stage ngrams: bits per note of predictors without a network."""

import json

from pipeline.config import Params
from pipeline.core import files, paths
from pipeline.dataset import windows
from pipeline.evaluation import bits, ngrams
from pipeline.stages.runner import run_stage

PARAM_SECTIONS = ("ngrams", "compare")
"""What it reads of params.yaml."""


def run(params: Params) -> None:
    """Fit the n-gram models on training pieces and score them on the held-out pieces."""
    data = windows.load_windows(paths.WINDOWS)
    split = params.compare.split
    names = data.select_piece_names(split)
    pieces = windows.truncate_pieces(data.select_pieces(split), params.compare.max_notes)
    fitted = ngrams.fit_ngrams(data.select_pieces("train"), params.ngrams.additive_smoothing)
    scores = {
        name: bits.aggregate_bits(names, [model(piece) for piece in pieces])
        for name, model in fitted.items()
    }
    out = {}
    for name, score in scores.items():
        # Rounded, since sums differ in their last digits from one BLAS kernel to another.
        mean = {key: round(value, 6) for key, value in score.compute_bits_per_note().items()}
        out[name] = {**mean, "rows": score.to_rows()}
    files.write_text(paths.NGRAMS, json.dumps(out, indent=1) + "\n")


if __name__ == "__main__":
    run_stage(run, PARAM_SECTIONS)
