"""Stage floors: how well the held-out pieces are told by predictors that know little."""

import json

from pipeline.config import Params
from pipeline.core import files, paths
from pipeline.dataset import windows
from pipeline.evaluation import bits, ngrams
from pipeline.stages.runner import start

SECTIONS = ("floors", "compare")
"""What it reads of params.yaml."""


def run(params: Params) -> None:
    """Fit the floors on training pieces and score them on the pieces that decide."""
    data = windows.load_windows(paths.WINDOWS)
    how = params.compare
    names, pieces = (
        data.select_piece_names(how.split),
        windows.truncate_pieces(data.select_pieces(how.split), how.notes),
    )
    fitted = ngrams.fit(data.select_pieces("train"), params.floors.smoothing)
    scores = {name: bits.collect(names, [floor(codes) for codes in pieces]) for name, floor in fitted.items()}
    out = {name: {**score.per_note(), "rows": score.as_rows()} for name, score in scores.items()}
    files.write_text(paths.FLOORS, json.dumps(out, indent=1) + "\n")


if __name__ == "__main__":
    start(run, SECTIONS)
