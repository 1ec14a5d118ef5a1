"""A distribution and a random generator to a choice that keeps all constraints.

What is forbidden is taken out of the distribution first, then come temperature and top-p, then one random number. So a
constraint needs no second try and no repair, and the n-th choice has the n-th number of the generator.

Shapes: K outcomes, N notes.
"""

import numpy as np
from numpy.typing import NDArray

from pipeline.config.schema import Sampling
from pipeline.core.errors import DataError
from pipeline.generation.constraints import Limits, pitches
from pipeline.notes.note import NUM_PITCHES
from pipeline.notes.quantize import QuantizedNotes

LEAST = 1e-300
"""A mass below this is none: numbers beyond it are too coarse to choose by."""


def sharpen(mass: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    """Raise probabilities [K] to 1/temperature: below 1 the likely gets likelier, above 1 all get more equal."""
    sharp = (mass / mass.max()) ** (1 / temperature)
    return np.asarray(sharp / sharp.sum())


def nucleus(mass: NDArray[np.float64], top_p: float, whole: float = 1.0) -> NDArray[np.intp]:
    """Return which outcomes are the likeliest that together reach a share of all, upwards; of equals the first.

    Args:
        mass: [K].
        top_p: the share.
        whole: what the masses sum to.

    Returns:
        Indices of [K], at least one.

    Source: Holtzman et al., "The Curious Case of Neural Text Degeneration", ICLR 2020.
    """
    # What is below this is together less than the share left out: none of it is needed, so few have to be sorted.
    some: NDArray[np.intp] = (mass >= (1 - top_p) * whole / len(mass)).nonzero()[0]
    each = mass.take(some)
    falling = np.sort(each)[::-1]  # the values alone: to sort the outcomes by them takes ten times as long
    count = int(falling.cumsum().searchsorted(top_p * whole)) + 1
    if count >= len(some):
        return some
    kept = each >= falling[count - 1]
    if (spare := int(np.count_nonzero(kept)) - count) > 0:
        kept[np.flatnonzero(each == falling[count - 1])[-spare:]] = False
    return np.asarray(some[kept])


class Sampler:
    """Chooses the parts of note after note by a generator of its own, and remembers what limits depend on."""

    def __init__(self, rng: np.random.Generator, how: Sampling) -> None:
        """Begin before the first note.

        Raises:
            ParamsError: there is no such key, or none of its pitches lies in the range.
        """
        self.rng = rng
        self.how = how
        self.pitches = pitches(how.key, how.lowest, how.highest)
        self.columns = slice(None) if len(self.pitches) == NUM_PITCHES else np.array(self.pitches)
        self.limits = Limits(how.polyphony, how.density)
        self.chosen: dict[str, int] = {}

    def hear(self, codes: QuantizedNotes) -> None:
        """Take note of a prompt or of what a person played, codes [N, 4]; not of notes that were chosen here."""
        if self.how.polyphony or self.how.density:
            self.limits.hear(codes)

    def choose(self, head: str, mass: NDArray[np.float64]) -> int:
        """Choose a part of the next note: step and pitch in either order, then its duration, then its velocity.

        The duration ends what limits must know of a note: with it the note is remembered.

        Args:
            head: `step`, `pitch`, `duration` or `velocity`.
            mass: probabilities [K] of 1001 cells, 128 pitches, 1001 cells or 128 velocities.

        Returns:
            An index of [K].

        Raises:
            DataError: the masses are no numbers.
            KeyError: a duration comes before its step and pitch.
        """
        if head == "pitch":
            index = self.pitches[self._draw(head, mass, mass[self.columns])]
        else:
            first = self.limits.earliest() if head == "step" else 0
            index = first + self._draw(head, mass, mass[first:])
        if self.how.polyphony or self.how.density:
            self.chosen[head] = index
            if head == "duration":
                self.limits.add(self.chosen.pop("step"), index, self.chosen.pop("pitch"))
        return index

    def _draw(self, head: str, mass: NDArray[np.float64], allowed: NDArray[np.float64]) -> int:
        """Return an index of the outcomes that are allowed; one random number is used."""
        kept, whole = None, 1.0 if len(allowed) == len(mass) else float(allowed.sum())
        if whole < LEAST:
            # The tail of a narrow density rounds to nothing; of a falling tail the first cell has the most.
            allowed = (np.arange(len(allowed)) == 0) * 1.0 if head == "step" else np.ones(len(allowed))
        else:
            how, is_time = self.how, head in ("step", "duration")
            temperature = how.temperature_time if is_time else how.temperature_pitch
            top_p = how.top_p_time if is_time else how.top_p_pitch
            if temperature != 1.0:
                allowed, whole = sharpen(allowed, temperature), 1.0
            if top_p < 1.0:
                kept = nucleus(allowed, top_p, whole)
                allowed = allowed.take(kept)
        total = allowed.cumsum()
        if not (len(total) and (last := float(total[-1])) > 0):
            raise DataError(f"{head}: masses sum to {mass.sum()}; the weights are no use, so train the model again")
        # Searching under the last sum, not under 1, keeps a rounding error from choosing an outcome of mass zero.
        index = int(total.searchsorted(self.rng.random() * last, side="right"))
        return index if kept is None else int(kept[index])
