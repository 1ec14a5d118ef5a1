"""A trained network in NumPy: quantized notes in, what the heads read out.

The state is explicit, so that a player can hold it, copy it or start again. `forward` reads many notes of many pieces,
`step` one note; see `pipeline.models.numpy.layers`.

Shapes: B pieces or windows, T notes, D width of the input of the layers, H width of the hidden vector.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from pipeline.config.schema import ModelConfig
from pipeline.models.numpy.heads import Context
from pipeline.models.numpy.layers import LSTM, Float32Array, Layer, inverse_rms, rms_norm
from pipeline.models.numpy.recall import RecallInput
from pipeline.models.numpy.residual_blocks import AttentionBlock, MinGRUBlock
from pipeline.notes import active_notes, pitch_ages, quantize
from pipeline.notes.active_notes import ActiveNotes, SparseActiveProduct
from pipeline.notes.note import NUM_PITCHES
from pipeline.notes.pitch_ages import StrikeTimes
from pipeline.notes.quantize import DURATION, PITCH, STEP, QuantizedNotes
from pipeline.notes.recall import PieceMemory

State = list[Any]
"""Active notes (or None), the state of each layer, for an equivariant pitch head the ages of the pitches, for `step` its
`StrikeTimes`, and with `recall` the last notes, for `step` a `PieceMemory`."""
CELLS: dict[str, Any] = {
    "lstm": LSTM,
    "bilstm": LSTM,
    "mingru": MinGRUBlock,
    "attention": AttentionBlock,
}
"""The layer of each cell of `params.yaml`."""


class Network:
    """All of a model but its heads."""

    def __init__(self, config: ModelConfig, weights: Mapping[str, Float32Array]) -> None:
        self.config = config
        self.weights = weights
        directions = ("_forward", "_backward") if config.is_bidirectional else ("",)
        self.layers: list[list[Layer]] = [
            [CELLS[cell](weights, f"{cell}_{number}{direction}") for direction in directions]
            for number, cell in enumerate(config.cells, 1)
        ]
        self.ages_index = 1 + len(self.layers)
        self.recall = RecallInput(weights) if config.recall else None
        self.uses_embedding = config.input == "embedding"
        if self.uses_embedding:
            self.active_product = SparseActiveProduct(weights["sounding/kernel"])
            self.embedding_tables = [
                (feature.column, weights[f"{feature.name}_embedding/embeddings"])
                for feature in quantize.list_embedded_features(
                    config.model_velocity, config.model_pedal
                )
            ]

    def initial_state(self, batch_size: int) -> State:
        """Return the state of `forward` before the first note of a piece."""
        active = active_notes.no_active_notes(batch_size) if self.uses_embedding else None
        states = [layer[0].initial_state(batch_size) for layer in self.layers]
        ages = [pitch_ages.no_pitch_ages(batch_size)] if self.config.is_equivariant else []
        known = [self.recall.initial_state(batch_size)] if self.recall else []
        return [active, *states, *ages, *known]

    def forward(self, notes: QuantizedNotes, state: State) -> tuple[Context, State]:
        """Read the next T notes of B pieces.

        Args:
            notes: [B, T, 5].
            state: after the note before; not changed.

        Returns:
            What the heads read after each note, hidden [B, T, H], and the state after the last.
        """
        x, active, last_active = self._embed_notes(notes, state[0])
        hints = known = None
        if self.recall:
            hints, known = self.recall.forward(notes, state[-1])
            x += self.recall.embed(hints)
        states: State = [last_active]
        for index, (layer,) in enumerate(self.layers, 1):
            x, layer_state = layer.forward(x, state[index])
            states.append(layer_state)
        if active is not None:
            pitches = notes[..., PITCH, None].astype(np.int64)
            np.put_along_axis(active, pitches, notes[..., DURATION, None], axis=-1)
        hidden = self._apply_output_layers(x)
        last_pitch = ages = None
        if self.config.is_equivariant:
            last_pitch = notes[..., PITCH]
            ages = pitch_ages.ages_after_each(notes, state[self.ages_index])
            states.append(ages[:, -1])
        if self.recall:
            states.append(known)
        return Context(hidden, active, last_pitch, ages, hints), states

    def forward_window(self, notes: QuantizedNotes) -> Context:
        """Read B whole windows [B, T, 5]; returns what the heads read after the last note, hidden [B, H]."""
        if not self.config.is_bidirectional:
            return self.forward(notes, self.initial_state(len(notes)))[0].select(np.s_[:, -1])
        x, _, last_active = self._embed_notes(notes, self.initial_state(len(notes))[0])
        for forward, backward in self.layers:
            ahead, _ = forward.forward(x, forward.initial_state(len(x)))
            back, _ = backward.forward(x[:, ::-1], backward.initial_state(len(x)))
            x = np.concatenate([ahead, back[:, ::-1]], axis=-1)
        # The backward half has read the whole window when it stands at the first note.
        ends = np.concatenate([ahead[:, -1], back[:, -1]], axis=-1)
        return Context(self._apply_output_layers(ends), last_active)

    def _embed_notes(
        self, notes: QuantizedNotes, active: ActiveNotes | None
    ) -> tuple[Float32Array, ActiveNotes | None, ActiveNotes | None]:
        """Return the input of the layers [B, T, D], active notes before each note [B, T, 128] and after the last."""
        if active is None:
            return quantize.scalar_features(notes), None, None
        before_each, last_active = active_notes.active_before_each(notes, active)
        tokens = quantize.token_ids(notes)
        x = active_notes.active_features(before_each) @ self.weights["sounding/kernel"]
        x += self.weights["sounding/bias"]
        for column, table in self.embedding_tables:
            x += table[tokens[..., column]]
        return x, before_each, last_active

    def _apply_output_layers(self, x: Float32Array) -> Float32Array:
        """Apply what stands between the last layer and the heads; dropout is for training only."""
        if self.config.is_residual:
            x = rms_norm(x, self.weights["norm/scale"])
        if self.config.dense_units:
            dense = x @ self.weights["dense/kernel"] + self.weights["dense/bias"]
            x = np.maximum(dense, np.float32(0))
        return x

    def initial_step_state(self) -> State:
        """Return the state of `step` before the first note of a piece."""
        active = np.zeros(NUM_PITCHES, np.int16) if self.uses_embedding else None
        states = [layer[0].initial_step_state() for layer in self.layers]
        strikes = [StrikeTimes()] if self.config.is_equivariant else []
        memory = [PieceMemory()] if self.recall else []
        return [active, *states, *strikes, *memory]

    def feed(self, notes: QuantizedNotes, state: State) -> Context:
        """Read the next notes [N, 5], N at least 1, one by one; returns what the heads read after the last."""
        for note in notes[:-1]:
            self.step(note, state)
        return self.step(notes[-1], state)

    def step(self, note: QuantizedNotes, state: State) -> Context:
        """Read the next note [5] and change the state; returns what the heads read, hidden [H]."""
        active, values = state[0], note.tolist()
        x = quantize.scalar_features(note) if active is None else self._embed_note(values, active)
        hint = None
        if self.recall:
            hint = state[-1].add_note(values)
            x += self.recall.embed(hint)
        for index, (layer,) in enumerate(self.layers, 1):
            x = layer.step(x, state[index])
        if self.config.is_residual:
            x = x * np.float32(inverse_rms(x)) * self.weights["norm/scale"]
        if self.config.dense_units:
            dense = x.dot(self.weights["dense/kernel"]) + self.weights["dense/bias"]
            x = np.maximum(dense, np.float32(0))
        hidden, active = x.copy(), None if active is None else active.copy()
        if not self.config.is_equivariant:
            return Context(hidden, active, hints=hint)
        ages = state[self.ages_index].add_note(values[STEP], values[PITCH])
        return Context(hidden, active, values[PITCH], ages, hint)

    def _embed_note(self, note: list[int], active: ActiveNotes) -> Float32Array:
        """Return the input of the layers [D], and add the note [5] to the active ones."""
        active -= note[STEP]
        np.maximum(active, 0, out=active)
        x = self.active_product.apply(active)
        x += self.weights["sounding/bias"]
        token = quantize.token_ids_of_note(*note)
        for column, table in self.embedding_tables:
            x += table[token[column]]
        active[note[PITCH]] = note[DURATION]
        return x


class WindowNetwork:
    """A network that reads the last T notes again for every note; they are its state."""

    def __init__(self, network: Network, sequence_length: int) -> None:
        self.network = network
        self.sequence_length = sequence_length

    def initial_step_state(self) -> State:
        """Return the state before the first note of a piece."""
        return [None]

    def feed(self, notes: QuantizedNotes, state: State) -> Context:
        """Read the next notes [N, 5] and change the state; returns what the heads read after the last, hidden [H]."""
        known = notes if state[0] is None else np.concatenate([state[0], notes])
        state[0] = known[-self.sequence_length :]
        return self.network.forward_window(state[0][None]).select(0)
