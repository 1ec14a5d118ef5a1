"""What can be turned while it plays: how notes are drawn, and how fast they come; from any thread, by name or by knob.

Knobs are MIDI control changes; those that no standard names are free for it:

    CC   control             0 .. 64 .. 127
    20   temperature_pitch   0.25 .. 1 .. 3.9
    21   temperature_time    0.25 .. 1 .. 3.9
    22   density             0 no limit, then 1..32 notes a second
    23   key                 chromatic, then C major, C minor, Db major, Db minor .. B minor, five or six steps each
    24   min_pitch            pitch 0..127
    25   max_pitch           pitch 0..127
    26   polyphony           0 no limit, then 1..32 notes at once
    27   tempo               0.5 .. 1 .. 1.98

"All sound off" (120) is a panic; see `keyboard`.

A change that makes no sense, such as a key without a pitch in the range, is refused and nothing changes. What may be is
one object that is replaced whole, so a reader needs no lock and never sees half a change.
"""

import threading
from collections.abc import Callable

from pydantic import ValidationError

from pipeline.config.schema import SamplingConfig
from pipeline.core.errors import ParamsError
from pipeline.generation.constraints import allowed_pitches
from pipeline.notes.theory import CHROMATIC, PITCH_CLASS_NAMES

MIN_TEMPO, MAX_TEMPO = 0.25, 4.0
"""Tempos that make sense."""
CC_KEYS = (
    CHROMATIC,
    *(f"{tonic} {scale}" for tonic in PITCH_CLASS_NAMES for scale in ("major", "minor")),
)
"""Keys that a knob can reach."""


def _cc_to_temperature(value: int) -> float:
    return float(2 ** ((value - 64) / 32))


def _cc_to_limit(value: int) -> int:
    return -(-value // 4)


CC_MAP: dict[int, tuple[str, Callable[[int], object]]] = {
    20: ("pitch_temperature", _cc_to_temperature),
    21: ("time_temperature", _cc_to_temperature),
    22: ("max_notes_per_second", _cc_to_limit),
    23: ("key", lambda value: CC_KEYS[value * len(CC_KEYS) // 128]),
    24: ("min_pitch", int),
    25: ("max_pitch", int),
    26: ("max_polyphony", _cc_to_limit),
    27: ("tempo", lambda value: float(2 ** ((value - 64) / 64))),
}
"""Number of a control change to what it sets, and how."""


class Controls:
    """How notes are drawn now."""

    def __init__(self, sampling_config: SamplingConfig, tempo: float = 1.0) -> None:
        """Begin.

        Args:
            sampling_config: sampling to begin with.
            tempo: music time per clock time, 0.25..4.

        Raises:
            ParamsError: as of `set`.
        """
        self.sampling_config = sampling_config
        self.tempo = 1.0
        self.lock = threading.Lock()
        self.update(tempo=tempo)

    def update(self, tempo: float | None = None, **changes: object) -> None:
        """Change the tempo, or any values of `Sampling` by name: all of them or none.

        Raises:
            ParamsError: a value is not allowed, or no pitch is left; nothing has changed.
        """
        with self.lock:
            if tempo is not None and not (
                isinstance(tempo, int | float) and MIN_TEMPO <= tempo <= MAX_TEMPO
            ):
                raise ParamsError(
                    f"tempo {tempo!r} is outside {MIN_TEMPO}..{MAX_TEMPO}; 1 is as the model says"
                )
            if changes:
                self.sampling_config = _apply_changes(self.sampling_config, changes)
            if tempo is not None:
                self.tempo = float(tempo)

    def control_change(self, controller: int, value: int) -> bool:
        """Follow a control change; return whether it changed anything: another knob or a refused value does not."""
        if controller not in CC_MAP:
            return False
        name, scale = CC_MAP[controller]
        try:
            self.update(**{name: scale(value)})  # type: ignore[arg-type]
        except ParamsError:
            return False
        return True


def _apply_changes(config: SamplingConfig, changes: dict[str, object]) -> SamplingConfig:
    """Return sampling with changes."""
    try:
        changed = SamplingConfig.model_validate(config.model_dump() | changes)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        name = ".".join(map(str, fault["loc"])) or "range"
        raise ParamsError(
            f"{name}: {fault['msg'].removeprefix('Value error, ')}; see pipeline/config/schema.py"
        ) from error
    allowed_pitches(changed.key, changed.min_pitch, changed.max_pitch)
    return changed
