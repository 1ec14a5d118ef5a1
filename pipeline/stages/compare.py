"""Stage compare: all evaluations of a run to one summary and one table of learning curves."""

import json

from pipeline.config import Params
from pipeline.core import files, paths
from pipeline.evaluation import bootstrap, decision, results
from pipeline.evaluation.bits import Scores
from pipeline.evaluation.decision import Decision
from pipeline.evaluation.results import Evaluation
from pipeline.stages.runner import start

SECTIONS = ("seed", "architectures", "compare")
"""What it reads of params.yaml."""

CURVE = ("epoch", "notes", "loss", "bits_per_note", "pitch", "step", "duration")


def run(params: Params) -> None:
    """Write the summary, whose `best` lines up in every row of `dvc exp show`, and the curves, pairs and pieces."""
    found = [Evaluation.load(paths.evaluation(name)) for name in params.architectures]
    floors = {
        name: Scores.of_rows(floor["rows"]) for name, floor in json.loads(paths.FLOORS.read_text("utf-8")).items()
    }
    made = decision.decide(found, floors, params.compare, params.seed)
    files.write_text(paths.SUMMARY, json.dumps(_summary(found, floors, made), indent=1) + "\n")
    files.write_text(paths.CURVES, _curves(found))
    scores = {each.architecture: each.scores for each in found}
    table = bootstrap.table(scores, params.compare.resamples, params.seed)
    files.write_text(paths.PAIRS, results.readable(table))
    pieces = {"columns": ["piece", "notes", *scores, *floors], "rows": bootstrap.by_piece({**scores, **floors})}
    files.write_text(paths.PER_PIECE, results.readable(pieces))


def _summary(found: list[Evaluation], floors: dict[str, Scores], made: Decision) -> dict[str, object]:
    """Put figures beside names: the best first, then each architecture, then the floors."""
    figures: dict[str, dict[str, object]] = {}
    for each in found:
        figures[each.architecture] = {
            **_rounded(each.scores),
            **_against(made, each.architecture),
            "parameters": each.parameters,
            "bytes": each.bytes,
            "streams": each.streams,
            "epochs": len(each.history),
        }
    best = {"architecture": made.best, **figures[made.best]}
    best |= {"recommended": made.recommended, "too_close": " ".join(made.close), "not_above": " ".join(made.below)}
    told = {name: {**_rounded(scores), **_against(made, name)} for name, scores in floors.items()}
    return {"best": best, "reference": made.reference, **figures, "floors": told}


def _rounded(scores: Scores) -> dict[str, float]:
    return {name: round(value, 4) for name, value in scores.per_note().items()}


def _against(made: Decision, name: str) -> dict[str, float]:
    gap = made.against_reference[name]
    return {"difference": round(gap.mean, 4), "low": round(gap.low, 4), "high": round(gap.high, 4)}


def _curves(found: list[Evaluation]) -> str:
    """Return one row an architecture and epoch."""
    rows = [[each.architecture, *(f"{row[name]:.8g}" for name in CURVE)] for each in found for row in each.history]
    return "\n".join(",".join(row) for row in [["architecture", *CURVE], *rows]) + "\n"


if __name__ == "__main__":
    start(run, SECTIONS)
