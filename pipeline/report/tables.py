"""Results to tables for people, in Markdown, HTML and the terminal."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from pathlib import Path
from string import Formatter
from typing import Any

from rich.table import Table

from pipeline.config import Params
from pipeline.core import yaml
from pipeline.core.errors import DataError, sanitize_line
from pipeline.corpus.ingest_summary import (
    IngestSummary,
    describe_summary,
    find_near_duplicate_leaks,
)
from pipeline.corpus.splits import SPLITS

Rows = list[list[str]]
"""A header and the lines below it."""
Record = dict[str, Any]
"""What was measured of one model, by name."""
Columns = Mapping[str, str]
"""The title of each column, and the format string of its cells."""

MISSING = "–"
NGRAM = "n-gram"
"""In place of a rank group."""
REMEDY_MARK = " → "
"""Between what is amiss and what to do."""
MAX_NAME_WIDTH = 15
"""Of the first column in the terminal; with it, the decision table fits 80 columns."""
MAX_DECIMALS = 3
NO_INTERVAL = "no interval"
"""In place of an interval that nobody can give."""
BITS = "{bits_per_note:.{decimals}f}"
TRAIN_RATIO, GENERATE_RATIO = "{train[median]:.2f}×", "{generate[median]:.2f}×"
SUMMARY_COLUMNS = {
    "architecture": "{short_name}",
    "group": "{group}",
    "bits": BITS,
    "against reference": "{versus}",
    "params": "{kiloparameters:,.0f}K",
    "train": TRAIN_RATIO,
    "play": GENERATE_RATIO,
    "streams": "{streams}",
}
COMPARISON_COLUMNS = {
    "architecture": "{title}",
    "group": "{group}",
    "bits per note": BITS,
    "against reference, 95 % interval": "{versus}",
    "learning rate": "{config.learning_rate:g}",
    "parameters (claimed)": "{parameters:,} ({claimed[parameters]})",
    "KB": "{kilobytes:.0f}",
    "training time (claimed)": "{train_ratio} ({claimed[training]})",
    "time per played note (claimed)": "{generate_ratio} ({claimed[generation]})",
    "can stream (claimed)": "{streams} ({claimed[can_stream]})",
    "claimed quality": "{claimed[quality]}",
}
HEAD_COLUMNS = {
    "model": "{name}",
    "bits per note": BITS,
    "pitch": "{pitch:.{decimals}f}",
    "step": "{step:.{decimals}f}",
    "duration": "{duration:.{decimals}f}",
}
CLAIMED = ("parameters", "training", "generation", "can_stream", "quality")


def format_difference(record: Record, decimals: int = MAX_DECIMALS) -> str:
    """Return a difference in bits per note with its interval, where there is one; a zero has no minus."""
    if record["low"] is None:
        return f"{record['difference']:+z.{decimals}f} [{NO_INTERVAL}]"
    mean, low, high = (f"{record[key]:+z.{decimals}f}" for key in ("difference", "low", "high"))
    return f"{mean} [{low}, {high}]"


@dataclass(frozen=True)
class RunResults:
    """All that the decision page is made of."""

    params: Params
    summary: Mapping[str, Any]
    benchmark: Mapping[str, Any]
    claims: Mapping[str, Any]
    num_pieces: int
    """Held-out pieces that decide, of all replicates together."""
    num_notes: int
    """Notes scored in them."""
    pairs: Mapping[str, Any]
    """What `metrics/pairs.json` holds: the design of the comparison, and every two architectures."""
    ingest: IngestSummary | None = None
    """What ingest took and left out; None where only `metrics/` is there."""
    accepted_leaks: Collection[str] = ()
    """Compositions that the manifest lets be in several splits."""

    @property
    def by_bits(self) -> list[str]:
        """Return the architectures, the fewest bits first."""
        return list(self.pairs["ranked"])

    @property
    def tied(self) -> list[str]:
        """Return the architectures that are tied with the best."""
        return str(self.summary["best"]["tied_with"]).split()

    @property
    def decimals(self) -> int:
        """Return the decimals of bits per note that the noise of the differences leaves."""
        return int(self.pairs["decimals"])

    @property
    def num_replicates(self) -> int:
        """Return how many times each architecture was trained."""
        return int(self.pairs["replicates"])

    @property
    def num_compositions(self) -> int:
        """Return how many compositions decide."""
        return int(self.pairs["compositions"])

    @property
    def is_cross_validation(self) -> bool:
        """Return whether each replicate held out other compositions."""
        return bool(self.pairs["scheme"] == "cross_validation")

    @property
    def has_intervals(self) -> bool:
        """Return whether there is an interval: one composition says nothing of others."""
        return self.num_compositions > 1

    @property
    def recommended(self) -> str:
        """Return the recommended architecture."""
        return str(self.summary["best"]["recommended"])

    @property
    def reference(self) -> str:
        """Return the architecture that others are compared with."""
        return str(self.summary["reference"])

    def list_records(self, with_ngrams: bool = False) -> list[Record]:
        """Return what was measured and claimed of each architecture, the fewest bits first.

        Args:
            with_ngrams: whether n-gram models stand among them; they have bits only.
        """
        records = [self._make_record(name) for name in self.by_bits]
        if with_ngrams:
            for name, row in self.summary["ngrams"].items():
                title = f"{name} (n-gram)"
                names = {"name": title, "title": title, "short_name": name, "group": NGRAM}
                records.append({**names, **row})
        for record in records:
            is_reference = record["name"] == self.reference
            versus = format_difference(record, self.decimals)
            record |= {
                "decimals": self.decimals,
                "versus": "reference" if is_reference else versus,
            }
        return sorted(records, key=itemgetter("bits_per_note"))

    def _make_record(self, name: str) -> Record:
        record: Record = {"name": name, "title": name, "short_name": name, **self.summary[name]}
        record["config"] = self.params.model.get(name)
        record["kilobytes"] = record["bytes"] / 1000
        record["kiloparameters"] = record["parameters"] / 1000
        record["streams"] = _format_bool(record["can_stream"])
        record["claimed"] = dict.fromkeys(CLAIMED, MISSING)
        for key in ("train", "generate", "costs", "latency"):
            record[key] = self.benchmark.get(key, {}).get(name)
        record["train_ratio"] = _format_cell(TRAIN_RATIO, record)
        record["generate_ratio"] = _format_cell(GENERATE_RATIO, record)
        if claim := self.claims.get(name):
            record["title"] = f"{name} ({claim['name']})"
            record["claimed"] |= claim
            record["claimed"]["parameters"] = f"{claim['parameters'] / 1000:.0f}K"
            record["claimed"]["can_stream"] = _format_bool(claim["can_stream"])
        return record


def format_count(count: int, noun: str) -> str:
    """Return a number of things.

    >>> format_count(1, "seed"), format_count(1200, "seed")
    ('1 seed', '1,200 seeds')
    """
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def join_names(names: Sequence[str]) -> str:
    """Return names as a list in words.

    >>> join_names(["a"]), join_names(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def _format_bool(value: bool) -> str:
    return "yes" if value else "no"


def load_architecture_claims(path: Path) -> Mapping[str, Any]:
    """Read what was claimed of each architecture.

    Raises:
        DataError: the file cannot be read.
    """
    try:
        return dict(yaml.load_yaml(path)["architectures"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{path}: no claims here ({error}); take the file from Git again"
        ) from error


def tabulate(columns: Columns, records: Iterable[Mapping[str, Any]]) -> Rows:
    """Return a header and one row a record; a cell that lacks a value has the reason, or a dash.

    >>> tabulate({"model": "{name}", "bits": "{bits:.1f}"}, [{"name": "wide", "bits": 17.58}, {"name": "new"}])
    [['model', 'bits'], ['wide', '17.6'], ['new', '–']]
    """
    rows = [list(columns)]
    for record in records:
        rows.append([_format_cell(template, record) for template in columns.values()])
    return rows


def _format_cell(template: str, record: Mapping[str, Any]) -> str:
    try:
        return template.format_map(record)
    except (LookupError, TypeError, AttributeError):  # not there, or None
        return _find_reason(template, record) or MISSING


def _find_reason(template: str, record: Mapping[str, Any]) -> str:
    """Return why a figure of a cell was not measured: the `reason` beside its values; nothing where there is none."""
    formatter = Formatter()
    for _, field_name, _, _ in formatter.parse(template):
        figure_name = (field_name or "").rpartition("[")[0]
        try:
            reason, _ = formatter.get_field(f"{figure_name}[reason]", (), record)
        except (LookupError, TypeError, AttributeError, ValueError):
            continue
        return str(reason)
    return ""


def build_summary_table(results: RunResults) -> Rows:
    """Return the decision table, in few and narrow columns, with the n-gram models."""
    return tabulate(SUMMARY_COLUMNS, results.list_records(with_ngrams=True))


def build_comparison_table(results: RunResults, with_ngrams: bool = False) -> Rows:
    """Return one row an architecture, what was measured beside what was claimed, the fewest bits first."""
    return tabulate(COMPARISON_COLUMNS, results.list_records(with_ngrams))


def build_head_table(results: RunResults) -> Rows:
    """Return bits per head of architectures and n-gram models together, the fewest bits first."""
    return tabulate(HEAD_COLUMNS, results.list_records(with_ngrams=True))


def build_corpus_table(results: RunResults) -> Rows:
    """Return what ingest took and left out, one row a line of its summary; a header alone where that is not known."""
    rows = [["what", "result"]]
    if results.ingest is None:
        return rows
    length = results.params.windows.sequence_length
    for line in describe_summary(results.ingest, length, results.accepted_leaks):
        parts = [line.message, *filter(None, [line.hint])]
        rows.append([line.topic, sanitize_line(REMEDY_MARK.join(parts))])
    return rows


def list_leaks(results: RunResults, splits: Collection[str] = SPLITS) -> list[str]:
    """Return which works have files in several of these splits; none where that is not known."""
    if results.ingest is None:
        return []
    leaks = find_near_duplicate_leaks(results.ingest, results.accepted_leaks, splits)
    return [sanitize_line(leak) for leak in leaks]


def list_held_out_leaks(results: RunResults) -> list[str]:
    """Return which works are in training and in the pieces that decide."""
    if not results.is_cross_validation:
        return list_leaks(results, ("train", results.params.compare.split))
    if results.ingest is None:
        return []
    # Folds are of compositions, so a work that goes by several names can be in training and held out.
    works = [
        [file.model_copy(update={"split": file.composition}) for file in group]
        for group in results.ingest.near_duplicates
    ]
    compositions = {file.composition for group in works for file in group}
    ingest = results.ingest.model_copy(update={"near_duplicates": works})
    return list_leaks(replace(results, ingest=ingest), compositions)


def format_markdown_table(rows: Rows) -> str:
    """Return rows as a Markdown table."""
    header, *lines = (f"| {' | '.join(row)} |" for row in rows)
    return "\n".join([header, "|" + "---|" * len(rows[0]), *lines])


def make_rich_table(rows: Rows, title: str) -> Table:
    """Return rows as a table for the terminal, as narrow as can be."""
    table = Table(title=title, title_justify="left", box=None, padding=(0, 1, 0, 0), pad_edge=False)
    name_column, *figure_columns = rows[0]
    table.add_column(name_column, overflow="fold", max_width=MAX_NAME_WIDTH)
    for name in figure_columns:
        table.add_column(name, justify="right", overflow="fold")
    for row in rows[1:]:
        table.add_row(*row)
    return table
