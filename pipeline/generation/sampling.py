"""A distribution and a random generator to a choice that keeps all constraints.

What is forbidden is taken out of the distribution first, then come temperature and top-p, then one random number. So a
constraint needs no second try and no repair, and the n-th choice has the n-th number of the generator.

Shapes: K outcomes, N notes.
"""

import numpy as np
from numpy.typing import NDArray

from pipeline.config.schema import SamplingConfig
from pipeline.core.errors import DataError
from pipeline.generation.constraints import NoteLimits, allowed_pitches
from pipeline.notes.note import NUM_PITCHES
from pipeline.notes.quantize import QuantizedNotes

MIN_MASS = 1e-300
"""A mass below this is none: numbers beyond it are too coarse to choose by."""


def apply_temperature(probs: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    """Raise probabilities [K] to 1/temperature: below 1 the likely gets likelier, above 1 all get more equal."""
    sharp = (probs / probs.max()) ** (1 / temperature)
    return np.asarray(sharp / sharp.sum())


def top_p_indices(probs: NDArray[np.float64], top_p: float, total: float = 1.0) -> NDArray[np.intp]:
    """Return which outcomes are the likeliest that together reach a share of all, upwards; of equals the first.

    Args:
        probs: [K].
        top_p: the share.
        total: what the masses sum to.

    Returns:
        Indices of [K], at least one.

    Source: Holtzman et al., "The Curious Case of Neural Text Degeneration", ICLR 2020.
    """
    # What is below this is together less than the share left out: none of it is needed, so few have to be sorted.
    some: NDArray[np.intp] = (probs >= (1 - top_p) * total / len(probs)).nonzero()[0]
    each = probs.take(some)
    falling = np.sort(each)[
        ::-1
    ]  # the values alone: to sort the outcomes by them takes ten times as long
    count = int(falling.cumsum().searchsorted(top_p * total)) + 1
    if count >= len(some):
        return some
    kept = each >= falling[count - 1]
    if (spare := int(np.count_nonzero(kept)) - count) > 0:
        kept[np.flatnonzero(each == falling[count - 1])[-spare:]] = False
    return np.asarray(some[kept])


class Sampler:
    """Chooses the parts of note after note by a generator of its own, and remembers what limits depend on."""

    def __init__(self, rng: np.random.Generator, config: SamplingConfig) -> None:
        """Begin before the first note.

        Raises:
            ParamsError: there is no such key, or none of its pitches lies in the range.
        """
        self.rng = rng
        self.config = config
        self.allowed_pitches = allowed_pitches(config.key, config.min_pitch, config.max_pitch)
        self.pitch_indices = (
            slice(None)
            if len(self.allowed_pitches) == NUM_PITCHES
            else np.array(self.allowed_pitches)
        )
        self.limits = NoteLimits(config.max_polyphony, config.max_notes_per_second)
        self.partial_note: dict[str, int] = {}

    def observe(self, notes: QuantizedNotes) -> None:
        """Take note of a prompt or of what a person played, codes [N, 4]; not of notes that were chosen here."""
        if self.config.max_polyphony or self.config.max_notes_per_second:
            self.limits.observe(notes)

    def sample(self, feature: str, probs: NDArray[np.float64]) -> int:
        """Choose a part of the next note: step and pitch in either order, then its duration, then its velocity.

        The duration ends what limits must know of a note: with it the note is remembered.

        Args:
            feature: `step`, `pitch`, `duration` or `velocity`.
            probs: probabilities [K] of 1001 cells, 128 pitches, 1001 cells or 128 velocities.

        Returns:
            An index of [K].

        Raises:
            DataError: the masses are no numbers.
            KeyError: a duration comes before its step and pitch.
        """
        if feature == "pitch":
            index = self.allowed_pitches[
                self._draw_index(feature, probs, probs[self.pitch_indices])
            ]
        else:
            first = self.limits.min_step() if feature == "step" else 0
            index = first + self._draw_index(feature, probs, probs[first:])
        if self.config.max_polyphony or self.config.max_notes_per_second:
            self.partial_note[feature] = index
            if feature == "duration":
                self.limits.add(
                    self.partial_note.pop("step"), index, self.partial_note.pop("pitch")
                )
        return index

    def _draw_index(
        self, feature: str, probs: NDArray[np.float64], allowed_probs: NDArray[np.float64]
    ) -> int:
        """Return an index of the outcomes that are allowed; one random number is used."""
        kept, whole = None, 1.0 if len(allowed_probs) == len(probs) else float(allowed_probs.sum())
        if whole < MIN_MASS:
            # The tail of a narrow density rounds to nothing; of a falling tail the first cell has the most.
            allowed_probs = (
                (np.arange(len(allowed_probs)) == 0) * 1.0
                if feature == "step"
                else np.ones(len(allowed_probs))
            )
        else:
            how, is_time = self.config, feature in ("step", "duration")
            temperature = how.time_temperature if is_time else how.pitch_temperature
            top_p = how.time_top_p if is_time else how.pitch_top_p
            if temperature != 1.0:
                allowed_probs, whole = apply_temperature(allowed_probs, temperature), 1.0
            if top_p < 1.0:
                kept = top_p_indices(allowed_probs, top_p, whole)
                allowed_probs = allowed_probs.take(kept)
        total = allowed_probs.cumsum()
        if not (len(total) and (last := float(total[-1])) > 0):
            raise DataError(
                f"{feature}: masses sum to {probs.sum()}; the weights are no use, so train the model again"
            )
        # Searching under the last sum, not under 1, keeps a rounding error from choosing an outcome of mass zero.
        index = int(total.searchsorted(self.rng.random() * last, side="right"))
        return index if kept is None else int(kept[index])
