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
from pipeline.report.tables import Rows, RunResults

MAX_SAMPLES = 6
"""Of each architecture; the others are in their folder."""


@dataclass(frozen=True)
class Sample:
    """What a model played."""

    architecture: str
    number: int
    notes: Notes
    prompt_length: int
    """How many of the first notes were given."""
    midi_bytes: bytes


@dataclass(frozen=True)
class ReportData:
    """Results of a run."""

    results: RunResults
    learning_curves: Sequence[Mapping[str, str]]
    """Rows of `metrics/learning_curves.csv`."""
    pairs: Mapping[str, Any] = field(default_factory=dict)
    piece_scores: Mapping[str, Any] = field(default_factory=dict)
    calibration: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By architecture: calibration, accuracy, bits by context."""
    sample_metrics: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By architecture: how what it played compares with music."""
    samples: Sequence[Sample] = field(default_factory=tuple)
    claim_rows: Rows = field(default_factory=list)
    """One row a claim, below a header; a column "verdict" stands to the right of the figure it is of."""

    @property
    def architectures(self) -> list[str]:
        """Return the architectures in the order of params.yaml, which gives them their colours."""
        return list(self.results.params.architectures)

    @property
    def by_bits(self) -> list[str]:
        """Return the architectures, the fewest bits first."""
        return sorted(
            self.architectures, key=lambda name: float(self.results.summary[name]["bits_per_note"])
        )

    def get_color_index(self, architecture: str) -> int:
        """Return the place of an architecture in that order; floors come after all."""
        return (
            self.architectures.index(architecture)
            if architecture in self.architectures
            else len(self.architectures)
        )


def load_report_data(results: RunResults) -> ReportData:
    """Read all results.

    Raises:
        DataError: a file cannot be read.
    """
    names = results.params.architectures
    return ReportData(
        results=results,
        learning_curves=_read_curves(paths.LEARNING_CURVES),
        pairs=_read_json(paths.PAIRS),
        piece_scores=_read_json(paths.PIECE_SCORES),
        calibration={
            name: told for name in names if (told := _read_json(paths.get_calibration_path(name)))
        },
        sample_metrics={
            name: told
            for name in names
            if (told := _read_json(paths.get_sample_metrics_path(name)))
        },
        samples=[
            each
            for name in names
            for each in _load_samples(name, results.params.generate.num_notes)
        ],
        claim_rows=claims.tabulate_claims(claims.check_claims(claims.load_claims(paths.CLAIMS))),
    )


def _read_json(path: Path) -> dict[str, Any]:
    """Return what a file holds, nothing where it is not there."""
    if not path.exists():
        return {}
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path}: cannot be read ({error}); make it again with 'dvc repro'"
        ) from error


def _read_curves(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8", newline="") as lines:
            return list(csv.DictReader(lines))
    except OSError as error:
        raise DataError(
            f"{path}: cannot be read ({error}); make it again with 'dvc repro'"
        ) from error


def _load_samples(architecture: str, num_generated: int) -> list[Sample]:
    """Read the samples of a model; all notes but the last `played` are the prompt."""
    found: list[Sample] = []
    for path in sorted(paths.get_samples_dir(architecture).glob("*.mid"))[:MAX_SAMPLES]:
        data = path.read_bytes()
        notes = reader.read_notes(data, "symusic")
        found.append(
            Sample(architecture, len(found) + 1, notes, max(0, len(notes) - num_generated), data)
        )
    return found
