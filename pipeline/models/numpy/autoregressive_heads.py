"""Heads in a chain: step, then pitch given step, then duration given both, then velocity given all.

Notes of a chord have step 0 and rise in pitch, and how long a note is held depends on which it is: the parts of one
note are far from independent. Each part is a dense layer over what the body says plus vectors looked up for the parts
already known; pitch and duration also see which keys still sound at the onset.

Shapes: N notes, H width of the hidden vector, C width of the chain, K outcomes of a part.
"""

import numpy as np
from numpy.typing import NDArray

from pipeline.config.recipes import Model
from pipeline.models import logistic_mixture
from pipeline.models.numpy import step_layers
from pipeline.models.numpy.heads import Choose, Masses, softmax, softmax_of_one
from pipeline.models.numpy.layers import Floats, Weights, gelu
from pipeline.models.numpy.step_layers import QUICK
from pipeline.models.residual_noise import FLOOR
from pipeline.notes import active_notes, quantize
from pipeline.notes.active_notes import SparseActiveProduct
from pipeline.notes.note import NUM_PITCHES
from pipeline.notes.quantize import (
    TIME_TOKEN,
    TIME_TOKEN_WIDTHS,
    FEATURE_COLUMNS,
    DURATION,
    PITCH,
    STEP,
    VELOCITY,
    VELOCITY_TOKEN_WIDTH,
    QuantizedNotes,
)

PARTS = ("step", "pitch", "duration", "velocity")
KNOWN = {"step": (), "pitch": ("step",), "duration": ("step", "pitch"), "velocity": ("step", "pitch", "duration")}
"""Which parts of the note each part knows."""
TOLD = ("pitch", "step", "duration", "velocity")
"""Order of the columns of bits."""
CELL_BITS = np.log2(TIME_TOKEN_WIDTHS)[TIME_TOKEN]
"""[1001] bits to tell a cell within its bin, where all cells are as likely."""
CELLS_OF_BIN = TIME_TOKEN_WIDTHS.astype(np.float64)
VELOCITY_OF = np.arange(128) // VELOCITY_TOKEN_WIDTH
"""[128] bin of each velocity."""
VELOCITY_WIDTHS = np.bincount(VELOCITY_OF[1:]).astype(float)
"""[32] velocities in each bin; the first has one less, since velocity 0 is no note."""


class _Folded:
    """The weights for one note in few calls: scaled for `notewise.gelu`, and what a part tells all after it as one."""

    def __init__(self, parts: tuple[str, ...], weights: Weights) -> None:
        quick = np.float32(QUICK)
        self.width = len(weights["chain/bias"]) // len(parts)
        self.chain, self.bias = weights["chain/kernel"] * quick, weights["chain/bias"] * quick
        self.outputs = {
            part: (weights[f"{part}/kernel"] / np.float32(2 * QUICK), weights[f"{part}/bias"]) for part in parts
        }
        self.given = {
            known: np.concatenate([weights[f"{part}_given_{known}/embeddings"] for part in parts[place:]], 1) * quick
            for place, known in enumerate(parts[:-1], 1)
        }
        """[K, W C] of each part but the last, for all parts after it side by side."""
        self.ahead = SparseActiveProduct(weights["ahead/kernel"] * quick) if "ahead/kernel" in weights else None


class ChainHeads:
    """The heads `categorical` and `mixture`, which differ in how they tell a time."""

    def __init__(self, block: Model, weights: Weights) -> None:
        self.weights = weights
        self.mixed = block.heads == "mixture"
        self.parts = PARTS if block.velocity else PARTS[:3]
        self.sees = "ahead/kernel" in weights
        self.folded = _Folded(self.parts, weights)

    def bits(self, hidden: Floats, codes: QuantizedNotes) -> NDArray[np.float64]:
        """Return the bits [N, 3] of the notes that came, columns as `encoding.HEADS`; [N, 4] where velocity is told."""
        said = self._body(hidden)
        left = active_notes.advance(self._left(hidden), codes[:, STEP]) if self.sees else None
        out = {}
        for part in self.parts:
            outputs = self._outputs(part, self._add(part, said[part], quantize.token_ids(codes), left))
            out[part] = self._bits_of(part, outputs, codes)
        return np.stack([out[part] for part in TOLD if part in out], axis=1)

    def chances(self, hidden: Floats, codes: QuantizedNotes) -> dict[str, Masses]:
        """Return the distribution [N, K] that each part of the notes that came was told by, given the parts before."""
        said = self._body(hidden)
        left = active_notes.advance(self._left(hidden), codes[:, STEP]) if self.sees else None
        out = {}
        for part in self.parts:
            outputs = self._outputs(part, self._add(part, said[part], quantize.token_ids(codes), left))
            out[part] = np.stack([self._masses(part, row) for row in outputs])
        return {part: out[part] for part in TOLD if part in out}

    def draw(self, hidden: Floats, choose: Choose, velocity: int) -> QuantizedNotes:
        """Draw the next note [4] after hidden [H]; `velocity` is given where the model says nothing of it."""
        told = self.folded
        width = told.width
        said = hidden[: len(told.chain)].dot(told.chain)
        said += told.bias
        code = [0, 0, 0, velocity]
        for place, part in enumerate(self.parts):
            kernel, bias = told.outputs[part]
            outputs = step_layers.gelu(said[place * width : (place + 1) * width]).dot(kernel)
            outputs += bias
            chosen = choose(part, self._masses(part, outputs))
            code[VELOCITY if part == "velocity" else FEATURE_COLUMNS[part]] = chosen
            if part in told.given:
                said[(place + 1) * width :] += told.given[part][
                    quantize.token_ids_of_note(*code)[FEATURE_COLUMNS[part]]
                ]
            if part == "step" and told.ahead:
                left = np.maximum(hidden[-NUM_PITCHES:].astype(np.int16) - chosen, 0)
                said[width : 3 * width] += told.ahead.apply(left)
        return np.array(code, np.int16)

    def _body(self, hidden: Floats) -> dict[str, Floats]:
        """Return what the body says of each part, [N, C] each."""
        kernel = self.weights["chain/kernel"]
        said = hidden[:, : len(kernel)] @ kernel + self.weights["chain/bias"]
        return dict(zip(self.parts, np.split(said, len(self.parts), axis=1), strict=True))

    @staticmethod
    def _left(hidden: Floats) -> NDArray[np.int16]:
        left: NDArray[np.int16] = hidden[:, -NUM_PITCHES:].astype(np.int16)
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
            said = said + active_notes.active_features(left) @ half
        return said

    def _outputs(self, part: str, said: Floats) -> Floats:
        return np.asarray(gelu(said) @ self.weights[f"{part}/kernel"] + self.weights[f"{part}/bias"])

    def _bits_of(self, part: str, outputs: Floats, codes: QuantizedNotes) -> NDArray[np.float64]:
        """Return the bits [N] of one part of the notes that came."""
        if part in ("step", "duration"):
            cells = codes[:, FEATURE_COLUMNS[part]]
            if self.mixed:
                return logistic_mixture.bits(outputs, cells)
            return np.asarray(self._chosen(outputs, TIME_TOKEN[cells]) + CELL_BITS[cells])
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
        if self.mixed and part in ("step", "duration"):
            return logistic_mixture.masses(outputs)
        mass = softmax_of_one(outputs)
        if part == "pitch":
            return mass
        if part == "velocity":
            mass = (mass / VELOCITY_WIDTHS).repeat(VELOCITY_TOKEN_WIDTH)
            mass[0] = 0.0
            return np.asarray(mass)
        return np.asarray((mass / CELLS_OF_BIN).repeat(TIME_TOKEN_WIDTHS))
