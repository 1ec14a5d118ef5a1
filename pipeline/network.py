"""A trained network without TensorFlow: notes in, hidden state out, one note at a time or many.

The recurrent state is explicit, so that a player can hold it, copy it or start again. The arithmetic is that of
`keras.layers.LSTM` (gates in the order input, forget, cell, output); a test holds both equal.

Shapes: B pieces or windows side by side, T notes, F features, U units of a layer, H width of the hidden vector
that the heads read.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from pipeline import encoding
from pipeline.encoding import Codes
from pipeline.sections import Model

Floats = NDArray[np.float32]
State = list[tuple[Floats, Floats]]
"""Hidden and cell vector [B, U] of each layer."""


def _sigmoid(x: Floats) -> Floats:
    # tanh cannot overflow, exp can
    return np.asarray(np.float32(0.5) * np.tanh(np.float32(0.5) * x) + np.float32(0.5))


class Lstm:
    """One LSTM layer.

    Source: Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000, as in Keras.
    """

    def __init__(self, weights: Mapping[str, Floats], name: str) -> None:
        self.kernel = weights[f"{name}/kernel"]
        self.recurrent = weights[f"{name}/recurrent_kernel"]
        self.bias = weights[f"{name}/bias"]
        self.units = self.recurrent.shape[0]

    def start(self, batch: int) -> tuple[Floats, Floats]:
        """Return the state before the first note, two of [B, U]."""
        return np.zeros((batch, self.units), np.float32), np.zeros((batch, self.units), np.float32)

    def read(self, x: Floats, state: tuple[Floats, Floats]) -> tuple[Floats, tuple[Floats, Floats]]:
        """Read T notes.

        Args:
            x: [B, T, F].
            state: as of the note before.

        Returns:
            Outputs [B, T, U] and the state after the last note.
        """
        h, c = state
        u = self.units
        # One product for all notes: only the recurrent part has to wait for the note before.
        projected = x @ self.kernel + self.bias
        out = np.empty((*x.shape[:2], u), np.float32)
        for t in range(x.shape[1]):
            z = projected[:, t] + h @ self.recurrent
            gates = _sigmoid(z)
            c = gates[:, u : 2 * u] * c + gates[:, :u] * np.tanh(z[:, 2 * u : 3 * u])
            h = gates[:, 3 * u :] * np.tanh(c)
            out[:, t] = h
        return out, (h, c)


class Network:
    """The body of a model, from codes to the hidden vector that the heads read."""

    def __init__(self, block: Model, weights: Mapping[str, Floats]) -> None:
        self.block = block
        directions = ("forward", "backward") if block.bidirectional else ("",)
        self.layers = [
            [Lstm(weights, "_".join(filter(None, (f"lstm_{i}", way)))) for way in directions]
            for i in range(1, len(block.units) + 1)
        ]
        self.dense = (weights["dense/kernel"], weights["dense/bias"]) if block.dense else None

    def start(self, batch: int) -> State:
        """Return the state before the first note of a piece."""
        return [layer[0].start(batch) for layer in self.layers]

    def read(self, codes: Codes, state: State) -> tuple[Floats, State]:
        """Read the next T notes of B pieces.

        Args:
            codes: [B, T, 4].
            state: as left by the note before; not changed.

        Returns:
            Hidden vectors [B, T, H] after each note, and the state after the last.
        """
        x = encoding.scalar(codes)
        after: State = []
        for (layer,), before in zip(self.layers, state, strict=True):
            x, now = layer.read(x, before)
            after.append(now)
        return self._finish(x), after

    def window(self, codes: Codes) -> Floats:
        """Read B whole windows.

        Args:
            codes: [B, T, 4].

        Returns:
            Hidden vectors [B, H] after the last note.
        """
        if not self.block.bidirectional:
            return self.read(codes, self.start(len(codes)))[0][:, -1]
        x = encoding.scalar(codes)
        for forward, backward in self.layers:
            ahead = forward.read(x, forward.start(len(x)))[0]
            back = backward.read(x[:, ::-1], backward.start(len(x)))[0]
            x = np.concatenate([ahead, back[:, ::-1]], axis=-1)
        # The backward half has read the whole window when it stands at the first note.
        return self._finish(np.concatenate([ahead[:, -1], back[:, -1]], axis=-1))

    def _finish(self, x: Floats) -> Floats:
        """Apply the dense layer, if there is one; dropout is of training only."""
        if self.dense is None:
            return x
        kernel, bias = self.dense
        return np.asarray(np.maximum(x @ kernel + bias, np.float32(0)))
