"""A source of notes that tells, as they come, what another one says: to pages, and to what measures surprise.

It stands between the player and the improviser and changes nothing. The player accepts a note up to `LOOK_AHEAD` before
it sounds, so pages hear of notes ahead of their time and can be exact about when: a frame carries the time of this
machine's monotonic clock, and the delay of the network does not matter.
"""

import time
from collections import deque
from collections.abc import Callable
from itertools import count

from pipeline.live.improviser import Improviser
from pipeline.live.note_source import PendingNote
from pipeline.studio.client_queue import ServerMessage

Broadcast = Callable[[ServerMessage], None]
SURPRISAL_CONTEXT = 64
"""Notes before a note that its surprise is measured after."""


class BroadcastingSource:
    """A source, and all that it and a person play."""

    def __init__(
        self,
        improviser: Improviser,
        broadcast: Broadcast,
        measure: Callable[[int, list[PendingNote]], None],
    ) -> None:
        """Begin.

        Args:
            improviser: where the notes come from.
            broadcast: takes frames for the pages; must not wait.
            measure: takes the number of a note that a person ended, and it as the last of the notes that led to it.
        """
        self.improviser = improviser
        self.broadcast = broadcast
        self.measure = measure
        self.time_of: Callable[[int], float] = lambda _: time.monotonic()
        """Clock time of a cell [s]; from the player, once there is one."""
        self.paused = False
        """Whether the model plays nothing for now."""
        self.was_paused = False
        self.control_revision = 0
        """Number of the last change of the controls, which later notes were drawn under."""
        self.recent_notes: deque[PendingNote] = deque(maxlen=SURPRISAL_CONTEXT)
        self.held_notes: dict[int, tuple[int, PendingNote]] = {}
        """Pitch of a key that is down to the number and the note."""
        self.note_ids = count(time.time_ns() // 1000)  # goes on rising when the model is exchanged
        self.last_preview: tuple[PendingNote | None, int] = (None, 0)
        self.is_model_turn = False

    @property
    def tempo(self) -> float:
        """Music time per clock time."""
        return self.improviser.tempo

    @property
    def done(self) -> bool:
        """Whether no note will come any more."""
        return self.improviser.done

    def peek(self, floor: int) -> PendingNote | None:
        """Return the next note of the source, and tell what it is to be."""
        change = (
            self.control_revision
        )  # before it is drawn: a note is never said to be newer than it is
        rested, self.was_paused = (
            self.was_paused,
            self.paused,
        )  # looked at once: another thread sets it
        if rested and not self.was_paused:
            self.improviser.cut_at(floor)  # what it meant to play while it rested is over
        draft = None if self.was_paused else self.improviser.peek(floor)
        if (turn := self.improviser.is_responding and not self.was_paused) != self.is_model_turn:
            self.is_model_turn = turn
            self.broadcast({"type": "turn", "model": turn})
        if (draft, change) != self.last_preview:
            self.last_preview = draft, change
            if draft and draft.onset > floor:
                self.broadcast({"type": "draft", "change": change, **self._describe_note(draft)})
        return draft

    def commit(self) -> None:
        """Tell of a note that will sound."""
        draft, change = self.last_preview
        assert draft is not None  # it was proposed
        self.improviser.commit()
        self.recent_notes.append(draft)
        self.broadcast(
            {
                "type": "note",
                "who": "model",
                "number": next(self.note_ids),
                "change": change,
                **self._describe_note(draft),
            }
        )
        self.last_preview = None, change

    def note_on(self, cell: int, pitch: int, velocity: int) -> bool:
        """Tell of a key that a person struck."""
        self._end_held_note(cell, pitch)
        number, note = next(self.note_ids), PendingNote(cell, 0, pitch, velocity)
        self.held_notes[pitch] = number, note
        self.broadcast(
            {
                "type": "note",
                "who": "human",
                "number": number,
                **self._describe_note(note),
                "duration": None,
            }
        )
        return self.improviser.note_on(cell, pitch, velocity)

    def note_off(self, cell: int, pitch: int) -> None:
        """Tell of a key that a person let go, and ask how surprising its note was."""
        self._end_held_note(cell, pitch)
        self.improviser.note_off(cell, pitch)

    def end_turn(self) -> None:
        """Drop the phrase and the response."""
        self.improviser.end_turn()

    def cut_at(self, cell: int) -> None:
        """Know that notes were cut, and that those to come do not."""
        kept = [note for note in self.recent_notes if note.onset <= cell]
        self.recent_notes = deque(
            (note._replace(duration=min(note.duration, cell - note.onset)) for note in kept),
            SURPRISAL_CONTEXT,
        )
        self.improviser.cut_at(cell)

    def _end_held_note(self, cell: int, pitch: int) -> None:
        if pitch not in self.held_notes:
            return
        number, begun = self.held_notes.pop(pitch)
        note = begun._replace(duration=max(cell - begun.onset, 0))
        before = sorted(other for other in self.recent_notes if other < note)
        self.recent_notes.append(note)
        self.broadcast({"type": "end", "number": number, "end": self.time_of(cell)})
        self.measure(number, [*before, note])

    def _describe_note(self, note: PendingNote) -> ServerMessage:
        """Return a note as pages are told of it: clock times, in seconds."""
        onset = self.time_of(note.onset)
        duration = self.time_of(note.onset + note.duration) - onset
        return {
            "pitch": note.pitch,
            "velocity": note.velocity,
            "onset": round(onset, 4),
            "duration": round(duration, 4),
        }
