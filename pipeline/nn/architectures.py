"""One build function: a block of params.yaml to a Keras model, and its weights by name.

Shapes: B windows, T notes, F features.
"""

from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from pipeline.nn import heads
from pipeline.sections import Model

FEATURES = {"scalar": 3}


def build(block: Model) -> keras.Model:
    """Build the network that a block describes.

    Layers are named `lstm_1`, `lstm_2`, …, `dense` and after the heads; `network` and `heads` know them by these.

    Args:
        block: the architecture.

    Returns:
        A model from features [B, T, F], T free, to a dict of the outputs of each head.
    """
    inputs = keras.Input((None, FEATURES[block.input]), name="notes")
    x = inputs
    for number, units in enumerate(block.units, 1):
        last = number == len(block.units)
        x = _recurrent(block, number, units, not last)(x)
        if block.between_dropout and not last:
            x = keras.layers.Dropout(block.between_dropout)(x)
    if block.dense:
        x = keras.layers.Dense(block.dense, activation="relu", name="dense")(x)
    if block.final_dropout:
        x = keras.layers.Dropout(block.final_dropout)(x)
    return keras.Model(inputs, heads.outputs(x, block.heads))


def _recurrent(block: Model, number: int, units: int, sequences: bool) -> keras.layers.Layer:
    """Return one LSTM layer, with its mirror where the block asks for it."""
    layer = keras.layers.LSTM(units, return_sequences=sequences, name=f"lstm_{number}")
    return keras.layers.Bidirectional(layer, name=f"lstm_{number}") if block.bidirectional else layer


def weights(model: keras.Model) -> dict[str, NDArray[np.float32]]:
    """Return the weights under the names that `network` and `heads` know, such as `lstm_1_forward/kernel`."""
    return {
        f"{name}/{variable.name}": variable.numpy()
        for layer in model.layers
        for name, part in _parts(layer)
        for variable in part.weights
        if variable.trainable
    }


def _parts(layer: Any) -> list[tuple[str, Any]]:
    """Return a layer under its name, or the two directions of a bidirectional one."""
    if isinstance(layer, keras.layers.Bidirectional):
        return [(f"{layer.name}_forward", layer.forward_layer), (f"{layer.name}_backward", layer.backward_layer)]
    return [(layer.name, layer)]
