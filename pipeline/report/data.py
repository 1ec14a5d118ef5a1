"""All that the page shows, read from the files of the stages before; what was not measured is left out."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.core import paths
from pipeline.core.errors import DataError
from pipeline.midi import reader
from pipeline.notes.note import Notes
from pipeline.report import claims
from pipeline.report.tables import Facts, Rows

SAMPLES_SHOWN = 6
"""Of each architecture; the others are in their folder."""


@dataclass(frozen=True)
class Sample:
    """What a model played."""

    architecture: str
    number: int
    notes: Notes
    prompt: int
    """How many of the first notes were given."""
    midi: bytes


@dataclass(frozen=True)
class Found:
    """Results of a run."""

    facts: Facts
    curves: Sequence[Mapping[str, str]]
    """Rows of `metrics/learning_curves.csv`."""
    pairs: Mapping[str, Any] = field(default_factory=dict)
    pieces: Mapping[str, Any] = field(default_factory=dict)
    details: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By architecture: calibration, accuracy, bits by context."""
    likeness: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By architecture: how what it played compares with music."""
    samples: Sequence[Sample] = field(default_factory=tuple)
    claims: Rows = field(default_factory=list)
    """One row a claim, below a header; a column "verdict" stands to the right of the figure it is of."""

    @property
    def names(self) -> list[str]:
        """Return the architectures in the order of params.yaml, which gives them their colours."""
        return list(self.facts.params.architectures)

    @property
    def ranked(self) -> list[str]:
        """Return the architectures, the fewest bits first."""
        return sorted(self.names, key=lambda name: float(self.facts.summary[name]["bits_per_note"]))

    def style(self, name: str) -> int:
        """Return the place of an architecture in that order; floors come after all."""
        return self.names.index(name) if name in self.names else len(self.names)


def gather(facts: Facts) -> Found:
    """Read all results.

    Raises:
        DataError: a file cannot be read.
    """
    names = facts.params.architectures
    return Found(
        facts=facts,
        curves=_curves(paths.CURVES),
        pairs=_json(paths.PAIRS),
        pieces=_json(paths.PER_PIECE),
        details={name: told for name in names if (told := _json(paths.detail(name)))},
        likeness={name: told for name in names if (told := _json(paths.likeness(name)))},
        samples=[each for name in names for each in _samples(name, facts.params.generate.notes)],
        claims=claims.rows(claims.judge(claims.load(paths.CLAIMS))),
    )


def _json(path: Path) -> dict[str, Any]:
    """Return what a file holds, nothing where it is not there."""
    if not path.exists():
        return {}
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read ({error}); make it again with 'dvc repro'") from error


def _curves(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8", newline="") as lines:
            return list(csv.DictReader(lines))
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error}); make it again with 'dvc repro'") from error


def _samples(name: str, played: int) -> list[Sample]:
    """Read the samples of a model; all notes but the last `played` are the prompt."""
    found: list[Sample] = []
    for path in sorted(paths.samples(name).glob("*.mid"))[:SAMPLES_SHOWN]:
        data = path.read_bytes()
        notes = reader.read_notes(data, "symusic")
        found.append(Sample(name, len(found) + 1, notes, max(0, len(notes) - played), data))
    return found
