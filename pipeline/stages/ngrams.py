"""Stage ngrams: bits per note of predictors without a network."""

import json
from dataclasses import replace
from functools import partial

import numpy as np

from pipeline.config import Params
from pipeline.core import files, parallel, paths
from pipeline.dataset import replicates, windows
from pipeline.evaluation import bits, ngrams
from pipeline.evaluation.bits import PieceScores
from pipeline.stages.runner import run_stage

PARAM_SECTIONS = ("ngrams", "replicates", "compare")
"""What it reads of params.yaml."""


def run(params: Params) -> None:
    """Fit the n-gram models on the training pieces of each replicate and score them on its held-out pieces."""
    plan = replicates.make_plan(windows.load_windows(paths.WINDOWS), params.replicates)
    numbers = range(1, plan.count + 1)
    if plan.folds is None:
        # An n-gram model has no seed: it scores the same pieces alike for every replicate.
        scores = _score_replicate(params, 1)
        parts = [_relabel_scores(scores, number) for number in numbers]
    else:
        parts = parallel.map_in_processes(partial(_score_replicate, params), numbers)
    out = {}
    for name in parts[0]:
        score = bits.concatenate_scores([part[name] for part in parts])
        # Rounded, since sums differ in their last digits from one BLAS kernel to another.
        mean = {key: round(value, 6) for key, value in score.compute_bits_per_note().items()}
        out[name] = {**mean, "rows": score.to_rows()}
    files.write_text(paths.NGRAMS, json.dumps(out, indent=1) + "\n")


def _score_replicate(params: Params, replicate: int) -> dict[str, PieceScores]:
    """Return the scores of every n-gram model."""
    plan = replicates.make_plan(windows.load_windows(paths.WINDOWS), params.replicates)
    data, split = plan.select(replicate), plan.get_deciding_split(params.compare.split)
    names, compositions = data.select_piece_names(split), data.select_compositions(split)
    pieces = windows.truncate_pieces(data.select_pieces(split), params.compare.max_notes)
    fitted = ngrams.fit_ngrams(data.select_pieces("train"), params.ngrams.additive_smoothing)
    return {
        name: bits.sum_bits(replicate, compositions, names, map(model, pieces))
        for name, model in fitted.items()
    }


def _relabel_scores(scores: dict[str, PieceScores], replicate: int) -> dict[str, PieceScores]:
    return {
        name: replace(item, replicates=np.full_like(item.replicates, replicate))
        for name, item in scores.items()
    }


if __name__ == "__main__":
    run_stage(run, PARAM_SECTIONS)
