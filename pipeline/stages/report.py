"""Stage report: all results of a run to the pages that say which architecture, and how it sounds."""

import json

import numpy as np
from rich.console import Console

from pipeline.config import Params
from pipeline.core import files, paths
from pipeline.corpus.ingest_summary import load_summary
from pipeline.corpus.manifest import load_accepted_leaks
from pipeline.evaluation.results import Evaluation
from pipeline.report import data, html, summary, tables
from pipeline.report.tables import RunResults
from pipeline.stages.runner import run_stage

PARAM_SECTIONS = (
    *("corpus", "seed", "architectures", "windows"),
    *("train", "model", "generate", "compare"),
)
"""What it reads of params.yaml: `model` whole, since claims are also of recipes that no run trains."""


def load_run_results(params: Params) -> RunResults:
    """Gather what the decision is made of from the files of the stages before."""
    scores = Evaluation.load(paths.get_evaluation_path(params.architectures[0])).scores
    # Where every replicate scored the same pieces, a note counts once.
    _, first_scores = np.unique(scores.piece_names, return_index=True)
    # A clone has only the metrics; DVC holds that the stage has both.
    has_ingest = paths.INGEST_SUMMARY.exists()
    return RunResults(
        params=params,
        summary=json.loads(paths.SUMMARY.read_text(encoding="utf-8")),
        benchmark=json.loads(paths.BENCHMARK.read_text(encoding="utf-8")),
        claims=tables.load_architecture_claims(paths.CLAIMS),
        num_pieces=len(first_scores),
        num_notes=int(scores.num_notes[first_scores].sum()),
        pairs=json.loads(paths.PAIRS.read_text(encoding="utf-8")),
        ingest=load_summary(paths.INGEST_SUMMARY) if has_ingest else None,
        accepted_leaks=load_accepted_leaks(paths.get_manifest_path(params.corpus)),
    )


def run(params: Params) -> None:
    """Write `metrics/decision.md` and `metrics/report.html`, and show the core of both."""
    results = load_run_results(params)
    files.write_text(paths.DECISION, summary.render_decision_page(results))
    files.write_text(paths.REPORT, html.render_page(data.load_report_data(results)))
    console = Console(highlight=False)
    table = tables.build_summary_table(results)
    console.print(tables.make_rich_table(table, "Which architecture?"))
    for paragraph in summary.format_terminal_statements(results):
        console.print(paragraph, markup=False)
    console.print(f"Look and listen: {paths.REPORT}; in words: {paths.DECISION}", markup=False)


if __name__ == "__main__":
    run_stage(run, PARAM_SECTIONS)
