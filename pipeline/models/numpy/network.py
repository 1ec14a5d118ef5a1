"""A trained network without TensorFlow: notes in, hidden vector out, one note at a time or many.

The state is explicit, so that a player can hold it, copy it or start again.

Shapes: B pieces or windows side by side, T notes, F features, H width of the hidden vector that the heads read; of
models with the embedding input, 128 more columns follow it, the cells left of each sounding key.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from pipeline.config.recipes import Model
from pipeline.models.numpy.layers import Attention, Floats, Gated, Lstm, rms_norm
from pipeline.notes import active_notes, quantize
from pipeline.notes.quantize import DURATION, PITCH, STEP, VELOCITY, QuantizedNotes

State = list[Any]
"""What is left of sounding keys (or None), then the state of each layer."""
EMBEDDED = {"step": STEP, "duration": DURATION, "pitch": PITCH, "velocity": VELOCITY}


class Network:
    """The body of a model, from codes to the hidden vector that the heads read."""

    def __init__(self, block: Model, weights: Mapping[str, Floats]) -> None:
        self.block = block
        self.weights = weights
        kind: Any = {"lstm": Lstm, "gated": Gated, "attention": Attention}[block.cell]
        directions = ("_forward", "_backward") if block.bidirectional else ("",)
        names = [f"{block.cell}_{number}" for number in range(1, len(block.units) + 1)]
        self.layers = [[kind(weights, name + way) for way in directions] for name in names]

    def start(self, batch: int) -> State:
        """Return the state before the first note of a piece."""
        left = active_notes.no_active_notes(batch) if self.block.input == "embedding" else None
        return [left, *(layer[0].start(batch) for layer in self.layers)]

    def read(self, codes: QuantizedNotes, state: State) -> tuple[Floats, State]:
        """Read the next T notes of B pieces.

        Args:
            codes: [B, T, 4].
            state: as left by the note before; not changed.

        Returns:
            Hidden vectors [B, T, H] after each note, and the state after the last.
        """
        x, at, left = self._input(codes, state[0])
        after: State = [left]
        for (layer,), before in zip(self.layers, state[1:], strict=True):
            x, now = layer.read(x, before)
            after.append(now)
        return self._finish(x, at, codes), after

    def window(self, codes: QuantizedNotes) -> Floats:
        """Read B whole windows.

        Args:
            codes: [B, T, 4].

        Returns:
            Hidden vectors [B, H] after the last note.
        """
        if not self.block.bidirectional:
            return self.read(codes, self.start(len(codes)))[0][:, -1]
        x, at, _ = self._input(codes, self.start(len(codes))[0])
        for forward, backward in self.layers:
            ahead = forward.read(x, forward.start(len(x)))[0]
            back = backward.read(x[:, ::-1], backward.start(len(x)))[0]
            x = np.concatenate([ahead, back[:, ::-1]], axis=-1)
        # The backward half has read the whole window when it stands at the first note.
        ends = np.concatenate([ahead[:, -1:], back[:, -1:]], axis=-1)
        return self._finish(ends, None if at is None else at[:, -1:], codes[:, -1:])[:, 0]

    def _input(self, codes: QuantizedNotes, left: Any) -> tuple[Floats, Any, Any]:
        """Return features [B, T, F], what is left of sounding keys at each note [B, T, 128] and after the last."""
        if self.block.input == "scalar":
            return quantize.scalar_features(codes), None, None
        at, left = active_notes.active_before_each(codes, left)
        tokens = quantize.token_ids(codes)
        x = active_notes.active_features(at) @ self.weights["sounding/kernel"] + self.weights["sounding/bias"]
        for name, column in EMBEDDED.items():
            if name != "velocity" or self.block.velocity:
                x += self.weights[f"{name}_embedding/embeddings"][tokens[..., column]]
        return x, at, left

    def _finish(self, x: Floats, at: Any, codes: QuantizedNotes) -> Floats:
        """Apply what stands between the last layer and the heads; dropout is of training only."""
        if self.block.residual:
            x = rms_norm(x, self.weights["norm/scale"])
        if self.block.dense:
            x = np.maximum(x @ self.weights["dense/kernel"] + self.weights["dense/bias"], np.float32(0))
        if at is None:
            return x
        left = at.astype(np.float32)
        np.put_along_axis(left, codes[..., PITCH, None].astype(np.int64), codes[..., DURATION, None], axis=-1)
        return np.concatenate([x, left], axis=-1)


class Window:
    """A network that reads the last T notes anew for every note; they are its state."""

    def __init__(self, block: Model, weights: Mapping[str, Floats], length: int) -> None:
        self.network = Network(block, weights)
        self.length = length

    def start(self) -> State:
        """Return the state before the first note of a piece."""
        return [np.empty((0, 4), np.int16)]

    def hear(self, codes: QuantizedNotes, state: State) -> Floats:
        """Read the next notes [N, 4] and change the state; returns the hidden vector [H]."""
        state[0] = np.concatenate([state[0], codes])[-self.length :]
        hidden: Floats = self.network.window(state[0][None])[0]
        return hidden
