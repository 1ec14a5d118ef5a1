"""A value to a place on an axis, and the round values that mark it."""

import math
from dataclasses import dataclass

TICK_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
LOG_TICK_STEPS = ((2, (1, 2, 5)), (4, (1, 3)), (math.inf, (1,)))
"""Marks within a power of ten, by how many of these an axis spans at most."""


@dataclass(frozen=True)
class Scale:
    """A straight or logarithmic map of values to pixels."""

    low: float
    high: float
    low_pixel: float
    """Pixel of `low`."""
    high_pixel: float
    """Pixel of `high`."""
    log: bool = False

    def to_pixel(self, value: float) -> float:
        """Return the pixel of a value."""
        low, high, position = map(self._to_linear, (self.low, self.high, value))
        share = (position - low) / (high - low)
        return self.low_pixel + share * (self.high_pixel - self.low_pixel)

    def _to_linear(self, value: float) -> float:
        return math.log10(value) if self.log else value

    def label_ticks(self) -> dict[float, str]:
        """Return the text of each tick."""
        return {value: format_tick_label(value) for value in self.make_ticks()}

    def make_ticks(self, num_ticks: int = 5) -> list[float]:
        """Return round values within the range, about as many as wanted."""
        if self.log:
            first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
            steps = next(steps for decades, steps in LOG_TICK_STEPS if last - first <= decades)
            ticks = [step * 10.0**power for power in range(first, last + 1) for step in steps]
        else:
            step = _round_up_step((self.high - self.low) / num_ticks)
            first = math.ceil(self.low / step - 1e-9)
            # Adding 0 turns -0 into 0.
            ticks = [round((first + k) * step, 10) + 0.0 for k in range(2 * num_ticks + 2)]
        return list(filter(self._contains, ticks))

    def _contains(self, value: float) -> bool:
        room = 1e-9 * abs(self.high - self.low)
        return self.low - room <= value <= self.high + room


def _round_up_step(min_step: float) -> float:
    """Return the least of 1, 2, 2.5, 5 times a power of ten that is not below `min_step`."""
    power = 10.0 ** math.floor(math.log10(min_step))
    return next(step * power for step in TICK_STEPS if step * power >= min_step * (1 - 1e-9))


def pad_range(values: list[float], padding: float = 0.05) -> tuple[float, float]:
    """Return a range that holds all values with some room, and is never empty."""
    low, high = min(values), max(values)
    spare = (high - low) * padding or abs(high) * padding or 1.0
    return low - spare, high + spare


def format_tick_label(value: float) -> str:
    """Return a tick's text: 0.5, 12, 20k, 3M."""
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= 10 * size or (letter == "M" and abs(value) >= size):
            return f"{value / size:g}{letter}"
    return f"{value:g}"
