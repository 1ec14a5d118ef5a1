"""What a model plays after a prompt beside what really follows it: measures of form and the longest copy.

Real music is held against itself too: what follows the prompt, and as many notes after that. Which of the two is
subtracted is drawn for each prompt, since pieces begin in another way than they go on. Differences have 95 % intervals
over compositions, since continuations of one composition are alike.

Source: the cluster bootstrap with percentile intervals, Davison and Hinkley, "Bootstrap methods and their application",
1997, sections 3.8 and 5.3.

Shapes: K continuations, M measures, C compositions, B draws.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.notes.quantize import QuantizedNotes
from pipeline.sample_metrics.form import Continuation, compute_form

NUM_DRAWS = 2000
"""Of the bootstrap."""
INTERVAL_ENDS = (0.025, 0.975)
"""Quantiles of the draws between which an interval lies."""

Float64Array = NDArray[np.float64]


@dataclass(frozen=True)
class PromptContinuations:
    """A prompt, with what a model and the piece play after it."""

    composition: str
    prompt: QuantizedNotes
    """[P, 5]."""
    generated: QuantizedNotes
    """[N, 5]."""
    following: QuantizedNotes
    """The notes of the piece after the prompt, N or more."""

    @property
    def num_notes(self) -> int:
        """Notes of a continuation, N."""
        return len(self.generated)

    def get_generated(self) -> Continuation:
        """Return what the model plays after the prompt."""
        return Continuation(self.prompt, self.generated)

    def get_real(self) -> Continuation:
        """Return the next notes of the piece after the prompt."""
        return Continuation(self.prompt, self.following[: self.num_notes])

    @property
    def has_next(self) -> bool:
        """Whether the piece is long enough for a second real continuation."""
        return len(self.following) >= 2 * self.num_notes

    def get_next(self) -> Continuation:
        """Return the notes after those, whose prompt is the end of the first real continuation."""
        num_notes = self.num_notes
        prompt = self.following[num_notes - len(self.prompt) : num_notes]
        return Continuation(prompt, self.following[num_notes : 2 * num_notes])


Groups = Sequence[Sequence[Continuation]]


def group_continuations(pairs: Sequence[PromptContinuations]) -> Groups:
    """Return what models play after prompts, what follows them, and what follows that."""
    return (
        [pair.get_generated() for pair in pairs],
        [pair.get_real() for pair in pairs],
        [pair.get_next() for pair in pairs if pair.has_next],
    )


def list_passages(pairs: Sequence[PromptContinuations]) -> list[QuantizedNotes]:
    """Return the notes [N, 5] of all continuations, group after group."""
    return [each.notes for group in group_continuations(pairs) for each in group]


def compare_continuations(
    pairs: Sequence[PromptContinuations], copied_notes: Sequence[int], seed: int
) -> dict[str, Any]:
    """Return the measures of generated and real continuations, with their differences.

    Args:
        pairs: one or more, of equally many notes.
        copied_notes: of the longest copy from training in each of `list_passages`.
        seed: of the bootstrap, and of which real continuation is subtracted.

    Returns:
        Numbers of prompts and compositions, and by name of each measure the means `generated` and `real`, the
        `difference` generated less real, and the `real_difference` of two real continuations, each as mean and ends of
        the interval; an unknown number is null.
    """
    names, (generated, real, next_real) = _measure_groups(group_continuations(pairs), copied_notes)
    compositions = np.array([pair.composition for pair in pairs])
    has_next = np.array([pair.has_next for pair in pairs])
    difference = _estimate_means(generated - real, compositions, seed)
    # Another stream than that of the bootstrap.
    signs = np.random.default_rng([seed, 1]).choice([-1, 1], len(next_real))
    gaps = (next_real - real[has_next]) * signs[:, None]
    control = _estimate_means(gaps, compositions[has_next], seed)
    columns = zip(generated.mean(axis=0), real.mean(axis=0), difference, control, strict=True)
    return {
        "prompts": len(pairs),
        "notes": pairs[0].num_notes,
        "compositions": len(set(compositions)),
        "prompts_with_next": len(next_real),
        "measures": {
            name: {
                "generated": _round(own),
                "real": _round(other),
                "difference": [_round(value) for value in gap],
                "real_difference": [_round(value) for value in real_gap],
            }
            for name, (own, other, gap, real_gap) in zip(names, columns, strict=True)
        },
    }


def _measure_groups(
    groups: Groups, copied_notes: Sequence[int]
) -> tuple[list[str], list[Float64Array]]:
    """Return the names of the measures [M], and of each group the measures [K, M]."""
    rows = [compute_form(each) for group in groups for each in group]
    for row, num_notes in zip(rows, copied_notes, strict=True):
        row["copy"] = float(num_notes)
    names = list(rows[0])
    table = np.array([[row[name] for name in names] for row in rows])
    ends = np.cumsum([len(group) for group in groups])
    return names, np.split(table, ends[:-1])


def _estimate_means(
    values: Float64Array, compositions: NDArray[np.str_], seed: int
) -> Float64Array:
    """Return the mean of each column of values [K, M] and the ends of its interval, [M, 3].

    The mean is no number where there is no row, and the ends where there are fewer than two compositions.
    """
    estimates = np.full((values.shape[1], 3), np.nan)
    if not len(values):
        return estimates
    estimates[:, 0] = values.mean(axis=0)
    names, cluster = np.unique(compositions, return_inverse=True)
    num_clusters = len(names)
    if num_clusters < 2:
        return estimates
    sums = np.zeros((num_clusters, values.shape[1]))
    np.add.at(sums, cluster, values)
    counts = np.bincount(cluster)
    rng = np.random.default_rng(seed)
    # How often each composition is drawn [B, C].
    weights = rng.multinomial(num_clusters, np.full(num_clusters, 1 / num_clusters), NUM_DRAWS)
    means = (weights @ sums) / (weights @ counts)[:, None]
    estimates[:, 1:] = np.quantile(means, INTERVAL_ENDS, axis=0).T
    return estimates


def _round(value: float) -> float | None:
    """Return a number to four digits, or null where it is unknown."""
    return float(f"{value:.4g}") if np.isfinite(value) else None
