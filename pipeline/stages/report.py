"""Stage report: all results of a run to the pages that say which architecture, and how it sounds."""

import json

from rich.console import Console

from pipeline.config import Params
from pipeline.core import files, paths
from pipeline.evaluation import bits
from pipeline.evaluation.results import Evaluation
from pipeline.report import data, html, tables
from pipeline.report.tables import RunResults
from pipeline.stages.runner import start

SECTIONS = ("seed", "corpus", "architectures", "train", "model", "generate", "compare")
"""What it reads of params.yaml."""


def facts(params: Params) -> RunResults:
    """Gather what the decision is made of from the files of the stages before."""
    scores = Evaluation.load(paths.evaluation(params.architectures[0])).scores
    pieces = len(set(scores.piece))
    return RunResults(
        params=params,
        summary=json.loads(paths.SUMMARY.read_text(encoding="utf-8")),
        benchmark=json.loads(paths.TIMINGS.read_text(encoding="utf-8")),
        claims=tables.load_architecture_claims(paths.CLAIMS),
        num_pieces=pieces,
        num_notes=int(scores.notes.sum()),
        resampled_by_passage=pieces < bits.PIECES_ENOUGH,
    )


def run(params: Params) -> None:
    """Write `metrics/decision.md` and `metrics/report.html`, and show the core of both."""
    known = facts(params)
    files.write_text(paths.DECISION, tables.render_decision_page(known))
    files.write_text(paths.REPORT, html.render_page(data.load_report_data(known)))
    console = Console(highlight=False)
    console.print(tables.make_rich_table(tables.build_summary_table(known), "Which architecture?"))
    for line in tables.format_recommendation(known):
        console.print(line.replace("**", ""), markup=False)
    console.print(f"Look and listen: {paths.REPORT}; in words: {paths.DECISION}", markup=False)


if __name__ == "__main__":
    start(run, SECTIONS)
