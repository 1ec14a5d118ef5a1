"""A trained network without TensorFlow: notes in, hidden vector out, one note at a time or many.

The state is explicit, so that a player can hold it, copy it or start again.

Shapes: B pieces or windows side by side, T notes, F features, H width of the hidden vector that the heads read; of
models with the embedding input, 128 more columns follow it, the cells left of each sounding key.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from pipeline.config.schema import ModelConfig
from pipeline.models.numpy.layers import LSTM, AttentionBlock, Float32Array, MinGRUBlock, rms_norm
from pipeline.notes import active_notes, quantize
from pipeline.notes.quantize import DURATION, PITCH, STEP, VELOCITY, QuantizedNotes

State = list[Any]
"""What is left of sounding keys (or None), then the state of each layer."""
EMBEDDED_COLUMNS = {"step": STEP, "duration": DURATION, "pitch": PITCH, "velocity": VELOCITY}


class Network:
    """The body of a model, from codes to the hidden vector that the heads read."""

    def __init__(self, config: ModelConfig, weights: Mapping[str, Float32Array]) -> None:
        self.config = config
        self.weights = weights
        kind: Any = {
            "lstm": LSTM,
            "bilstm": LSTM,
            "mingru": MinGRUBlock,
            "attention": AttentionBlock,
        }[config.cell]
        directions = ("_forward", "_backward") if config.is_bidirectional else ("",)
        names = [f"{config.cell}_{number}" for number in range(1, len(config.units) + 1)]
        self.layers = [[kind(weights, name + way) for way in directions] for name in names]

    def initial_state(self, batch_size: int) -> State:
        """Return the state before the first note of a piece."""
        left = (
            active_notes.no_active_notes(batch_size) if self.config.input == "embedding" else None
        )
        return [left, *(layer[0].initial_state(batch_size) for layer in self.layers)]

    def forward(self, notes: QuantizedNotes, state: State) -> tuple[Float32Array, State]:
        """Read the next T notes of B pieces.

        Args:
            notes: [B, T, 4].
            state: as left by the note before; not changed.

        Returns:
            Hidden vectors [B, T, H] after each note, and the state after the last.
        """
        x, at, left = self._embed_notes(notes, state[0])
        after: State = [left]
        for (layer,), before in zip(self.layers, state[1:], strict=True):
            x, now = layer.forward(x, before)
            after.append(now)
        return self._apply_output_layers(x, at, notes), after

    def forward_window(self, notes: QuantizedNotes) -> Float32Array:
        """Read B whole windows.

        Args:
            notes: [B, T, 4].

        Returns:
            Hidden vectors [B, H] after the last note.
        """
        if not self.config.is_bidirectional:
            return self.forward(notes, self.initial_state(len(notes)))[0][:, -1]
        x, at, _ = self._embed_notes(notes, self.initial_state(len(notes))[0])
        for forward, backward in self.layers:
            ahead = forward.forward(x, forward.initial_state(len(x)))[0]
            back = backward.forward(x[:, ::-1], backward.initial_state(len(x)))[0]
            x = np.concatenate([ahead, back[:, ::-1]], axis=-1)
        # The backward half has read the whole window when it stands at the first note.
        ends = np.concatenate([ahead[:, -1:], back[:, -1:]], axis=-1)
        return self._apply_output_layers(ends, None if at is None else at[:, -1:], notes[:, -1:])[
            :, 0
        ]

    def _embed_notes(self, notes: QuantizedNotes, active: Any) -> tuple[Float32Array, Any, Any]:
        """Return features [B, T, F], what is left of sounding keys at each note [B, T, 128] and after the last."""
        if self.config.input == "scalar":
            return quantize.scalar_features(notes), None, None
        at, active = active_notes.active_before_each(notes, active)
        tokens = quantize.token_ids(notes)
        x = (
            active_notes.active_features(at) @ self.weights["sounding/kernel"]
            + self.weights["sounding/bias"]
        )
        for name, column in EMBEDDED_COLUMNS.items():
            if name != "velocity" or self.config.model_velocity:
                x += self.weights[f"{name}_embedding/embeddings"][tokens[..., column]]
        return x, at, active

    def _apply_output_layers(
        self, x: Float32Array, active_before: Any, notes: QuantizedNotes
    ) -> Float32Array:
        """Apply what stands between the last layer and the heads; dropout is of training only."""
        if self.config.is_residual:
            x = rms_norm(x, self.weights["norm/scale"])
        if self.config.dense_units:
            x = np.maximum(
                x @ self.weights["dense/kernel"] + self.weights["dense/bias"], np.float32(0)
            )
        if active_before is None:
            return x
        left = active_before.astype(np.float32)
        np.put_along_axis(
            left, notes[..., PITCH, None].astype(np.int64), notes[..., DURATION, None], axis=-1
        )
        return np.concatenate([x, left], axis=-1)


class WindowNetwork:
    """A network that reads the last T notes anew for every note; they are its state."""

    def __init__(
        self, config: ModelConfig, weights: Mapping[str, Float32Array], sequence_length: int
    ) -> None:
        self.network = Network(config, weights)
        self.sequence_length = sequence_length

    def initial_state(self) -> State:
        """Return the state before the first note of a piece."""
        return [np.empty((0, 4), np.int16)]

    def feed(self, notes: QuantizedNotes, state: State) -> Float32Array:
        """Read the next notes [N, 4] and change the state; returns the hidden vector [H]."""
        state[0] = np.concatenate([state[0], notes])[-self.sequence_length :]
        hidden: Float32Array = self.network.forward_window(state[0][None])[0]
        return hidden
