"""A source of notes that sends to pages what another source plays, and has the notes of a person measured.

It stands between the player and the improviser and changes nothing. The player accepts a note up to `LOOK_AHEAD` before
it sounds, so pages learn of notes ahead of their time: a message has the time of this machine's monotonic clock, and the
delay of the network does not matter.
"""

import time
from collections import deque
from collections.abc import Callable
from itertools import count
from typing import Any

from pipeline.live.improviser import Improviser
from pipeline.live.note_source import PendingNote
from pipeline.notes.note import PEDAL_UP
from pipeline.studio.messages import (
    AllNotesEnded,
    HumanNoteEnded,
    NoteStarted,
    Preview,
    ServerMessage,
    TurnChanged,
)

Broadcast = Callable[[ServerMessage], None]
SURPRISAL_CONTEXT = 64
"""Notes before a note that its surprisal is measured after."""


class BroadcastingSource:
    """A source, and all that it and a person play."""

    def __init__(
        self,
        improviser: Improviser,
        broadcast: Broadcast,
        measure: Callable[[int, list[PendingNote]], None],
        has_pedal: bool = False,
    ) -> None:
        """Wrap a source.

        Args:
            improviser: where the notes come from.
            broadcast: sends a message to the pages; must not wait.
            measure: takes the number of a note that a person ended, and it as the last of the notes before it.
            has_pedal: whether the notes of the source have a sustain pedal.
        """
        self.improviser = improviser
        self.broadcast = broadcast
        self.measure = measure
        self.has_pedal = has_pedal
        self.time_of: Callable[[int], float] = lambda _: time.monotonic()
        """Clock time of a cell [s]; from the player, once there is one."""
        self.paused = False
        """Whether the model is silent; set by another thread."""
        self.was_paused = False
        self.control_revision = 0
        """Number of the last change of the controls."""
        self.recent_notes: deque[PendingNote] = deque(maxlen=SURPRISAL_CONTEXT)
        self.held_notes: dict[int, tuple[int, PendingNote]] = {}
        """Pitch of a key that is down to the number and the note."""
        self.note_ids = count(time.time_ns() // 1000)  # goes on rising with the next model
        self.last_preview: tuple[PendingNote | None, int] = (None, 0)
        """Note and revision."""
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
        """Return the next note of the source, and send a preview of it."""
        revision = self.control_revision  # read first: a note must not claim a later change
        self._update_paused(floor)
        note = None if self.was_paused else self.improviser.peek(floor)
        self._update_turn()
        if (note, revision) != self.last_preview:
            self.last_preview = note, revision
            if note and note.onset > floor:
                self.broadcast(Preview(revision=revision, **self._describe_note(note)))
        return note

    def commit(self) -> None:
        """Send the note that will sound."""
        note, revision = self.last_preview
        assert note is not None  # it was peeked at
        self.improviser.commit()
        self.recent_notes.append(note)
        self.broadcast(
            NoteStarted(
                performer="model",
                note_id=next(self.note_ids),
                revision=revision,
                **self._describe_note(note),
            )
        )
        self.last_preview = None, revision

    def note_on(self, cell: int, pitch: int, velocity: int, pedal: int) -> bool:
        """Send the start of a note of a person."""
        self._end_held_note(cell, pitch, cell)
        read_pedal = pedal if self.has_pedal else PEDAL_UP
        note_id, note = next(self.note_ids), PendingNote(cell, 0, pitch, velocity, read_pedal)
        self.held_notes[pitch] = note_id, note
        details = self._describe_note(note) | {"duration": None, "pedal": None}
        self.broadcast(NoteStarted(performer="human", note_id=note_id, revision=0, **details))
        return self.improviser.note_on(cell, pitch, velocity, pedal)

    def note_off(self, cell: int, pitch: int, key_up: int) -> None:
        """Send the end of a note of a person, and have it measured."""
        self._end_held_note(cell, pitch, key_up)
        self.improviser.note_off(cell, pitch, key_up)

    def end_turn(self) -> None:
        """Drop the phrase and the response."""
        self.improviser.end_turn()

    def stop(self, cell: int) -> None:
        """End the turn and all notes on the pages: the player has ended, and the next one knows nothing of them."""
        for pitch in list(self.held_notes):
            self._end_held_note(cell, pitch, cell)
        if self.is_model_turn:
            self.is_model_turn = False
            self.broadcast(TurnChanged(is_model=False))
        self.broadcast(AllNotesEnded(time=self.time_of(cell)))

    def cut_at(self, cell: int) -> None:
        """Shorten the notes that were cut, and forget those that did not start; pages know them already."""
        kept = [note for note in self.recent_notes if note.onset <= cell]
        self.recent_notes = deque(
            (note._replace(duration=min(note.duration, cell - note.onset)) for note in kept),
            SURPRISAL_CONTEXT,
        )
        self.improviser.cut_at(cell)
        self.broadcast(AllNotesEnded(time=self.time_of(cell)))

    def _update_paused(self, floor: int) -> None:
        """Follow `paused`; after a pause, forget what the model meant to play in it."""
        was_paused, self.was_paused = self.was_paused, self.paused
        if was_paused and not self.was_paused:
            self.improviser.cut_at(floor)

    def _update_turn(self) -> None:
        is_model_turn = self.improviser.is_responding and not self.was_paused
        if is_model_turn != self.is_model_turn:
            self.is_model_turn = is_model_turn
            self.broadcast(TurnChanged(is_model=is_model_turn))

    def _end_held_note(self, cell: int, pitch: int, key_up: int) -> None:
        if pitch not in self.held_notes:
            return
        note_id, held = self.held_notes.pop(pitch)
        end = key_up if self.has_pedal else cell
        note = held._replace(duration=max(end - held.onset, 0))
        before = sorted(other for other in self.recent_notes if other < note)
        self.recent_notes.append(note)
        self.broadcast(HumanNoteEnded(note_id=note_id, end=self.time_of(cell)))
        self.measure(note_id, [*before, note])

    def _describe_note(self, note: PendingNote) -> dict[str, Any]:
        """Return a note in clock times [s]."""
        onset = self.time_of(note.onset)
        end = self.time_of(note.onset + note.duration)
        return {
            "pitch": note.pitch,
            "velocity": note.velocity,
            "onset": round(onset, 4),
            "duration": round(end - onset, 4),
            "pedal": note.pedal if self.has_pedal else None,
        }
