"""One note in, one distribution out: how a trained model is played and scored.

Both read by the memory that the model declares, so that a score is what the player would have felt: `carried` state
from the first note of a piece on, or the `window` of the last T notes, read again for every note.

Shapes: N notes, T window, H width of the hidden vector.
"""

from math import inf

import numpy as np

from pipeline.models.model_io import TrainedModel
from pipeline.models.numpy.heads import IndexSampler
from pipeline.models.numpy.layers import Float32Array
from pipeline.models.numpy.network import WindowNetwork
from pipeline.models.numpy.step_network import StepNetwork
from pipeline.models.scoring import make_heads
from pipeline.notes.quantize import DURATION, STEP, VELOCITY, QuantizedNotes


class Engine:
    """A model that has heard some notes and can say the next."""

    def __init__(self, model: TrainedModel) -> None:
        self.heads = make_heads(model)
        carries = model.config.stateful
        self.network = (
            StepNetwork(model.config, model.weights)
            if carries
            else WindowNetwork(model.config, model.weights, model.sequence_length)
        )
        self.reset()

    def reset(self) -> None:
        """Forget all notes."""
        self.state = self.network.initial_state()
        self.hidden: Float32Array | None = None

    def feed(self, notes: QuantizedNotes) -> None:
        """Read the next notes, codes [N, 4] with N at least 1."""
        self.hidden = self.network.feed(notes, self.state)

    def sample(self, sample_index: IndexSampler, velocity: int) -> QuantizedNotes:
        """Draw the next note and hear it.

        Args:
            sample_index: picks an index from the masses of a head.
            velocity: of the note, for models without a velocity head.

        Returns:
            Codes [4].

        Raises:
            ValueError: no note was heard yet.
        """
        if self.hidden is None:
            raise ValueError("a model needs at least one note of prompt")
        code = self.heads.sample(self.hidden, sample_index, velocity)
        self.feed(code[None])
        return code


def generate_notes(
    model: TrainedModel,
    prompt: QuantizedNotes,
    num_notes: int,
    sample_index: IndexSampler,
    max_cells: float = inf,
) -> QuantizedNotes:
    """Play on from a prompt.

    Args:
        model: what plays.
        prompt: codes [N, 4] of at least one note; their mean velocity is that of heads which say nothing of it.
        num_notes: notes to play.
        sample_index: picks an index from the masses of a head.
        max_cells: the cell, from the first note of the prompt on, up to which notes may sound; the first that would sound
            later ends it.

    Returns:
        Codes [count, 4], without the prompt; fewer where the end came first.
    """
    engine = Engine(model)
    engine.feed(prompt)
    velocity = int(prompt[:, VELOCITY].mean())
    played: list[QuantizedNotes] = []
    onset = int(prompt[1:, STEP].sum(dtype=np.int64))
    for _ in range(num_notes):
        code = engine.sample(sample_index, velocity)
        onset += int(code[STEP])
        if onset + int(code[DURATION]) > max_cells:
            break
        played.append(code)
    return np.stack(played) if played else np.empty((0, 4), np.int16)
