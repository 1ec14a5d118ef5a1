"""Notes in, the next note out: how a trained model is played.

A model is read with the memory that it declares: a state carried from the first note on, or the last T notes, read
again for every note.

Shapes: N notes, T window, H width of the hidden vector.
"""

from collections import deque
from math import exp, inf
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.config.schema import ModelConfig
from pipeline.core.console import track_progress
from pipeline.generation.step_heads import Distributions, make_step_heads
from pipeline.models.model_io import TrainedModel
from pipeline.models.numpy.heads import Context, Probs
from pipeline.models.numpy.network import Network, WindowNetwork
from pipeline.models.residual_noise import MIN_PROB
from pipeline.notes import recall
from pipeline.notes.pitch_ages import MAX_AGE
from pipeline.notes.quantize import (
    DURATION,
    FEATURES,
    GRID_SIZE,
    PITCH,
    STEP,
    VELOCITY,
    QuantizedNotes,
    add_pedal_column,
    make_note,
)
from pipeline.notes.recall import FIRST_PITCH, LEVEL, SECOND_PITCH

CHUNK_NOTES = 1000
"""Notes that are read between two looks at the progress bar."""
MIN_SHOWN_NOTES = 20_000
"""Notes from which on reading or generating them, some seconds, is shown."""
MAX_DURATION = GRID_SIZE - 1
"""Of a note [cells]."""


class NoteSampler(Protocol):
    """Draws a note; see `pipeline.generation.sampling.Sampler`."""

    @property
    def recall_bonus(self) -> float:
        """As of `SamplingConfig`."""
        ...

    def sample_note(self, distributions: Distributions, note: list[int]) -> QuantizedNotes:
        """Draw the features of a note [5] one after the other."""
        ...


class Engine:
    """A model with the state after some notes."""

    def __init__(self, model: TrainedModel) -> None:
        self.config, self.sequence_length = model.config, model.sequence_length
        self.time_limits = model.time_limits
        self.heads = make_step_heads(model)
        network = Network(model.config, model.weights)
        self.network = (
            network if model.config.stateful else WindowNetwork(network, model.sequence_length)
        )
        self.reset()

    def reset(self) -> None:
        """Return to the state before the first note."""
        self.state = self.network.initial_step_state()
        self.context: Context | None = None
        self.recent_pitches: deque[int] = deque(maxlen=recall.NUM_RECENT)

    def feed(self, notes: QuantizedNotes) -> None:
        """Read the next notes, [N, 5], N at least 1."""
        self.recent_pitches.extend(notes[-recall.NUM_RECENT :, PITCH].tolist())
        if len(notes) > CHUNK_NOTES:
            self._feed_many(notes)
        else:
            self.context = self.network.feed(notes, self.state)

    def _feed_many(self, notes: QuantizedNotes) -> None:
        """Read of many notes those that the next note depends on, with a progress bar."""
        needed = notes[self._find_first_needed(notes) :]
        starts = range(0, len(needed), CHUNK_NOTES)
        chunks = [needed[start : start + CHUNK_NOTES] for start in starts]
        description = "reading the prompt"
        for chunk in track_progress(chunks, description, len(needed), len, MIN_SHOWN_NOTES):
            self.context = self.network.feed(chunk, self.state)

    def _find_first_needed(self, notes: QuantizedNotes) -> int:
        """Return the index of the first note that the note after these depends on."""
        num_context = count_context_notes(self.config, self.sequence_length)
        if num_context is None or num_context >= len(notes):
            return 0
        first = len(notes) - num_context
        if not self.config.stateful:
            return first
        onsets = notes[:, STEP].cumsum(dtype=np.int64)
        reach = MAX_AGE if self.config.is_equivariant else MAX_DURATION
        sounding = int(onsets.searchsorted(onsets[first] - reach))
        # Attention keeps notes in a ring: a whole number of turns less leaves each note in its place.
        return sounding - sounding % self.config.span

    def iterate_distributions(self, note: list[int], recall_bonus: float = 0.0) -> Distributions:
        """Yield the distribution that each feature of the next note is drawn from.

        It is that of `StepHeads.iterate_distributions`, by which notes are scored, but with `mask_active` a pitch that
        sounds has no probability.

        Args:
            note: as there.
            recall_bonus: of the pitches of a hint [nats], in a model with `recall`, but not of the last pitches.

        Raises:
            ValueError: no note was read yet.
        """
        context = self._get_context()
        distributions = self.heads.iterate_distributions(context, note, active_prob=0.0)
        for name, probs in distributions:
            if name == "pitch" and recall_bonus and context.hints is not None:
                self._raise_hinted_pitches(probs, context.hints, recall_bonus)
            yield name, probs

    def _raise_hinted_pitches(self, probs: Probs, hint: tuple[int, ...], bonus: float) -> None:
        """Change a distribution [128] by a bonus [nats] for both pitches of a hint [5]."""
        if hint[LEVEL] == 0:
            return
        for pitch in hint[FIRST_PITCH : SECOND_PITCH + 1]:
            if pitch != recall.NO_PITCH and pitch not in self.recent_pitches:
                probs[pitch] *= exp(bonus)
        probs /= np.add.reduce(probs)

    def _get_context(self) -> Context:
        if self.context is None:
            raise ValueError("a model needs at least one note of prompt")
        return self.context

    def sample(self, sampler: NoteSampler, velocity: int) -> QuantizedNotes:
        """Draw the next note and read it.

        Args:
            sampler: draws each feature, and has the `recall_bonus`.
            velocity: of the note, for models without a velocity head.

        Returns:
            The note [5].

        Raises:
            ValueError: no note was read yet.
        """
        note = make_note(velocity)
        distributions = self.iterate_distributions(note, sampler.recall_bonus)
        drawn = sampler.sample_note(distributions, note)
        self.feed(drawn[None])
        return drawn

    def score_note(self, note: QuantizedNotes) -> dict[str, float]:
        """Return the bits of each feature of a note [5], were it the next; the note is not read."""
        values = note.tolist()
        bits = {}
        for name, probs in self.heads.iterate_distributions(self._get_context(), values):
            prob = max(float(probs[values[FEATURES[name].column]]), MIN_PROB)
            bits[name] = -float(np.log2(prob))
        return bits


def count_context_notes(config: ModelConfig, sequence_length: int) -> int | None:
    """Return on how many of the last notes a model's next note depends; None where on all of them.

    Keys that sound are read besides: a note may sound on for 1000 cells, whatever came after it. An equivariant pitch
    head also reads which pitches were struck within 200 s.
    """
    if not config.stateful:
        return sequence_length
    if set(config.cells) != {"attention"}:
        return None
    earlier_notes = config.span - 1 + max(config.conv - 1, 0)
    num_context = len(config.units) * earlier_notes + 1
    return num_context + recall.HISTORY_NOTES if config.recall else num_context


def generate_notes(
    model: TrainedModel,
    prompt: QuantizedNotes,
    num_notes: int,
    sampler: NoteSampler,
    max_cells: float = inf,
) -> QuantizedNotes:
    """Continue a prompt.

    Args:
        model: the model.
        prompt: [N, 5] of at least one note; models without a velocity head play at its mean velocity.
        num_notes: number of notes to generate.
        sampler: draws each note.
        max_cells: end of the music, in cells from the first note of the prompt on; generation stops before the first
            note that would end later.

    Returns:
        Notes [num_notes, 5] without the prompt; fewer where the end came first.
    """
    engine = Engine(model)
    prompt = add_pedal_column(prompt)
    engine.feed(prompt)
    velocity = int(prompt[:, VELOCITY].mean())
    generated: list[NDArray[np.int16]] = []
    onset = int(prompt[1:, STEP].sum(dtype=np.int64))
    steps = range(num_notes)
    for _ in track_progress(steps, "generating notes", num_notes, min_total=MIN_SHOWN_NOTES):
        note = engine.sample(sampler, velocity)
        onset += int(note[STEP])
        if onset + int(note[DURATION]) > max_cells:
            break
        generated.append(note)
    return np.stack(generated) if generated else prompt[:0]
