"""Sampling and tempo while the model plays; any thread may change them, by name or by MIDI control change.

Controllers 20 to 28 have no meaning in the MIDI standard:

    CC   control                 0 .. 64 .. 127
    20   pitch_temperature       0.25 .. 1 .. 3.9
    21   time_temperature        0.25 .. 1 .. 3.9
    22   max_notes_per_second    0 no limit, then 1..32 notes per second
    23   key                     chromatic, then C major, C minor, Db major, Db minor .. B minor, five or six steps each
    24   min_pitch               pitch 0..127
    25   max_pitch               pitch 0..127
    26   max_polyphony           0 no limit, then 1..32 notes at once
    27   tempo                   0.5 .. 1 .. 1.98
    28   velocity_temperature    0.25 .. 1 .. 3.9

"All sound off" (120) is a panic; see `keyboard`.

An invalid change, such as a key without a pitch in the range, is refused and nothing changes. The configuration is one
object that is replaced as a whole, so a reader needs no lock and never sees half a change.
"""

import threading
from collections.abc import Callable

from pydantic import ValidationError

from pipeline.config.schema import SamplingConfig
from pipeline.core.errors import ParamsError, find_first_error
from pipeline.generation.constraints import allowed_pitches
from pipeline.notes.theory import CHROMATIC, PITCH_CLASS_NAMES

MIN_TEMPO, MAX_TEMPO = 0.25, 4.0
"""Slowest and fastest tempo."""
CC_KEYS = (
    CHROMATIC,
    *(f"{tonic} {scale}" for tonic in PITCH_CLASS_NAMES for scale in ("major", "minor")),
)
"""Keys that controller 23 selects."""


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
    28: ("velocity_temperature", _cc_to_temperature),
}
"""Number of a controller to the name that it sets, and the function from its value to the new one."""


class Controls:
    """The current sampling configuration and tempo."""

    def __init__(self, sampling_config: SamplingConfig, tempo: float = 1.0) -> None:
        """Set the initial values.

        Args:
            sampling_config: initial sampling configuration.
            tempo: music time per clock time, 0.25..4.

        Raises:
            ParamsError: as of `update`.
        """
        self.sampling_config = sampling_config
        self.tempo = 1.0
        self.lock = threading.Lock()
        self.update(tempo=tempo)

    def update(self, tempo: float | None = None, **changes: object) -> None:
        """Change the tempo, or any values of `SamplingConfig` by name: all of them or none.

        Raises:
            ParamsError: a value is invalid, or no pitch is allowed; nothing has changed.
        """
        with self.lock:
            if tempo is not None and not (
                isinstance(tempo, int | float) and MIN_TEMPO <= tempo <= MAX_TEMPO
            ):
                raise ParamsError(
                    f"tempo {tempo!r} is outside {MIN_TEMPO}..{MAX_TEMPO}; 1 is the tempo of the model"
                )
            if changes:
                self.sampling_config = _apply_changes(self.sampling_config, changes)
            if tempo is not None:
                self.tempo = float(tempo)

    def control_change(self, controller: int, value: int) -> bool:
        """Apply a control change; return whether anything changed: another controller or a refused value does not."""
        if controller not in CC_MAP:
            return False
        name, scale = CC_MAP[controller]
        try:
            self.update(**{name: scale(value)})  # type: ignore[arg-type]
        except ParamsError:
            return False
        return True


def _apply_changes(config: SamplingConfig, changes: dict[str, object]) -> SamplingConfig:
    """Return a sampling configuration with changes."""
    try:
        changed = SamplingConfig.model_validate(config.model_dump() | changes)
    except ValidationError as error:
        key, message, _ = find_first_error(error)
        raise ParamsError(f"{key or 'range'}: {message}; see pipeline/config/schema.py") from error
    allowed_pitches(changed.key, changed.min_pitch, changed.max_pitch)
    return changed
