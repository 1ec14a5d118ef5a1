"""One note in, one distribution out: how a trained model is played and scored.

Both read by the memory that the model declares, so that a score is what the player would have felt: `carried` state
from the first note of a piece on, or the `window` of the last T notes, read again for every note.

Shapes: N notes, T window, H width of the hidden vector.
"""

from math import inf

import numpy as np

from pipeline.models.model_io import Trained
from pipeline.models.numpy.heads import Choose
from pipeline.models.numpy.layers import Floats
from pipeline.models.numpy.network import Window
from pipeline.models.numpy.step_network import Body
from pipeline.models.scoring import heads_of
from pipeline.notes.quantize import DURATION, STEP, VELOCITY, QuantizedNotes


class Engine:
    """A model that has heard some notes and can say the next."""

    def __init__(self, model: Trained) -> None:
        self.heads = heads_of(model)
        carries = model.block.memory == "carried"
        self.memory = Body(model.block, model.weights) if carries else Window(model.block, model.weights, model.length)
        self.reset()

    def reset(self) -> None:
        """Forget all notes."""
        self.state = self.memory.start()
        self.hidden: Floats | None = None

    def hear(self, codes: QuantizedNotes) -> None:
        """Read the next notes, codes [N, 4] with N at least 1."""
        self.hidden = self.memory.hear(codes, self.state)

    def say(self, choose: Choose, velocity: int) -> QuantizedNotes:
        """Draw the next note and hear it.

        Args:
            choose: picks an index from the masses of a head.
            velocity: of the note, for models without a velocity head.

        Returns:
            Codes [4].

        Raises:
            ValueError: no note was heard yet.
        """
        if self.hidden is None:
            raise ValueError("a model needs at least one note of prompt")
        code = self.heads.draw(self.hidden, choose, velocity)
        self.hear(code[None])
        return code


def improvise(model: Trained, prompt: QuantizedNotes, count: int, choose: Choose, last: float = inf) -> QuantizedNotes:
    """Play on from a prompt.

    Args:
        model: what plays.
        prompt: codes [N, 4] of at least one note; their mean velocity is that of heads which say nothing of it.
        count: notes to play.
        choose: picks an index from the masses of a head.
        last: the cell, from the first note of the prompt on, up to which notes may sound; the first that would sound
            later ends it.

    Returns:
        Codes [count, 4], without the prompt; fewer where the end came first.
    """
    engine = Engine(model)
    engine.hear(prompt)
    velocity = int(prompt[:, VELOCITY].mean())
    played: list[QuantizedNotes] = []
    onset = int(prompt[1:, STEP].sum(dtype=np.int64))
    for _ in range(count):
        code = engine.say(choose, velocity)
        onset += int(code[STEP])
        if onset + int(code[DURATION]) > last:
            break
        played.append(code)
    return np.stack(played) if played else np.empty((0, 4), np.int16)
