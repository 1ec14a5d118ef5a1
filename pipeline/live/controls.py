"""What can be turned while it plays: how notes are drawn, and how fast they come; from any thread, by name or by knob.

Knobs are MIDI control changes; those that no standard names are free for it:

    CC   control             0 .. 64 .. 127
    20   temperature_pitch   0.25 .. 1 .. 3.9
    21   temperature_time    0.25 .. 1 .. 3.9
    22   density             0 no limit, then 1..32 notes a second
    23   key                 chromatic, then C major, C minor, Db major, Db minor .. B minor, five or six steps each
    24   lowest              pitch 0..127
    25   highest             pitch 0..127
    26   polyphony           0 no limit, then 1..32 notes at once
    27   tempo               0.5 .. 1 .. 1.98
    120  panic, as all sound off and all notes off (123) mean it

A change that makes no sense, such as a key without a pitch in the range, is refused and nothing changes. What may be is
one object that is replaced whole, so a reader needs no lock and never sees half a change.
"""

import threading
from collections.abc import Callable

from pydantic import ValidationError

from pipeline.config.schema import Sampling
from pipeline.core.errors import ParamsError
from pipeline.generation.constraints import CHROMATIC, allowed_pitches

SLOWEST, FASTEST = 0.25, 4.0
"""Tempos that make sense."""
ROOTS = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
KEYS = (CHROMATIC, *(f"{root} {scale}" for root in ROOTS for scale in ("major", "minor")))
"""Keys that a knob can reach."""


def _temperature(value: int) -> float:
    return float(2 ** ((value - 64) / 32))


def _limit(value: int) -> int:
    return -(-value // 4)


KNOBS: dict[int, tuple[str, Callable[[int], object]]] = {
    20: ("temperature_pitch", _temperature),
    21: ("temperature_time", _temperature),
    22: ("density", _limit),
    23: ("key", lambda value: KEYS[value * len(KEYS) // 128]),
    24: ("lowest", int),
    25: ("highest", int),
    26: ("polyphony", _limit),
    27: ("tempo", lambda value: float(2 ** ((value - 64) / 64))),
}
"""Number of a control change to what it sets, and how."""


class Controls:
    """How notes are drawn now."""

    def __init__(self, how: Sampling, tempo: float = 1.0) -> None:
        """Begin.

        Args:
            how: sampling to begin with.
            tempo: music time per clock time, 0.25..4.

        Raises:
            ParamsError: as of `set`.
        """
        self.how = how
        self.tempo = 1.0
        self.lock = threading.Lock()
        self.set(tempo=tempo)

    def set(self, tempo: float | None = None, **changes: object) -> None:
        """Change the tempo, or any values of `Sampling` by name: all of them or none.

        Raises:
            ParamsError: a value is not allowed, or no pitch is left; nothing has changed.
        """
        with self.lock:
            if tempo is not None and not (isinstance(tempo, int | float) and SLOWEST <= tempo <= FASTEST):
                raise ParamsError(f"tempo {tempo!r} is outside {SLOWEST}..{FASTEST}; 1 is as the model says")
            if changes:
                self.how = _checked(self.how, changes)
            if tempo is not None:
                self.tempo = float(tempo)

    def turn(self, number: int, value: int) -> bool:
        """Follow a control change; return whether it changed anything: another knob or a refused value does not."""
        if number not in KNOBS:
            return False
        name, scale = KNOBS[number]
        try:
            self.set(**{name: scale(value)})  # type: ignore[arg-type]
        except ParamsError:
            return False
        return True


def _checked(how: Sampling, changes: dict[str, object]) -> Sampling:
    """Return sampling with changes."""
    try:
        changed = Sampling.model_validate(how.model_dump() | changes)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        name = ".".join(map(str, fault["loc"])) or "range"
        raise ParamsError(
            f"{name}: {fault['msg'].removeprefix('Value error, ')}; see pipeline/config/schema.py"
        ) from error
    allowed_pitches(changed.key, changed.lowest, changed.highest)
    return changed
