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
from pipeline.live.note_source import Draft
from pipeline.studio.client_queue import Frame

Tell = Callable[[Frame], None]
CONTEXT = 64
"""Notes before a note that its surprise is measured after."""


class Witness:
    """A source, and all that it and a person play."""

    def __init__(self, source: Improviser, tell: Tell, judge: Callable[[int, list[Draft]], None]) -> None:
        """Begin.

        Args:
            source: where the notes come from.
            tell: takes frames for the pages; must not wait.
            judge: takes the number of a note that a person ended, and it as the last of the notes that led to it.
        """
        self.source = source
        self.tell = tell
        self.judge = judge
        self.due: Callable[[int], float] = lambda _: time.monotonic()
        """Clock time of a cell [s]; from the player, once there is one."""
        self.resting = False
        """Whether the model plays nothing for now."""
        self.rested = False
        self.change = 0
        """Number of the last change of the controls, which later notes were drawn under."""
        self.past: deque[Draft] = deque(maxlen=CONTEXT)
        self.held: dict[int, tuple[int, Draft]] = {}
        """Pitch of a key that is down to the number and the note."""
        self.numbers = count(time.time_ns() // 1000)  # goes on rising when the model is exchanged
        self.shown: tuple[Draft | None, int] = (None, 0)
        self.turn = False

    @property
    def tempo(self) -> float:
        """Music time per clock time."""
        return self.source.tempo

    @property
    def done(self) -> bool:
        """Whether no note will come any more."""
        return self.source.done

    def propose(self, floor: int) -> Draft | None:
        """Return the next note of the source, and tell what it is to be."""
        change = self.change  # before it is drawn: a note is never said to be newer than it is
        rested, self.rested = self.rested, self.resting  # looked at once: another thread sets it
        if rested and not self.rested:
            self.source.silenced(floor)  # what it meant to play while it rested is over
        draft = None if self.rested else self.source.propose(floor)
        if (turn := self.source.answering and not self.rested) != self.turn:
            self.turn = turn
            self.tell({"type": "turn", "model": turn})
        if (draft, change) != self.shown:
            self.shown = draft, change
            if draft and draft.onset > floor:
                self.tell({"type": "draft", "change": change, **self._about(draft)})
        return draft

    def accept(self) -> None:
        """Tell of a note that will sound."""
        draft, change = self.shown
        assert draft is not None  # it was proposed
        self.source.accept()
        self.past.append(draft)
        self.tell(
            {"type": "note", "who": "model", "number": next(self.numbers), "change": change, **self._about(draft)}
        )
        self.shown = None, change

    def strike(self, cell: int, pitch: int, velocity: int) -> bool:
        """Tell of a key that a person struck."""
        self._end(cell, pitch)
        number, note = next(self.numbers), Draft(cell, 0, pitch, velocity)
        self.held[pitch] = number, note
        self.tell({"type": "note", "who": "human", "number": number, **self._about(note), "duration": None})
        return self.source.strike(cell, pitch, velocity)

    def lift(self, cell: int, pitch: int) -> None:
        """Tell of a key that a person let go, and ask how surprising its note was."""
        self._end(cell, pitch)
        self.source.lift(cell, pitch)

    def silenced(self, cell: int) -> None:
        """Know that notes were cut, and that those to come do not."""
        kept = [note for note in self.past if note.onset <= cell]
        self.past = deque((note._replace(duration=min(note.duration, cell - note.onset)) for note in kept), CONTEXT)
        self.source.silenced(cell)

    def _end(self, cell: int, pitch: int) -> None:
        if pitch not in self.held:
            return
        number, begun = self.held.pop(pitch)
        note = begun._replace(duration=max(cell - begun.onset, 0))
        before = sorted(other for other in self.past if other < note)
        self.past.append(note)
        self.tell({"type": "end", "number": number, "end": self.due(cell)})
        self.judge(number, [*before, note])

    def _about(self, note: Draft) -> Frame:
        """Return a note as pages are told of it: clock times, in seconds."""
        onset = self.due(note.onset)
        duration = self.due(note.onset + note.duration) - onset
        return {
            "pitch": note.pitch,
            "velocity": note.velocity,
            "onset": round(onset, 4),
            "duration": round(duration, 4),
        }
