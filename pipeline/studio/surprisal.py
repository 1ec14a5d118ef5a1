"""How surprised the model is by what a person plays: bits of each note, after all that both played before.

A thread of its own measures, so that neither the music nor the pages wait for it; if a person plays faster than it can
measure, some notes are not measured.
"""

import threading
from collections.abc import Callable
from queue import Full, Queue
from typing import Any

from pipeline.generation.engine import Engine
from pipeline.live.note_source import PendingNote, to_quantized
from pipeline.models.model_io import TrainedModel
from pipeline.notes.quantize import SCORED_FEATURES
from pipeline.studio.messages import NoteSurprisal, ServerMessage

QUEUE_SIZE = 32
"""Notes that wait to be measured, at most."""


class Surprisal:
    """Measures notes until it is stopped."""

    def __init__(self, model: TrainedModel, broadcast: Callable[[ServerMessage], None]) -> None:
        """Prepare, with an engine of its own.

        Args:
            model: what is surprised.
            broadcast: sends the bits of a note to the pages.
        """
        self.engine = Engine(model)
        self.broadcast = broadcast
        self.queue: Queue[tuple[int, list[PendingNote]] | None] = Queue(QUEUE_SIZE)
        self.thread = threading.Thread(target=self._process_queue, daemon=True)

    def start(self) -> None:
        """Start to measure."""
        self.thread.start()

    def submit(self, note_id: int, notes: list[PendingNote]) -> None:
        """Ask for the bits of the last of some notes, in order of time; at once, from any thread."""
        if len(notes) > 1:  # the first note of all is never scored
            try:
                self.queue.put_nowait((note_id, notes))
            except Full:
                return

    def stop(self) -> None:
        """End, after the notes that wait."""
        self.queue.put(None)
        self.thread.join()

    def _process_queue(self) -> None:
        while request := self.queue.get():
            note_id, notes = request
            self.broadcast(NoteSurprisal(note_id=note_id, **self.compute_bits(notes)))

    def compute_bits(self, notes: list[PendingNote]) -> dict[str, Any]:
        """Return the bits of the last of two or more notes in order of time: per feature, and their `total`."""
        quantized = to_quantized(notes)
        self.engine.reset()
        self.engine.feed(quantized[:-1])
        bits = self.engine.score_note(quantized[-1])
        scored = {name: round(bits[name], 3) for name in SCORED_FEATURES}
        return {"total": round(sum(bits[name] for name in SCORED_FEATURES), 3), **scored}
