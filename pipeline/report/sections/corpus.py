"""The section on the music: what ingest took, what it left out, and works that are in several splits."""

from pipeline.report import tables
from pipeline.report.blocks import Section, Table
from pipeline.report.data import ReportData


def build_corpus_section(data: ReportData) -> Section:
    """Return the summary of ingest; an empty section where there is none."""
    lead = (
        "What was taken of the corpus, what was not, and why. A leak is a work with files in several splits, found by "
        "its notes, in any key or tempo: a model that trained on it does better on held-out music than it would on new music."
    )
    return Section(
        "corpus",
        "The corpus",
        lead,
        tables=[*_build_summary_tables(data), *_build_leak_tables(data)],
    )


def _build_summary_tables(data: ReportData) -> list[Table]:
    rows = tables.build_corpus_table(data.results)
    if len(rows) == 1:
        return []
    has_remedy = any(tables.REMEDY_MARK in cell for _, cell in rows)
    caption = "After the arrow: what to do about it." if has_remedy else ""
    return [Table("Taken and left out", rows, caption, is_text=True)]


def _build_leak_tables(data: ReportData) -> list[Table]:
    """Return all works that are in several splits, collapsed."""
    leaks = tables.list_leaks(data.results)
    rows = [["number", "work"]]
    rows += [[str(number), leak] for number, leak in enumerate(leaks, 1)]
    title = "Works in several splits"
    return [Table(title, rows, collapsed=True, is_text=True)] if leaks else []
