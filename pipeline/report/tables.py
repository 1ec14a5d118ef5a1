"""Results to tables for people: the decision as Markdown and in the terminal."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from pipeline.config import Params
from pipeline.core import yaml
from pipeline.core.errors import DataError
from pipeline.evaluation import decision

Rows = list[list[str]]
"""A header and the lines below it."""


@dataclass(frozen=True)
class RunResults:
    """All that the decision page is made of."""

    params: Params
    summary: Mapping[str, Any]
    benchmark: Mapping[str, Any]
    claims: Mapping[str, Any]
    num_pieces: int
    """Held-out pieces that decide."""
    num_notes: int
    """Notes scored in them."""
    resampled_by_passage: bool
    """Whether passages were resampled, for want of pieces."""


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


def build_comparison_table(results: RunResults) -> Rows:
    """Return one row an architecture, what was measured beside what was claimed, the fewest bits first."""
    header = [
        "architecture",
        "bits per note",
        "against reference, 95 % interval",
        "parameters (claimed)",
        "KB",
    ]
    header += [
        "training time (claimed)",
        "time per played note (claimed)",
        "can stream (claimed)",
        "claimed quality",
    ]
    return [
        header,
        *(_build_comparison_row(results, name) for name in _rank_architectures(results)),
    ]


def _rank_architectures(results: RunResults) -> list[str]:
    """Return the architectures, the fewest bits first."""
    return sorted(
        results.params.architectures, key=lambda name: float(results.summary[name]["bits_per_note"])
    )


def _build_comparison_row(results: RunResults, architecture: str) -> list[str]:
    mine, said = results.summary[architecture], results.claims.get(architecture, {})
    claimed = f"{said['parameters'] / 1000:.0f}K" if said else "–"
    return [
        f"{architecture} ({said['name']})" if said else architecture,
        f"{mine['bits_per_note']:.3f}",
        _format_difference(results, mine, architecture),
        f"{mine['parameters']:,} ({claimed})",
        f"{mine['bytes'] / 1000:.0f}",
        _format_ratio(results.benchmark["train"][architecture], said.get("training")),
        _format_ratio(results.benchmark["generate"][architecture], said.get("generation")),
        f"{_format_bool(mine['can_stream'])} ({_format_bool(said['can_stream']) if said else '–'})",
        str(said.get("quality", "–")),
    ]


def _format_difference(
    results: RunResults, model_summary: Mapping[str, Any], architecture: str
) -> str:
    if architecture == results.summary["reference"]:
        return "reference"
    return f"{model_summary['difference']:+.3f} [{model_summary['low']:+.3f}, {model_summary['high']:+.3f}]"


def _format_ratio(ratio: Mapping[str, float], claim: str | None) -> str:
    return f"{ratio['median']:.2f}× ({claim or '–'})"


def _format_bool(value: bool) -> str:
    return "yes" if value else "no"


def build_head_table(results: RunResults) -> Rows:
    """Return bits per head of architectures and floors together, the fewest bits first."""
    told = {name: results.summary[name] for name in results.params.architectures}
    told |= {f"{name} (floor)": floor for name, floor in results.summary["ngrams"].items()}
    order = sorted(told, key=lambda name: float(told[name]["bits_per_note"]))
    columns = ["bits_per_note", "pitch", "step", "duration"]
    lines = [[name, *(f"{told[name][column]:.3f}" for column in columns)] for name in order]
    return [["model", "bits per note", "pitch", "step", "duration"], *lines]


def format_recommendation(results: RunResults) -> list[str]:
    """Return the recommendation in sentences."""
    best = results.summary["best"]
    said = [f"Fewest bits per note: **{best['architecture']}**, {best['bits_per_note']:.3f}."]
    said.append(f"Too close to it to call: {best['tied_with'].replace(' ', ', ') or 'none'}.")
    said.append(f"Recommended: **{best['recommended']}**.")
    if results.resampled_by_passage:
        of = "one piece" if results.num_pieces == 1 else f"{results.num_pieces} pieces"
        said.append(
            f"That is of passages of {of} and of one seed: it says nothing of other music, or of other seeds."
        )
    if best["not_better_than"]:
        said.append(
            f"Warning: the best does not beat these floors: {best['not_better_than'].replace(' ', ', ')}. "
            "It has learned less of this music than they have; a choice among such models matters little."
        )
    return said


def render_decision_page(results: RunResults) -> str:
    """Return the decision page."""
    params = results.params
    unit = (
        "passages of 200 notes (too few pieces to say anything of other pieces)"
        if results.resampled_by_passage
        else "pieces"
    )
    budget = (
        f"{params.train.epochs} epochs of {params.train.notes_per_epoch:,} target notes at most"
    )
    parts = [
        "# Which architecture?",
        f"Corpus `{params.corpus}`, {results.num_notes:,} notes of {results.num_pieces} {params.compare.split} piece"
        f"{'s' if results.num_pieces != 1 else ''}, seed {params.seed}; trained for {budget}. Made by `dvc repro`.",
        "\n".join(format_recommendation(results)),
        "## Measured beside claimed",
        format_markdown_table(build_comparison_table(results)),
        f"Difference below zero: better than `{results.summary['reference']}`; paired bootstrap over {unit}. Times are "
        "medians of ratios to the reference, all architectures in turn in one process. Claims are those of the page "
        "this project answers (`data/claims.yaml`).",
        "## Bits per note by head, with the floors",
        format_markdown_table(build_head_table(results)),
        "A floor is a predictor that knows little: `uniform` nothing, `unigram` how often each value comes, `trigram` "
        "the two pitches before.",
        "## The rule",
        decision.RULE,
    ]
    return "\n\n".join(parts) + "\n"


def format_markdown_table(rows: Rows) -> str:
    """Return rows as a Markdown table."""
    header, *lines = (f"| {' | '.join(row)} |" for row in rows)
    return "\n".join([header, "|" + "---|" * len(rows[0]), *lines])


def build_summary_table(results: RunResults) -> Rows:
    """Return what was measured of each architecture, in few and narrow columns."""
    lines = [
        ["architecture", "bits", "against reference", "parameters", "train", "play", "can stream"]
    ]
    for name in _rank_architectures(results):
        mine = results.summary[name]
        times = [
            f"{results.benchmark[what][name]['median']:.2f}×" for what in ("train", "generate")
        ]
        lines.append(
            [
                name,
                f"{mine['bits_per_note']:.3f}",
                _format_difference(results, mine, name),
                f"{mine['parameters']:,}",
                *times,
                _format_bool(mine["can_stream"]),
            ]
        )
    return lines


def make_rich_table(rows: Rows, title: str) -> Table:
    """Return rows as a table for the terminal."""
    out = Table(title=title, title_justify="left")
    for number, name in enumerate(rows[0]):
        out.add_column(name, justify="right" if number else "left", overflow="fold")
    for row in rows[1:]:
        out.add_row(*row)
    return out
