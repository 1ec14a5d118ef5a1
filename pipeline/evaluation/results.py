"""Results of evaluating the replicates of one architecture, in a JSON file that Git holds."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pipeline.config.schema import ModelConfig
from pipeline.config.upgrades import upgrade_model_config
from pipeline.core import files
from pipeline.core.errors import DataError
from pipeline.evaluation.bits import PieceScores
from pipeline.evaluation.performance_events import EventStats


def format_compact_json(value: object) -> str:
    """Return JSON that Git compares well: a line for each name and for each list of plain values."""
    text = json.dumps(value, indent=1, allow_nan=False)
    rows = re.compile(r"\[\n([^][{}]*)\n *\]")
    return rows.sub(lambda row: f"[{' '.join(row[1].split())}]", text) + "\n"


def _format_rows(name: str, rows: Sequence[Sequence[object]]) -> str:
    """Return an entry of a JSON object, a row a line."""
    return f"{json.dumps(name)}: [\n" + ",\n".join(map(json.dumps, rows)) + "\n]"


def _upgrade_history(rows: Sequence[Sequence[Any]]) -> Sequence[Sequence[Any]]:
    """Return the history with the number of the replicate before each row; older files have one."""
    columns, *epochs = rows
    if columns[0] == "replicate":
        return rows
    return [["replicate", *columns], *([1, *row] for row in epochs)]


@dataclass(frozen=True)
class Evaluation:
    """The replicates of one architecture on the pieces that decide."""

    architecture: str
    config: ModelConfig
    parameters: int
    bytes: int
    """Size of the weights on disk."""
    histories: list[list[dict[str, float]]]
    """Of each replicate, one row an epoch: epoch, notes, loss, validation bits."""
    scores: PieceScores
    events: EventStats | None = None
    """Of the music that was scored; None in files of before they were counted."""

    @property
    def nats_per_event(self) -> float | None:
        """Mean nats of an event of the Performance encoding; None without velocity, or where no events were counted."""
        if self.events is None:
            return None
        return self.events.compute_nats_per_event(self.scores.compute_bits_per_note())

    @property
    def can_stream(self) -> bool:
        """Whether a note can be predicted from a state, without reading the notes before it again."""
        return not self.config.is_bidirectional

    def save(self, path: Path) -> None:
        """Write the figures, a row a line."""
        bits = self.scores.compute_bits_per_note()
        columns = list(self.histories[0][0])
        values: dict[str, object] = {
            "architecture": self.architecture,
            "config": self.config.model_dump(),
            "parameters": self.parameters,
            "bytes": self.bytes,
            **{name: round(value, 6) for name, value in bits.items()},
            **self._summarize_events(),
        }
        history: list[list[object]] = [["replicate", *columns]]
        for replicate, rows in enumerate(self.histories, 1):
            history += [[replicate, *(row[name] for name in columns)] for row in rows]
        lines = [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in values.items()]
        lines += [_format_rows("history", history), _format_rows("rows", self.scores.to_rows())]
        files.write_text(path, "{\n" + ",\n".join(lines) + "\n}\n")

    def _summarize_events(self) -> dict[str, object]:
        """Return the counts of events and what follows from them, where there are any."""
        if self.events is None:
            return {}
        nats = self.nats_per_event
        return {
            "nats_per_event": None if nats is None else round(nats, 6),
            "events": asdict(self.events),
        }

    @classmethod
    def load(cls, path: Path) -> "Evaluation":
        """Read what `save` wrote.

        Raises:
            DataError: nothing there, or not of this kind.
        """
        try:
            return cls.from_json(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, LookupError, TypeError, ValidationError) as error:
            raise DataError(f"{path}: no evaluation here ({error}); run 'dvc repro'") from error

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Evaluation":
        """Make one of what JSON gives.

        Raises:
            LookupError, TypeError, ValueError: it is not of this kind.
        """
        (_, *columns), *rows = _upgrade_history(values["history"])
        histories: dict[int, list[dict[str, float]]] = {}
        for replicate, *row in rows:
            histories.setdefault(replicate, []).append(dict(zip(columns, row, strict=True)))
        return cls(
            architecture=values["architecture"],
            config=ModelConfig.model_validate(
                upgrade_model_config(values.get("config") or values["block"])
            ),
            parameters=values["parameters"],
            bytes=values["bytes"],
            histories=list(histories.values()),
            scores=PieceScores.from_rows(values["rows"]),
            events=EventStats(**values["events"]) if "events" in values else None,
        )
