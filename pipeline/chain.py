"""Heads in a chain: step, then pitch given step, then duration given both, then velocity given all.

Notes of a chord have step 0 and rise in pitch, and how long a note is held depends on which it is: the parts of one
note are far from independent. Each part is a dense layer over what the body says plus vectors looked up for the parts
already known; pitch and duration also see which keys still sound at the onset.

Shapes: N notes, H width of the hidden vector, C width of the chain, K outcomes of a part.
"""

import numpy as np
from numpy.typing import NDArray

from pipeline import encoding, mixture, sounding
from pipeline.encoding import BIN_OF, BIN_WIDTHS, COLUMN, DURATION, PITCH, STEP, VELOCITY, VELOCITY_WIDTH, Codes
from pipeline.heads import Choose, Masses, softmax
from pipeline.layers import Floats, Weights, gelu
from pipeline.note import PITCHES
from pipeline.recipes import Model
from pipeline.spread import FLOOR

PARTS = ("step", "pitch", "duration", "velocity")
KNOWN = {"step": (), "pitch": ("step",), "duration": ("step", "pitch"), "velocity": ("step", "pitch", "duration")}
"""Which parts of the note each part knows."""
TOLD = ("pitch", "step", "duration", "velocity")
"""Order of the columns of bits."""
CELL_BITS = np.log2(BIN_WIDTHS)[BIN_OF]
"""[1001] bits to tell a cell within its bin, where all cells are as likely."""
VELOCITY_OF = np.arange(128) // VELOCITY_WIDTH
"""[128] bin of each velocity."""
VELOCITY_WIDTHS = np.bincount(VELOCITY_OF[1:]).astype(float)
"""[32] velocities in each bin; the first has one less, since velocity 0 is no note."""


class ChainHeads:
    """The heads `categorical` and `mixture`, which differ in how they tell a time."""

    def __init__(self, block: Model, weights: Weights) -> None:
        self.weights = weights
        self.mixed = block.heads == "mixture"
        self.parts = PARTS if block.velocity else PARTS[:3]
        self.sees = "ahead/kernel" in weights

    def bits(self, hidden: Floats, codes: Codes) -> NDArray[np.float64]:
        """Return the bits [N, 3] of the notes that came, columns as `encoding.HEADS`; [N, 4] where velocity is told."""
        said = self._body(hidden)
        left = sounding.after(self._left(hidden), codes[:, STEP]) if self.sees else None
        out = {}
        for part in self.parts:
            outputs = self._outputs(part, self._add(part, said[part], encoding.tokens(codes), left))
            out[part] = self._bits_of(part, outputs, codes)
        return np.stack([out[part] for part in TOLD if part in out], axis=1)

    def draw(self, hidden: Floats, choose: Choose, velocity: int) -> Codes:
        """Draw the next note [4] after hidden [H]; `velocity` is given where the model says nothing of it."""
        said = self._body(hidden[None])
        code = np.array([[0, 0, 0, velocity]], np.int16)
        left = None
        for part in self.parts:
            if part == "pitch" and self.sees:
                left = sounding.after(self._left(hidden[None]), code[:, STEP])
            outputs = self._outputs(part, self._add(part, said[part], encoding.tokens(code), left))
            chosen = choose(part, self._masses(part, outputs[0]))
            code[0, VELOCITY if part == "velocity" else COLUMN[part]] = chosen
        drawn: Codes = code[0]
        return drawn

    def _body(self, hidden: Floats) -> dict[str, Floats]:
        """Return what the body says of each part, [N, C] each."""
        kernel = self.weights["chain/kernel"]
        said = hidden[:, : len(kernel)] @ kernel + self.weights["chain/bias"]
        return dict(zip(self.parts, np.split(said, len(self.parts), axis=1), strict=True))

    @staticmethod
    def _left(hidden: Floats) -> NDArray[np.int16]:
        left: NDArray[np.int16] = hidden[:, -PITCHES:].astype(np.int16)
        return left

    def _add(self, part: str, said: Floats, tokens: NDArray[np.int32], left: NDArray[np.int16] | None) -> Floats:
        """Add to what is said of a part [N, C] the parts of the note that it knows."""
        columns = {"step": STEP, "pitch": PITCH, "duration": DURATION}
        for known in KNOWN[part]:
            said = said + self.weights[f"{part}_given_{known}/embeddings"][tokens[:, columns[known]]]
        if left is not None and part in ("pitch", "duration"):
            width = said.shape[1]
            kernel = self.weights["ahead/kernel"]
            half = kernel[:, :width] if part == "pitch" else kernel[:, width:]
            said = said + sounding.features(left) @ half
        return said

    def _outputs(self, part: str, said: Floats) -> Floats:
        return np.asarray(gelu(said) @ self.weights[f"{part}/kernel"] + self.weights[f"{part}/bias"])

    def _bits_of(self, part: str, outputs: Floats, codes: Codes) -> NDArray[np.float64]:
        """Return the bits [N] of one part of the notes that came."""
        if part in ("step", "duration"):
            cells = codes[:, COLUMN[part]]
            if self.mixed:
                return mixture.bits(outputs, cells)
            return np.asarray(self._chosen(outputs, BIN_OF[cells]) + CELL_BITS[cells])
        if part == "pitch":
            return self._chosen(outputs, codes[:, PITCH])
        bins = VELOCITY_OF[codes[:, VELOCITY]]
        return np.asarray(self._chosen(outputs, bins) + np.log2(VELOCITY_WIDTHS[bins]))

    @staticmethod
    def _chosen(outputs: Floats, index: NDArray[np.integer]) -> NDArray[np.float64]:
        mass = softmax(outputs)[np.arange(len(index)), index]
        return np.asarray(-np.log2(np.maximum(mass, FLOOR)))

    def _masses(self, part: str, outputs: Floats) -> Masses:
        """Return the distribution of one part: 1001 cells, 128 pitches, or 128 velocities of which 0 never comes."""
        if part == "pitch":
            return softmax(outputs)
        if part == "velocity":
            mass = (softmax(outputs) / VELOCITY_WIDTHS)[VELOCITY_OF]
            mass[0] = 0.0
            return np.asarray(mass)
        if self.mixed:
            return mixture.masses(outputs)
        return np.asarray((softmax(outputs) / BIN_WIDTHS)[BIN_OF])
