"""Stage report: all results of a run to the pages that say which architecture, and how it sounds."""

import json

from rich.console import Console

from pipeline import files, paths
from pipeline.evidence import report
from pipeline.evidence.report import Facts
from pipeline.evidence.results import Evaluation
from pipeline.measures import metrics
from pipeline.page import build, found
from pipeline.params import Params
from pipeline.stages import start

SECTIONS = ("seed", "corpus", "architectures", "train", "model", "generate", "compare")
"""What it reads of params.yaml."""


def facts(params: Params) -> Facts:
    """Gather what the decision is made of from the files of the stages before."""
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
    """Write `metrics/decision.md` and `metrics/report.html`, and show the core of both."""
    known = facts(params)
    files.write_text(paths.DECISION, report.markdown(known))
    files.write_text(paths.REPORT, build.page(found.gather(known)))
    console = Console(highlight=False)
    console.print(report.terminal(report.short(known), "Which architecture?"))
    for line in report.verdict(known):
        console.print(line.replace("**", ""), markup=False)
    console.print(f"Look and listen: {paths.REPORT}; in words: {paths.DECISION}", markup=False)


if __name__ == "__main__":
    start(run, SECTIONS)
