"""The best architecture of a commit, in a file that Git holds, so that every run can say how far it is from it.

A stage must not ask Git: what it writes would depend on more than its inputs. `music-rnn pin-best` writes the file.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.core import files
from pipeline.core.errors import DataError
from pipeline.evaluation import intervals
from pipeline.evaluation.bits import PieceScores, select_shared_scores
from pipeline.evaluation.results import format_compact_json


@dataclass(frozen=True)
class CommittedBest:
    """What the best architecture of a commit scored."""

    architecture: str
    commit: str
    """The commit that wrote its results, shortened."""
    ingest: Mapping[str, Any]
    """How MIDI became notes, of its params.yaml."""
    scores: PieceScores

    def save(self, path: Path) -> None:
        """Write it."""
        values = {
            "architecture": self.architecture,
            "commit": self.commit,
            "ingest": dict(self.ingest),
            "rows": self.scores.to_rows(),
        }
        files.write_text(path, format_compact_json(values))

    @classmethod
    def load(cls, path: Path) -> "CommittedBest":
        """Read what `save` wrote.

        Raises:
            DataError: nothing there, or not of this kind.
        """
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            scores = PieceScores.from_rows(values["rows"])
            return cls(values["architecture"], values["commit"], values["ingest"], scores)
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise DataError(
                f"{path}: no results of a commit ({error}); run 'music-rnn pin-best'"
            ) from error

    def compare(self, scores: PieceScores, ingest: Mapping[str, Any]) -> dict[str, Any]:
        """Return the difference of a model to this one, and of what it is; null where they share no notes."""
        shared, committed = select_shared_scores(scores, self.scores)
        difference: dict[str, Any] = dict.fromkeys(("difference", "low", "high"))
        if len(shared.num_notes) and ingest == self.ingest:
            estimate = intervals.estimate_difference(shared, committed)
            difference = {**intervals.round_interval(estimate.interval)}
        return {**difference, "of": f"{self.architecture} at {self.commit}"}
