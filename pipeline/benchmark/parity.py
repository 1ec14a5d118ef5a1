"""Difference between the bits of the NumPy network and of the Keras network that was trained, on the saved weights.

Shapes: N notes, B rows (windows, or 1), T notes of a row, H width of the hidden vector.
"""

from typing import Any

# First, since it imports TensorFlow without its messages.
from pipeline.models.keras import network

# isort: split
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from pipeline.models import scoring
from pipeline.models.model_io import TrainedModel
from pipeline.models.residual_noise import grid_bits
from pipeline.notes import active_notes, recall
from pipeline.notes.quantize import FEATURES, QuantizedNotes

MAX_NOTES = 100
"""Notes that are compared."""


def measure_difference(model: TrainedModel, notes: QuantizedNotes) -> dict[str, float]:
    """Return how many notes were compared, and the greatest difference of the bits of one feature of one note.

    Args:
        model: as saved.
        notes: [N, 5] of a piece; its beginning is read.
    """
    is_windowed = not model.config.stateful
    first = min(model.sequence_length, len(notes) - 1) if is_windowed else 1
    notes = notes[: first + MAX_NOTES]
    numpy_bits = scoring.score_pieces(model, [notes], 1)[0][first - 1 :]
    keras_bits = _score_with_keras(model, notes, first)
    difference = float(np.abs(numpy_bits - keras_bits).max())
    return {"notes": len(numpy_bits), "bits": round(difference, 7)}


def _score_with_keras(
    model: TrainedModel, notes: QuantizedNotes, first_scored: int
) -> NDArray[np.float64]:
    """Return the bits of the notes from `first_scored` on, as the Keras network has them."""
    net = network.build_model(model.config)
    names = network.named_weights(net)
    for name, variable in zip(names, net.trainable_variables, strict=True):
        variable.assign(model.weights[name])
    if first_scored > 1:
        windows = np.lib.stride_tricks.sliding_window_view(notes, first_scored + 1, axis=0)
        rows = windows.swapaxes(1, 2)
    else:
        rows = notes[None]
    before_each, _ = active_notes.active_before_each(rows, active_notes.no_active_notes(len(rows)))
    quantized, active = tf.constant(rows.astype(np.int32)), tf.constant(before_each)
    state = net.initial_state(len(rows))
    hints = tf.constant(recall.compute_hints(rows[:, :-1]).astype(np.int32))
    hidden, _ = net.call(quantized[:, :-1], active[:, :-1], state, training=False, hints=hints)
    if first_scored > 1:
        last = tf.nest.map_structure(
            lambda array: array[:, -1:], (hidden, (quantized, active, hints))
        )
        return _compute_bits(model, net, *last)
    return _compute_bits(model, net, hidden, (quantized[:, 1:], active[:, 1:], hints))


def _compute_bits(
    model: TrainedModel, net: Any, hidden: Any, targets: tuple[Any, Any, Any]
) -> NDArray[np.float64]:
    """Return the bits [B T, 3 to 5] on the time grid, from the losses of Keras.

    Args:
        model: as saved.
        net: the Keras network with its weights.
        hidden: [B, T, H] or a `PitchContext`.
        targets: the notes [B, T, 5] that came after, the active notes at their onsets, and the hints before them.
    """
    losses = net.compute_losses(hidden, *targets)
    notes = targets[0]
    columns = []
    for name, feature in FEATURES.items():
        if name not in losses:
            continue
        values = notes.numpy()[..., feature.column].ravel()
        bits = losses[name].numpy().astype(float) / np.log(2)
        if model.config.heads == "regression" and feature.is_time:
            seconds = net.heads.output_layers[name](hidden).numpy().ravel().astype(float)
            bits = grid_bits(seconds, values, model.residual_noise[name])
        elif model.config.heads == "categorical" or not feature.is_time:
            # A token spreads its probability over its values, which the loss leaves out.
            bits += np.log2(feature.token_widths)[feature.token[values]]
        columns.append(bits)
    return np.stack(columns, axis=1)
