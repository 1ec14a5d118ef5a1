"""Stage evaluate: the bits per note of one trained model on the pieces that decide."""

import sys

from pipeline import metrics, paths, storage, streaming, windows
from pipeline.params import Params
from pipeline.results import Evaluation
from pipeline.stages import start

SECTIONS = ("evaluate", "compare")
"""What it reads of params.yaml."""


def run(params: Params, architecture: str) -> None:
    """Score a trained model, every note with the context it would have when playing."""
    folder = paths.model(architecture)
    model, data = storage.load(folder), windows.load(paths.WINDOWS)
    how = params.compare
    names, pieces = data.names(how.split), windows.beginnings(data.pieces(how.split), how.notes)
    bits = streaming.bits(model, pieces, params.evaluate.batch, f"evaluate {architecture}")
    Evaluation(
        architecture=architecture,
        block=model.block,
        parameters=model.parameters,
        bytes=(folder / storage.WEIGHTS).stat().st_size,
        history=storage.history(folder),
        scores=metrics.collect(names, bits),
    ).save(paths.evaluation(architecture))


if __name__ == "__main__":
    start(run, SECTIONS, *sys.argv[1:])
