"""The body of a trained model, one note at a time: the twin of `network`, which reads many at once.

Shapes: D width of what the layers read, H width of the hidden vector, with the cells left of each key as of `network`.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from pipeline.config.schema import ModelConfig
from pipeline.models.numpy.layers import Float32Array
from pipeline.models.numpy.network import EMBEDDED_COLUMNS
from pipeline.models.numpy.step_layers import LSTM, AttentionBlock, Layer, MinGRUBlock, inverse_rms
from pipeline.notes import active_notes, quantize
from pipeline.notes.active_notes import SparseActiveProduct
from pipeline.notes.note import NUM_PITCHES
from pipeline.notes.quantize import DURATION, PITCH, STEP, QuantizedNotes

State = list[Any]
"""What is left of each key [128], then the state of each layer; each note changes it in place."""


class StepNetwork:
    """From a note and a state to the hidden vector that the heads read."""

    def __init__(self, config: ModelConfig, weights: Mapping[str, Float32Array]) -> None:
        self.config = config
        self.weights = weights
        kind: Any = {
            "lstm": LSTM,
            "bilstm": LSTM,
            "mingru": MinGRUBlock,
            "attention": AttentionBlock,
        }[config.cell]
        names = [f"{config.cell}_{number}" for number in range(1, len(config.units) + 1)]
        self.uses_embedding = config.input == "embedding"
        if not self.uses_embedding:
            # The scalar input is linear in the note, so it is folded into the kernel that reads it.
            linear = quantize.scalar_features(np.eye(4, dtype=np.int16))
            weights = {**weights, f"{names[0]}/kernel": linear @ weights[f"{names[0]}/kernel"]}
        self.layers: list[Layer] = [kind(weights, name) for name in names]
        if self.uses_embedding:
            self.active_product = SparseActiveProduct(weights["sounding/kernel"])
            told = [
                name for name in EMBEDDED_COLUMNS if name != "velocity" or config.model_velocity
            ]
            self.embedding_tables = [
                (EMBEDDED_COLUMNS[name], weights[f"{name}_embedding/embeddings"]) for name in told
            ]

    def initial_state(self) -> State:
        """Return the state before the first note of a piece."""
        return [np.zeros(NUM_PITCHES, np.int16), *(layer.initial_state() for layer in self.layers)]

    def feed(self, notes: QuantizedNotes, state: State) -> Float32Array:
        """Read the next notes [N, 4], N at least 1, and change the state; returns the hidden vector [H]."""
        for code in notes[:-1]:
            self.step(code, state)
        return self.step(notes[-1], state)

    def step(self, note: QuantizedNotes, state: State) -> Float32Array:
        """Read the next note [4] and change the state; returns the hidden vector [H]."""
        x = self._embed_note(note, state[0]) if self.uses_embedding else note.astype(np.float32)
        for layer, its in zip(self.layers, state[1:], strict=True):
            x = layer.step(x, its)
        if self.config.is_residual:
            x = x * np.float32(inverse_rms(x)) * self.weights["norm/scale"]
        if self.config.dense_units:
            x = np.maximum(
                x.dot(self.weights["dense/kernel"]) + self.weights["dense/bias"], np.float32(0)
            )
        return np.concatenate((x, state[0]), dtype=np.float32) if self.uses_embedding else x.copy()

    def _embed_note(
        self, quantized_note: QuantizedNotes, active: active_notes.ActiveNotes
    ) -> Float32Array:
        """Return what the layers read [D]; the note takes its place among the keys that sound."""
        note = quantized_note.tolist()
        active -= note[STEP]
        np.maximum(active, 0, out=active)
        x = self.active_product.apply(active)
        x += self.weights["sounding/bias"]
        token = quantize.token_ids_of_note(*note)
        for column, table in self.embedding_tables:
            x += table[token[column]]
        active[note[PITCH]] = note[DURATION]
        return x
