"""The body of a trained model, one note at a time: the twin of `network`, which reads many at once.

Shapes: D width of what the layers read, H width of the hidden vector, with the cells left of each key as of `network`.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from pipeline.config.recipes import Model
from pipeline.models.numpy.layers import Floats
from pipeline.models.numpy.network import EMBEDDED
from pipeline.models.numpy.step_layers import Attention, Gated, Layer, Lstm, over_rms
from pipeline.notes import active_notes, quantize
from pipeline.notes.active_notes import SparseActiveProduct
from pipeline.notes.note import NUM_PITCHES
from pipeline.notes.quantize import DURATION, PITCH, STEP, QuantizedNotes

State = list[Any]
"""What is left of each key [128], then the state of each layer; each note changes it in place."""


class Body:
    """From a note and a state to the hidden vector that the heads read."""

    def __init__(self, block: Model, weights: Mapping[str, Floats]) -> None:
        self.block = block
        self.weights = weights
        kind: Any = {"lstm": Lstm, "gated": Gated, "attention": Attention}[block.cell]
        names = [f"{block.cell}_{number}" for number in range(1, len(block.units) + 1)]
        self.embeds = block.input == "embedding"
        if not self.embeds:
            # The scalar input is linear in the note, so it is folded into the kernel that reads it.
            linear = quantize.scalar_features(np.eye(4, dtype=np.int16))
            weights = {**weights, f"{names[0]}/kernel": linear @ weights[f"{names[0]}/kernel"]}
        self.layers: list[Layer] = [kind(weights, name) for name in names]
        if self.embeds:
            self.keys = SparseActiveProduct(weights["sounding/kernel"])
            told = [name for name in EMBEDDED if name != "velocity" or block.velocity]
            self.tables = [(EMBEDDED[name], weights[f"{name}_embedding/embeddings"]) for name in told]

    def start(self) -> State:
        """Return the state before the first note of a piece."""
        return [np.zeros(NUM_PITCHES, np.int16), *(layer.start() for layer in self.layers)]

    def hear(self, codes: QuantizedNotes, state: State) -> Floats:
        """Read the next notes [N, 4], N at least 1, and change the state; returns the hidden vector [H]."""
        for code in codes[:-1]:
            self.read(code, state)
        return self.read(codes[-1], state)

    def read(self, code: QuantizedNotes, state: State) -> Floats:
        """Read the next note [4] and change the state; returns the hidden vector [H]."""
        x = self._embedded(code, state[0]) if self.embeds else code.astype(np.float32)
        for layer, its in zip(self.layers, state[1:], strict=True):
            x = layer.read(x, its)
        if self.block.residual:
            x = x * np.float32(over_rms(x)) * self.weights["norm/scale"]
        if self.block.dense:
            x = np.maximum(x.dot(self.weights["dense/kernel"]) + self.weights["dense/bias"], np.float32(0))
        return np.concatenate((x, state[0]), dtype=np.float32) if self.embeds else x.copy()

    def _embedded(self, code: QuantizedNotes, left: active_notes.ActiveNotes) -> Floats:
        """Return what the layers read [D]; the note takes its place among the keys that sound."""
        note = code.tolist()
        left -= note[STEP]
        np.maximum(left, 0, out=left)
        x = self.keys.apply(left)
        x += self.weights["sounding/bias"]
        token = quantize.token_ids_of_note(*note)
        for column, table in self.tables:
            x += table[token[column]]
        left[note[PITCH]] = note[DURATION]
        return x
