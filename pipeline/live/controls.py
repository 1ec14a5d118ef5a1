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


def _cc_to_share(value: int) -> float:
    return (value + 1) / 128


CONTROL_SCALES: dict[str, Callable[[int], object]] = {
    "pitch_temperature": _cc_to_temperature,
    "time_temperature": _cc_to_temperature,
    "velocity_temperature": _cc_to_temperature,
    "pitch_top_p": _cc_to_share,
    "time_top_p": _cc_to_share,
    "velocity_top_p": _cc_to_share,
    "recall_bonus": lambda value: value / 16,
    "max_notes_per_second": _cc_to_limit,
    "key": lambda value: CC_KEYS[value * len(CC_KEYS) // 128],
    "min_pitch": int,
    "max_pitch": int,
    "max_polyphony": _cc_to_limit,
    "tempo": lambda value: float(2 ** ((value - 64) / 64)),
}
"""Name of a control to the function from the value of a knob, 0..127, to that of the control."""
CC_MAP = {
    20: "pitch_temperature",
    21: "time_temperature",
    22: "max_notes_per_second",
    23: "key",
    24: "min_pitch",
    25: "max_pitch",
    26: "max_polyphony",
    27: "tempo",
    28: "velocity_temperature",
}
"""Number of a controller to the control that it sets."""


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
        return controller in CC_MAP and self.turn_knob(CC_MAP[controller], value)

    def turn_knob(self, name: str, value: int) -> bool:
        """Set a control of CONTROL_SCALES from the value of a knob, 0..127; return whether it was not refused."""
        try:
            self.update(**{name: CONTROL_SCALES[name](value)})  # type: ignore[arg-type]
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
