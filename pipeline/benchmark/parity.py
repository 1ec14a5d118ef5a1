"""Does what plays tell notes as what was trained does? The numpy twin beside Keras, on the weights that were saved.

Shapes: N notes, B rows (windows, or 1), T notes of a row, H width of the hidden vector.
"""

from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from pipeline.models import scoring
from pipeline.models.keras import network
from pipeline.models.model_io import TrainedModel
from pipeline.models.residual_noise import grid_bits
from pipeline.notes import active_notes, quantize
from pipeline.notes.quantize import DURATION, STEP, QuantizedNotes

MAX_NOTES = 100
"""Notes that are told by both."""
BITS_COLUMNS = {"pitch": 0, "step": 1, "duration": 2, "velocity": 3}
"""Of bits."""
VELOCITY_TOKEN_BITS = 2.0
"""Bits of one velocity inside its token of four."""


def measure_difference(model: TrainedModel, notes: QuantizedNotes) -> dict[str, float]:
    """Return how many notes both told, and the greatest difference of the bits of one part of one note.

    Args:
        model: as saved.
        codes: [N, 4] of a piece; its beginning is read.
    """
    windowed = not model.config.stateful
    first = min(model.sequence_length, len(notes) - 1) if windowed else 1
    notes = notes[: first + MAX_NOTES]
    ours = scoring.score_pieces(model, [notes], 1)[0][first - 1 :]
    gap = max(
        float(np.abs(ours[:, at] - bits).max())
        for at, bits in _score_with_keras(model, notes, first).items()
    )
    return {"notes": len(ours), "bits": round(gap, 7)}


def _score_with_keras(
    model: TrainedModel, notes: QuantizedNotes, first_scored: int
) -> dict[int, NDArray[np.float64]]:
    """Return the bits of the notes from `first` on, by column, as the network that was trained tells them."""
    net = network.build_model(model.config)
    names = network.named_weights(net)
    for name, variable in zip(names, net.trainable_variables, strict=True):
        variable.assign(model.weights[name])
    rows = (
        np.lib.stride_tricks.sliding_window_view(notes, first_scored + 1, axis=0).swapaxes(1, 2)
        if first_scored > 1
        else notes[None]
    )
    left, _ = active_notes.active_before_each(rows, active_notes.no_active_notes(len(rows)))
    wide, left = tf.constant(rows.astype(np.int32)), tf.constant(left)
    hidden, _ = net.call(wide[:, :-1], left[:, :-1], net.initial_state(len(rows)), training=False)
    if first_scored > 1:
        hidden, wide, left = hidden[:, -1], wide[:, -1], left[:, -1]
    else:
        hidden, wide, left = hidden[0], wide[0, 1:], left[0, 1:]
    return _convert_losses_to_bits(model, net, hidden, wide, left)


def _convert_losses_to_bits(
    model: TrainedModel, net: Any, hidden: Any, notes: Any, active: Any
) -> dict[int, NDArray[np.float64]]:
    """Turn what Keras says of notes [N, 4] after hidden vectors [N, H] into bits on the time grid."""
    nats = {
        name: loss.numpy().astype(float) for name, loss in net.heads(hidden, notes, active).items()
    }
    told = {name: loss / np.log(2) for name, loss in nats.items()}
    for name, column in (("step", STEP), ("duration", DURATION)):
        cells = notes.numpy()[:, column]
        if model.config.heads == "regression":
            said = net.heads.output_layers[name](hidden)[:, 0].numpy().astype(float)
            told[name] = grid_bits(said, cells, model.residual_noise[name])
        elif model.config.heads == "categorical":
            # A bin spreads its mass over its cells, which the loss leaves out.
            told[name] += np.log2(quantize.TIME_TOKEN_WIDTHS)[quantize.TIME_TOKEN[cells]]
    if "velocity" in told:
        told["velocity"] += VELOCITY_TOKEN_BITS
    return {BITS_COLUMNS[name]: bits for name, bits in told.items()}
