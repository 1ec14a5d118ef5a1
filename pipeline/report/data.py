"""All that the page shows, read from the files of the stages before; what was not measured is left out."""

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pipeline.core import paths
from pipeline.core.errors import DataError
from pipeline.midi import reader
from pipeline.notes.note import Notes
from pipeline.report import claim_measurements, claims
from pipeline.report.charts.line import Series
from pipeline.report.charts.svg import Point
from pipeline.report.tables import Rows, RunResults

Value = TypeVar("Value")
MAX_SAMPLES = 6
"""Of each architecture; the others are in their folder."""


@dataclass(frozen=True)
class Sample:
    """What a model generated."""

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
    piece_scores: Mapping[str, Any] = field(default_factory=dict)
    calibration: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By architecture: calibration, accuracy, bits by context."""
    sample_metrics: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By architecture: how samples compare with music."""
    two_sample: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By architecture: how well a classifier tells samples from music."""
    samples: Sequence[Sample] = field(default_factory=tuple)
    claim_rows: Rows = field(default_factory=list)
    """One row a claim, below a header; a column "verdict" stands to the right of the figure it is of."""
    study_rows: Rows = field(default_factory=list)
    """One row a study whose figures the claims are held against, below a header."""

    @property
    def architectures(self) -> list[str]:
        """Return the architectures in the order of params.yaml, which gives them their colors."""
        return list(self.results.params.architectures)

    @property
    def by_bits(self) -> list[str]:
        """Return the architectures, the fewest bits first."""
        return self.results.by_bits

    def get_color_index(self, architecture: str) -> int:
        """Return the place of an architecture in that order."""
        return self.architectures.index(architecture)

    def make_series(self, name: str, points: Sequence[Point]) -> Series:
        """Return a line of a figure in the color of its architecture."""
        return Series(name, self.get_color_index(name), points)

    def rank(self, values: Mapping[str, Value]) -> dict[str, Value]:
        """Return values by architecture, the fewest bits first."""
        return {name: values[name] for name in self.by_bits if name in values}


def load_report_data(results: RunResults) -> ReportData:
    """Read all results.

    Raises:
        DataError: a file cannot be read.
    """
    samples = []
    for name in results.params.architectures:
        samples += _load_samples(name, results.params.generate.num_notes)
    checked_claims = claims.check_claims(claims.load_claims(paths.CLAIMS))
    return ReportData(
        results=results,
        learning_curves=_read_curves(paths.LEARNING_CURVES),
        piece_scores=read_json(paths.PIECE_SCORES),
        calibration=_read_by_architecture(results, paths.get_calibration_path),
        sample_metrics=_read_by_architecture(results, paths.get_sample_metrics_path),
        two_sample=_read_by_architecture(results, paths.get_two_sample_path),
        samples=samples,
        claim_rows=claims.tabulate_claims(checked_claims),
        study_rows=claim_measurements.tabulate_studies(),
    )


def _read_by_architecture(
    results: RunResults, get_path: Callable[[str], Path]
) -> dict[str, dict[str, Any]]:
    """Return the files of all architectures that have one."""
    values = {name: read_json(get_path(name)) for name in results.params.architectures}
    return {name: value for name, value in values.items() if value}


def read_json(path: Path) -> dict[str, Any]:
    """Return what a file holds, nothing where it is not there.

    Raises:
        DataError: the file cannot be read.
    """
    if not path.exists():
        return {}
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise _make_read_error(path, error) from error


def _read_curves(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8", newline="") as lines:
            return list(csv.DictReader(lines))
    except OSError as error:
        raise _make_read_error(path, error) from error


def _make_read_error(path: Path, error: Exception) -> DataError:
    return DataError(f"{path}: cannot be read ({error}); make it again with 'dvc repro'")


def _load_samples(architecture: str, num_generated: int) -> list[Sample]:
    """Read the samples of a model; all notes but the last `num_generated` are the prompt."""
    samples = []
    files = sorted(paths.get_samples_dir(architecture).glob("*.mid"))
    for number, path in enumerate(files[:MAX_SAMPLES], 1):
        midi_bytes = path.read_bytes()
        notes = reader.read_notes(midi_bytes, "symusic", sustain_pedal=True)  # as they sound
        prompt_length = max(0, len(notes) - num_generated)
        samples.append(Sample(architecture, number, notes, prompt_length, midi_bytes))
    return samples
