"""The keys and the sustain pedal of a person: which notes sound, and since when.

A note whose key comes up while the sustain pedal is down sounds until the pedal comes up or the key goes down again, as
on a piano. Only notes that end are returned, so player and recording get durations as they sound. It is the rule of
`midi.sustain` for files, applied while a person plays. A note also has what a model of the pedal reads of it: where the
pedal was, and when its key came up. A panic does not move the foot: the pedal stays as it is.

All times are clock times [s].
"""

from typing import NamedTuple

from pipeline.notes.note import PEDAL_HELD, PEDAL_PRESSED, PEDAL_UP


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
    pedal: int = PEDAL_UP
    """0 up, 1 held, 2 pressed since the note before."""
    key_up: float | None = None
    """When its key came up; None while it is down."""


class HumanKeys:
    """The keys of one keyboard; each method that ends notes returns their pitches."""

    def __init__(self) -> None:
        """Start with all keys and the pedal up."""
        self.pressed: set[int] = set()
        """Pitches of the keys that are down."""
        self.sounding: dict[int, SoundingNote] = {}
        """Pitch to note, of keys that are down and of notes that the pedal sustains."""
        self.pedal_down = False
        self.was_pedal_pressed = False
        """Whether the pedal went down since the last note started."""

    def press(self, pitch: int, velocity: int, time: float) -> None:
        """Start a note; a note of this pitch that still sounds must be taken before."""
        self.pressed.add(pitch)
        self.sounding[pitch] = SoundingNote(time, velocity, self._get_pedal_state())
        self.was_pedal_pressed = False

    def _get_pedal_state(self) -> int:
        """Return the feature `pedal` of a note that starts now."""
        if not self.pedal_down:
            return PEDAL_UP
        return PEDAL_PRESSED if self.was_pedal_pressed else PEDAL_HELD

    def release(self, pitch: int, time: float) -> list[int]:
        """Let one key up; the note goes on if the pedal is down."""
        if pitch not in self.pressed:
            return []
        self.pressed.discard(pitch)
        self.sounding[pitch] = self.sounding[pitch]._replace(key_up=time)
        return [] if self.pedal_down else [pitch]

    def release_all(self, time: float) -> list[int]:
        """Let all keys up; their notes go on if the pedal is down."""
        return [ended for pitch in sorted(self.pressed) for ended in self.release(pitch, time)]

    def move_pedal(self, is_down: bool) -> list[int]:
        """Move the pedal; if it comes up, the notes end whose keys are up."""
        self.was_pedal_pressed |= is_down and not self.pedal_down
        self.pedal_down = is_down
        return [] if is_down else sorted(self.sounding.keys() - self.pressed)

    def stop(self) -> list[int]:
        """End all notes; the pedal stays where the foot of the person holds it."""
        self.pressed.clear()
        return sorted(self.sounding)

    def take(self, pitch: int) -> SoundingNote | None:
        """Remove a note that ended and return it; None if no note of this pitch sounds."""
        return self.sounding.pop(pitch, None)
