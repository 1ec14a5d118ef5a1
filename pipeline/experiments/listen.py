"""Pairs for a blind listening test: how held-out music goes on, and how a model continues it.

Both sides of a pair have equal seconds, the same time grid and the same voice. A passage is in one pair at most, since a
listener who hears the same music twice knows which side repeats.

Shapes: N notes.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pipeline.config.schema import SamplingConfig
from pipeline.core import console
from pipeline.core.errors import DataError
from pipeline.generation import engine
from pipeline.generation.sampling import make_sampler
from pipeline.midi import sustain
from pipeline.models.model_io import TrainedModel
from pipeline.notes import quantize
from pipeline.notes.note import Notes
from pipeline.notes.quantize import (
    DURATION,
    GRID_SECONDS,
    PEDAL,
    STEP,
    VELOCITY,
    QuantizedNotes,
)

MAX_NOTES_PER_SECOND = 50
"""Of a model whose time stands still; no performance comes near."""


@dataclass(frozen=True)
class TestLength:
    """How much is played."""

    __test__ = False  # no test of pytest

    num_pairs: int
    prompt_notes: int
    """Notes that the model reads and the listener hears first."""
    seconds: int
    """Of a continuation."""

    @property
    def cells(self) -> int:
        """Of a continuation, on the time grid."""
        return round(self.seconds / GRID_SECONDS)


@dataclass(frozen=True)
class Passage:
    """A part of a held-out piece."""

    piece: str
    prompt: QuantizedNotes
    """[N, 5]."""
    continuation: QuantizedNotes
    """[N, 5] the notes of the piece after the prompt."""


@dataclass(frozen=True)
class Pair:
    """What a listener hears. Onsets of both sides are seconds since the last onset of the prompt."""

    model: str
    piece: str
    prompt: Notes
    real: Notes
    generated: Notes
    is_real_first: bool
    """Whether A is the real continuation."""


@dataclass(frozen=True)
class Contestant:
    """A model in the test."""

    model: TrainedModel
    pieces: Mapping[str, QuantizedNotes]
    """Notes [N, 5] of the pieces that it may be tested on, by name."""


def make_pairs(
    contestants: Mapping[str, Contestant],
    length: TestLength,
    sampling_config: SamplingConfig,
    seed: int,
) -> list[Pair]:
    """Return the pairs in random order; equal arguments give equal pairs.

    Args:
        contestants: models by name. They take turns, so each has about as many pairs as any other.
        length: fewer pairs are returned where the pieces are too short for all.
        sampling_config: how models play.
        seed: of all random numbers.

    Raises:
        DataError: a model has no pair.
    """
    rng = np.random.default_rng([seed, 0])
    pieces = {name: notes for each in contestants.values() for name, notes in each.pieces.items()}
    passages = {
        name: _shuffle_passages(cut_passages(name, notes, length), rng)
        for name, notes in pieces.items()
    }
    chosen = list(_assign_passages(contestants, passages, length.num_pairs))
    _check_count({name for name, _ in chosen}, list(contestants), len(chosen), length)
    order = rng.permutation(len(chosen))
    is_real_first = rng.random(len(chosen)) < 0.5
    pairs = []
    for number, index in enumerate(console.track_progress(order, "listen", len(order))):
        name, passage = chosen[index]
        # As in the stage generate, the random numbers of pair k depend on the seed and k alone.
        pair_rng = np.random.default_rng([seed, number + 1])
        model = contestants[name].model
        passage = _remove_unplayed(passage, model)
        generated = _continue_prompt(model, passage.prompt, length, sampling_config, pair_rng)
        pair = _make_pair(name, passage, generated, length)
        pairs.append(replace(pair, is_real_first=bool(is_real_first[number])))
    return pairs


def _make_pair(name: str, passage: Passage, generated: QuantizedNotes, length: TestLength) -> Pair:
    return Pair(
        model=name,
        piece=passage.piece,
        prompt=sustain.extend_notes(quantize.dequantize(passage.prompt)),
        real=_cut_continuation(passage.continuation, length.cells),
        generated=_cut_continuation(generated, length.cells),
        is_real_first=True,
    )


def cut_passages(piece: str, notes: QuantizedNotes, length: TestLength) -> list[Passage]:
    """Return passages of a piece [N, 5], one after another without overlap; none that reaches its end."""
    onsets = notes[:, STEP].cumsum(dtype=np.int64)
    passages = []
    start = 0
    while start + length.prompt_notes < len(notes):
        join = start + length.prompt_notes
        end = int(onsets.searchsorted(onsets[join - 1] + length.cells))
        if end == len(notes):
            break
        if end > join:
            passages.append(Passage(piece, notes[start:join], notes[join:end]))
        start = end
    return passages


def _shuffle_passages(passages: Sequence[Passage], rng: np.random.Generator) -> list[Passage]:
    return [passages[index] for index in rng.permutation(len(passages))]


def _assign_passages(
    contestants: Mapping[str, Contestant], passages: Mapping[str, list[Passage]], num_pairs: int
) -> Iterator[tuple[str, Passage]]:
    """Yield each model in turn with a passage of the piece that it has had least often; none comes twice."""
    uses: Counter[tuple[str, str]] = Counter()
    names = list(contestants)
    for number in range(num_pairs):
        name = names[number % len(names)]
        pieces = [piece for piece in contestants[name].pieces if passages[piece]]
        if pieces:
            piece = min(pieces, key=lambda piece: uses[name, piece])
            uses[name, piece] += 1
            yield name, passages[piece].pop()


def _check_count(
    served: set[str], names: Sequence[str], num_pairs: int, length: TestLength
) -> None:
    """Say so where there are fewer pairs than wanted.

    Raises:
        DataError: a model has no pair.
    """
    needed = f"passages of {length.prompt_notes} notes and {length.seconds} s after them"
    for name in names:
        if name not in served:
            raise DataError(
                f"{name}: no pair; --pairs {length.num_pairs} is less than the number of models, "
                f"or the held-out pieces have too few {needed}: lower --seconds"
            )
    if num_pairs < length.num_pairs:
        console.log_message(
            f"{num_pairs} pairs instead of {length.num_pairs}: the held-out pieces have no more {needed}"
        )


def _remove_unplayed(passage: Passage, model: TrainedModel) -> Passage:
    """Return a passage without dynamics or pedal where the model has none, since they would identify the real side."""
    if not model.config.model_velocity:
        passage = _remove_dynamics(passage)
    return passage if model.config.model_pedal else _remove_pedal(passage)


def _remove_dynamics(passage: Passage) -> Passage:
    """Return a passage at its mean velocity, at which a model without velocities plays."""
    velocity = int(passage.prompt[:, VELOCITY].mean())
    prompt, continuation = passage.prompt.copy(), passage.continuation.copy()
    prompt[:, VELOCITY] = continuation[:, VELOCITY] = velocity
    return Passage(passage.piece, prompt, continuation)


def _remove_pedal(passage: Passage) -> Passage:
    """Return a passage whose pedal is up."""
    prompt, continuation = passage.prompt.copy(), passage.continuation.copy()
    prompt[:, PEDAL:] = continuation[:, PEDAL:] = 0
    return Passage(passage.piece, prompt, continuation)


def _continue_prompt(
    model: TrainedModel,
    prompt: QuantizedNotes,
    length: TestLength,
    sampling_config: SamplingConfig,
    rng: np.random.Generator,
) -> QuantizedNotes:
    """Return notes [N, 5] that a model plays after a prompt, at least to the end of the continuation."""
    sampler = make_sampler(model, prompt, sampling_config, rng)
    prompt_cells = int(prompt[1:, STEP].sum(dtype=np.int64))
    # Only a note that starts after the end can end as late as this.
    latest_end = prompt_cells + length.cells + engine.MAX_DURATION
    max_notes = MAX_NOTES_PER_SECOND * length.seconds
    # Numbers that are none are an error of the sampler, in one line.
    with np.errstate(all="ignore"):
        return engine.generate_notes(model, prompt, max_notes, sampler, latest_end)


def _cut_continuation(continuation: QuantizedNotes, cells: int) -> Notes:
    """Return the notes that start before an end, none of which sounds after it."""
    onsets: NDArray[np.int64] = continuation[:, STEP].cumsum(dtype=np.int64)
    notes = continuation[onsets < cells].copy()
    onsets = onsets[: len(notes)]
    notes[:, DURATION] = np.minimum(notes[:, DURATION], cells - onsets)
    first_onset = float(onsets[0] * GRID_SECONDS) if len(notes) else 0.0
    return sustain.extend_notes(quantize.dequantize(notes, first_onset))
