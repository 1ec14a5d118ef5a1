"""The keys and the sustain pedal of a person: which notes sound, and since when.

A note whose key comes up while the sustain pedal is down sounds until the pedal comes up or the key goes down again, as
on a piano. Only notes that end are returned, so player, model and recording get durations as they sound. It is the rule
of `midi.sustain` for files, applied while a person plays. A panic does not move the foot: the pedal stays as it is.

All times are clock times [s].
"""

from typing import NamedTuple


class KeyPressed(NamedTuple):
    """A key goes down: pitch 0..127, velocity 1..127."""

    time: float
    pitch: int
    velocity: int


class KeyReleased(NamedTuple):
    """A key comes up."""

    time: float
    pitch: int


class AllKeysReleased(NamedTuple):
    """All keys come up."""

    time: float


class PedalMoved(NamedTuple):
    """The sustain pedal goes down or comes up."""

    time: float
    is_down: bool


class SoundStopped(NamedTuple):
    """All sound ends, of the model and of the person."""

    time: float


class ModelStopped(NamedTuple):
    """The notes of the model end."""

    time: float


KeyboardEvent = (
    KeyPressed | KeyReleased | AllKeysReleased | PedalMoved | SoundStopped | ModelStopped
)


class SoundingNote(NamedTuple):
    """A note that a person started."""

    start: float
    velocity: int


class HumanKeys:
    """The keys of one keyboard; each method that ends notes returns their pitches."""

    def __init__(self) -> None:
        """Start with all keys and the pedal up."""
        self.pressed: set[int] = set()
        """Pitches of the keys that are down."""
        self.sounding: dict[int, SoundingNote] = {}
        """Pitch to note, of keys that are down and of notes that the pedal sustains."""
        self.pedal_down = False

    def press(self, pitch: int, velocity: int, time: float) -> None:
        """Start a note; a note of this pitch that still sounds must be taken before."""
        self.pressed.add(pitch)
        self.sounding[pitch] = SoundingNote(time, velocity)

    def release(self, pitch: int) -> list[int]:
        """Let one key up; the note goes on if the pedal is down."""
        if pitch not in self.pressed:
            return []
        self.pressed.discard(pitch)
        return [] if self.pedal_down else [pitch]

    def release_all(self) -> list[int]:
        """Let all keys up; their notes go on if the pedal is down."""
        ended = [] if self.pedal_down else sorted(self.pressed)
        self.pressed.clear()
        return ended

    def move_pedal(self, is_down: bool) -> list[int]:
        """Move the pedal; if it comes up, the notes end whose keys are up."""
        self.pedal_down = is_down
        return [] if is_down else sorted(self.sounding.keys() - self.pressed)

    def stop(self) -> list[int]:
        """End all notes; the pedal stays where the foot of the person holds it."""
        self.pressed.clear()
        return sorted(self.sounding)

    def take(self, pitch: int) -> SoundingNote | None:
        """Remove a note that ended and return it; None if no note of this pitch sounds."""
        return self.sounding.pop(pitch, None)
