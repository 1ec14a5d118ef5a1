"""A distribution and a random generator to a choice.

Shapes: K outcomes.
"""

import numpy as np
from numpy.typing import NDArray


def sharpen(mass: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    """Raise probabilities [K] to 1/temperature: below 1 the likely gets likelier, above 1 all get more equal."""
    if temperature == 1.0:
        return mass
    with np.errstate(divide="ignore"):
        logits = np.log(mass) / temperature
    sharp = np.exp(logits - logits.max())
    return np.asarray(sharp / sharp.sum())


def nucleus(mass: NDArray[np.float64], top_p: float) -> NDArray[np.float64]:
    """Keep the likeliest outcomes of [K] that together reach `top_p`; at least one stays.

    Source: Holtzman et al., "The Curious Case of Neural Text Degeneration", ICLR 2020.
    """
    if top_p >= 1.0:
        return mass
    order = np.argsort(-mass, kind="stable")
    before = np.cumsum(mass[order]) - mass[order]
    kept = np.where(before < top_p * mass.sum(), mass[order], 0.0)
    out = np.empty_like(mass)
    out[order] = kept / kept.sum()
    return out


class Sampler:
    """Chooses from masses with one temperature and one top-p, by a generator of its own."""

    def __init__(self, rng: np.random.Generator, temperature: float, top_p: float) -> None:
        self.rng = rng
        self.temperature = temperature
        self.top_p = top_p

    def choose(self, _head: str, mass: NDArray[np.float64]) -> int:
        """Return an index of [K]; one random number is used for each choice."""
        total = np.cumsum(nucleus(sharpen(mass, self.temperature), self.top_p))
        # Searching under the last sum, not under 1, keeps a rounding error from choosing an outcome of mass zero.
        return int(np.searchsorted(total, self.rng.random() * total[-1], side="right"))
