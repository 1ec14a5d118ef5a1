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
class Facts:
    """All that the decision page is made of."""

    params: Params
    summary: Mapping[str, Any]
    timings: Mapping[str, Any]
    claims: Mapping[str, Any]
    pieces: int
    """Held-out pieces that decide."""
    notes: int
    """Notes scored in them."""
    by_passage: bool
    """Whether passages were resampled, for want of pieces."""


def claims(path: Path) -> Mapping[str, Any]:
    """Read what was claimed of each architecture.

    Raises:
        DataError: the file cannot be read.
    """
    try:
        return dict(yaml.read(path)["architectures"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path}: no claims here ({error}); take the file from Git again") from error


def matrix(facts: Facts) -> Rows:
    """Return one row an architecture, what was measured beside what was claimed, the fewest bits first."""
    header = ["architecture", "bits per note", "against reference, 95 % interval", "parameters (claimed)", "KB"]
    header += ["training time (claimed)", "time per played note (claimed)", "can stream (claimed)", "claimed quality"]
    return [header, *(_row(facts, name) for name in _ranked(facts))]


def _ranked(facts: Facts) -> list[str]:
    """Return the architectures, the fewest bits first."""
    return sorted(facts.params.architectures, key=lambda name: float(facts.summary[name]["bits_per_note"]))


def _row(facts: Facts, name: str) -> list[str]:
    mine, said = facts.summary[name], facts.claims.get(name, {})
    claimed = f"{said['parameters'] / 1000:.0f}K" if said else "–"
    return [
        f"{name} ({said['name']})" if said else name,
        f"{mine['bits_per_note']:.3f}",
        _gap(facts, mine, name),
        f"{mine['parameters']:,} ({claimed})",
        f"{mine['bytes'] / 1000:.0f}",
        _with(facts.timings["train"][name], said.get("training")),
        _with(facts.timings["generate"][name], said.get("generation")),
        f"{_yes(mine['streams'])} ({_yes(said['streams']) if said else '–'})",
        str(said.get("quality", "–")),
    ]


def _gap(facts: Facts, mine: Mapping[str, Any], name: str) -> str:
    if name == facts.summary["reference"]:
        return "reference"
    return f"{mine['difference']:+.3f} [{mine['low']:+.3f}, {mine['high']:+.3f}]"


def _with(ratio: Mapping[str, float], claim: str | None) -> str:
    return f"{ratio['median']:.2f}× ({claim or '–'})"


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def heads(facts: Facts) -> Rows:
    """Return bits per head of architectures and floors together, the fewest bits first."""
    told = {name: facts.summary[name] for name in facts.params.architectures}
    told |= {f"{name} (floor)": floor for name, floor in facts.summary["floors"].items()}
    order = sorted(told, key=lambda name: float(told[name]["bits_per_note"]))
    columns = ["bits_per_note", "pitch", "step", "duration"]
    lines = [[name, *(f"{told[name][column]:.3f}" for column in columns)] for name in order]
    return [["model", "bits per note", "pitch", "step", "duration"], *lines]


def verdict(facts: Facts) -> list[str]:
    """Return the recommendation in sentences."""
    best = facts.summary["best"]
    said = [f"Fewest bits per note: **{best['architecture']}**, {best['bits_per_note']:.3f}."]
    said.append(f"Too close to it to call: {best['too_close'].replace(' ', ', ') or 'none'}.")
    said.append(f"Recommended: **{best['recommended']}**.")
    if facts.by_passage:
        of = "one piece" if facts.pieces == 1 else f"{facts.pieces} pieces"
        said.append(f"That is of passages of {of} and of one seed: it says nothing of other music, or of other seeds.")
    if best["not_above"]:
        said.append(
            f"Warning: the best does not beat these floors: {best['not_above'].replace(' ', ', ')}. "
            "It has learned less of this music than they have; a choice among such models matters little."
        )
    return said


def markdown(facts: Facts) -> str:
    """Return the decision page."""
    params = facts.params
    unit = "passages of 200 notes (too few pieces to say anything of other pieces)" if facts.by_passage else "pieces"
    budget = f"{params.train.epochs} epochs of {params.train.notes_per_epoch:,} target notes at most"
    parts = [
        "# Which architecture?",
        f"Corpus `{params.corpus}`, {facts.notes:,} notes of {facts.pieces} {params.compare.split} piece"
        f"{'s' if facts.pieces != 1 else ''}, seed {params.seed}; trained for {budget}. Made by `dvc repro`.",
        "\n".join(verdict(facts)),
        "## Measured beside claimed",
        table(matrix(facts)),
        f"Difference below zero: better than `{facts.summary['reference']}`; paired bootstrap over {unit}. Times are "
        "medians of ratios to the reference, all architectures in turn in one process. Claims are those of the page "
        "this project answers (`data/claims.yaml`).",
        "## Bits per note by head, with the floors",
        table(heads(facts)),
        "A floor is a predictor that knows little: `uniform` nothing, `unigram` how often each value comes, `trigram` "
        "the two pitches before.",
        "## The rule",
        decision.RULE,
    ]
    return "\n\n".join(parts) + "\n"


def table(rows: Rows) -> str:
    """Return rows as a Markdown table."""
    header, *lines = (f"| {' | '.join(row)} |" for row in rows)
    return "\n".join([header, "|" + "---|" * len(rows[0]), *lines])


def short(facts: Facts) -> Rows:
    """Return what was measured of each architecture, in few and narrow columns."""
    lines = [["architecture", "bits", "against reference", "parameters", "train", "play", "streams"]]
    for name in _ranked(facts):
        mine = facts.summary[name]
        times = [f"{facts.timings[what][name]['median']:.2f}×" for what in ("train", "generate")]
        lines.append(
            [
                name,
                f"{mine['bits_per_note']:.3f}",
                _gap(facts, mine, name),
                f"{mine['parameters']:,}",
                *times,
                _yes(mine["streams"]),
            ]
        )
    return lines


def terminal(rows: Rows, title: str) -> Table:
    """Return rows as a table for the terminal."""
    out = Table(title=title, title_justify="left")
    for number, name in enumerate(rows[0]):
        out.add_column(name, justify="right" if number else "left", overflow="fold")
    for row in rows[1:]:
        out.add_row(*row)
    return out
