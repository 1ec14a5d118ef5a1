"""Draw notes from distributions under constraints.

What a constraint forbids is taken out of the distribution first, then come temperature and top-p, then one random
number. So a constraint needs no second try and no repair, and the n-th choice uses the n-th number of the generator.

Shapes: V values of a feature, N notes.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from pipeline.config.schema import SamplingConfig
from pipeline.core.errors import DataError
from pipeline.generation.constraints import NoteLimits, allowed_pitches
from pipeline.models.model_io import TrainedModel
from pipeline.models.time_limits import NO_TIME_LIMITS, TimeLimits
from pipeline.notes.note import NUM_PITCHES
from pipeline.notes.quantize import DURATION, FEATURES, PITCH, STEP, QuantizedNotes

MIN_MASS = 1e-300
"""Sums of probabilities below this are taken as zero: smaller numbers are too coarse to draw from."""
NONE_LONGER = np.empty(0)
"""Probabilities of the values that are too long, where none is."""


def apply_temperature(probs: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    """Raise probabilities [V] to the power 1/temperature, and scale them to sum to one."""
    powers: NDArray[np.float64] = (probs / probs.max()) ** (1 / temperature)
    return powers / powers.sum()


def top_p_indices(probs: NDArray[np.float64], top_p: float, total: float = 1.0) -> NDArray[np.intp]:
    """Return the most likely values that together reach a share of all, in rising order; of equals the first.

    Args:
        probs: [V].
        top_p: the share.
        total: the sum of `probs`.

    Returns:
        Indices of [V], at least one.

    Source: Holtzman et al., "The Curious Case of Neural Text Degeneration", ICLR 2020.
    """
    # All values below this bound together have less than the share left out, so only the others are sorted.
    candidates: NDArray[np.intp] = (probs >= (1 - top_p) * total / len(probs)).nonzero()[0]
    candidate_probs = probs.take(candidates)
    # Sorting numbers takes a tenth of the time of sorting indices by them.
    descending = np.sort(candidate_probs)[::-1]
    count = int(descending.cumsum().searchsorted(top_p * total)) + 1
    if count >= len(candidates):
        return candidates
    least = descending[count - 1]
    is_kept = candidate_probs >= least
    surplus = int(np.count_nonzero(is_kept)) - count
    if surplus > 0:
        is_kept[np.flatnonzero(candidate_probs == least)[-surplus:]] = False
    return candidates[is_kept]


class Sampler:
    """Draws notes with a random generator of its own, and knows the notes that limits depend on."""

    def __init__(
        self,
        rng: np.random.Generator,
        config: SamplingConfig,
        time_limits: TimeLimits | None = None,
    ) -> None:
        """Begin before the first note.

        Args:
            rng: draws the notes.
            config: temperature, top-p and constraints.
            time_limits: longest times of a note, if the configuration asks for limits; None is no limit.

        Raises:
            ParamsError: there is no such key, or none of its pitches lies in the range.
        """
        self.rng = rng
        self.config = config
        self.allowed_pitches = allowed_pitches(config.key, config.min_pitch, config.max_pitch)
        allows_all = len(self.allowed_pitches) == NUM_PITCHES
        self.pitch_indices = slice(None) if allows_all else np.array(self.allowed_pitches)
        self.limits = NoteLimits(config.max_polyphony, config.max_notes_per_second)
        self.has_limits = bool(config.max_polyphony or config.max_notes_per_second)
        self.time_limits = NO_TIME_LIMITS
        if config.limit_times and time_limits is not None:
            self.time_limits = time_limits
        self.earliest_step = 0
        """Least step of the next note [cells], besides that of the limits on notes."""

    @property
    def recall_bonus(self) -> float:
        """As of `SamplingConfig`."""
        return self.config.recall_bonus

    def observe(self, notes: QuantizedNotes) -> None:
        """Add notes [N, 5] that were not drawn here, of a prompt or a person, to those that limits depend on."""
        if self.has_limits:
            self.limits.observe(notes)

    def sample_note(
        self, distributions: Iterable[tuple[str, NDArray[np.float64]]], note: list[int]
    ) -> QuantizedNotes:
        """Draw the features of a note one after the other.

        Args:
            distributions: name and distribution [V] of each feature; each may depend on the values drawn before it.
            note: [5], into which each value is written before the next distribution is asked for.

        Returns:
            The note [5].

        Raises:
            DataError: the probabilities are not finite numbers.
        """
        for feature, probs in distributions:
            note[FEATURES[feature].column] = self.sample_feature(feature, probs)
        if self.has_limits:
            self.limits.add(note[STEP], note[DURATION], note[PITCH])
        return np.array(note, np.int16)

    def sample_feature(self, feature: str, probs: NDArray[np.float64]) -> int:
        """Draw the value of one feature from its distribution [V], under the constraints."""
        if feature == "pitch":
            index = self._draw_index(feature, probs, probs[self.pitch_indices])
            return self.allowed_pitches[index]
        first, end = self._find_range(feature, len(probs))
        return first + self._draw_index(feature, probs, probs[first:end], probs[end:])

    def _find_range(self, feature: str, size: int) -> tuple[int, int]:
        """Return the first value of a feature that is allowed, and the end of those that are.

        A step may have to be longer than the longest, to keep the limits on notes; then it is as short as it can be.
        """
        if feature == "step":
            first = max(self.limits.min_step(), self.earliest_step)
            return first, max(first, self.time_limits.max_step) + 1
        if feature == "duration":
            return 0, self.time_limits.max_duration + 1
        return 0, size

    def _draw_index(
        self,
        feature: str,
        probs: NDArray[np.float64],
        allowed_probs: NDArray[np.float64],
        longer_probs: NDArray[np.float64] = NONE_LONGER,
    ) -> int:
        """Return an index of the values that are allowed; one random number is used.

        Args:
            feature: name of the feature.
            probs: [V] its distribution.
            allowed_probs: those of the values that are allowed.
            longer_probs: those of the times that are too long.
        """
        total = 1.0 if len(allowed_probs) == len(probs) else float(allowed_probs.sum())
        kept = None
        if total < MIN_MASS:
            wants_longer = bool(longer_probs.any())
            allowed_probs = _make_fallback(feature, len(allowed_probs), wants_longer)
        else:
            temperature, top_p = self._select_settings(feature)
            if temperature != 1.0:
                allowed_probs, total = apply_temperature(allowed_probs, temperature), 1.0
            if top_p < 1.0:
                kept = top_p_indices(allowed_probs, top_p, total)
                allowed_probs = allowed_probs.take(kept)
        cumulative = allowed_probs.cumsum()
        if not (len(cumulative) and (last := float(cumulative[-1])) > 0):
            raise DataError(
                f"{feature}: probabilities sum to {probs.sum()}; the weights are damaged, so train the model again"
            )
        # Searching below the last sum, not below 1, keeps a rounding error from choosing a value of probability zero.
        index = int(cumulative.searchsorted(self.rng.random() * last, side="right"))
        return index if kept is None else int(kept[index])

    def _select_settings(self, feature: str) -> tuple[float, float]:
        """Return temperature and top-p of a feature; a rare move of the pedal is as likely as the model has it."""
        if feature == "pedal":
            return 1.0, 1.0
        if FEATURES[feature].is_time:
            return self.config.time_temperature, self.config.time_top_p
        if feature == "velocity":
            return self.config.velocity_temperature, self.config.velocity_top_p
        return self.config.pitch_temperature, self.config.pitch_top_p


def _make_fallback(feature: str, size: int, wants_longer: bool) -> NDArray[np.float64]:
    """Return probabilities for values that have none, since the tail of a narrow density rounds to zero.

    Of a falling tail the first cell has the most; where only longer times have any, the last cell is nearest.
    """
    if not FEATURES[feature].is_time:
        return np.ones(size)
    return np.eye(1, size, size - 1 if wants_longer else 0)[0]


def make_sampler(
    model: TrainedModel, prompt: QuantizedNotes, config: SamplingConfig, rng: np.random.Generator
) -> Sampler:
    """Return a sampler that knows the limits of a model and the notes of a prompt.

    Args:
        model: what generates.
        prompt: [N, 5] that it continues; times that the prompt has are not too long.
        config: temperature, top-p and constraints.
        rng: draws the notes.

    Raises:
        ParamsError: there is no such key, or none of its pitches lies in the range.
    """
    time_limits = model.time_limits and model.time_limits.include(prompt)
    sampler = Sampler(rng, config, time_limits)
    sampler.observe(prompt)
    return sampler
