"""Stage report: all results of a run to the page that says which architecture."""

import json

from rich.console import Console

from pipeline import files, metrics, paths, report
from pipeline.params import Params
from pipeline.report import Facts
from pipeline.results import Evaluation
from pipeline.stages import start

SECTIONS = ("seed", "corpus", "architectures", "train", "compare")
"""What it reads of params.yaml."""


def facts(params: Params) -> Facts:
    """Gather what the page is made of from the files of the stages before."""
    scores = Evaluation.load(paths.evaluation(params.architectures[0])).scores
    pieces = len(set(scores.piece))
    return Facts(
        params=params,
        summary=json.loads(paths.SUMMARY.read_text(encoding="utf-8")),
        timings=json.loads(paths.TIMINGS.read_text(encoding="utf-8")),
        claims=report.claims(paths.CLAIMS),
        pieces=pieces,
        notes=int(scores.notes.sum()),
        by_passage=pieces < metrics.PIECES_ENOUGH,
    )


def run(params: Params) -> None:
    """Write `metrics/decision.md` and show its core."""
    known = facts(params)
    files.write_text(paths.DECISION, report.markdown(known))
    console = Console(highlight=False)
    console.print(report.terminal(report.short(known), "Which architecture?"))
    for line in report.verdict(known):
        console.print(line.replace("**", ""), markup=False)
    console.print(f"The page: {paths.DECISION}; samples: {paths.SAMPLES}/", markup=False)


if __name__ == "__main__":
    start(run, SECTIONS)
