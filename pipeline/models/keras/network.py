"""Build the Keras network of a model config, and read its weights by name.

Shapes: B windows or passages, T notes, H width of the hidden vector.
"""

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from pipeline.config.schema import ModelConfig
from pipeline.models.keras import heads
from pipeline.models.keras.attention import AttentionBlock
from pipeline.models.keras.layers import Dropout, MinGRUBlock, NoteEmbedding, make_rms_norm
from pipeline.models.keras.pitch_convolution import (
    PitchContext,
    compute_ages_after_each,
    no_pitch_ages,
)
from pipeline.models.keras.recall import RecallEmbedding
from pipeline.notes import quantize
from pipeline.notes.note import NUM_PITCHES
from pipeline.notes.quantize import FEATURES, PITCH
from pipeline.notes.recall import NO_HINT

RESIDUAL_BLOCKS = {"mingru": MinGRUBlock, "attention": AttentionBlock}
"""The layer of each residual cell."""


class NoteModel(keras.Model):
    """The network of a model config.

    Layers are named `lstm_1`, `mingru_2`, `dense`, …; `pipeline.models.numpy` finds their weights by these names.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(name="net")
        self.config = config
        self.embedding = None
        if config.input == "embedding":
            self.embedding = NoteEmbedding(
                config.embedding_dim, config.model_velocity, "input", config.model_pedal
            )
        self.recall_embedding = RecallEmbedding(config.embedding_dim) if config.recall else None
        self.recurrent_layers = [
            _build_layer(config, number) for number in range(1, len(config.units) + 1)
        ]
        self.dropouts = [Dropout(config.dropout) for _ in config.units[1:]]
        self.norm = make_rms_norm("norm") if config.is_residual else None
        self.dense = None
        if config.dense_units:
            self.dense = keras.layers.Dense(config.dense_units, activation="relu", name="dense")
        self.output_dropout = Dropout(config.output_dropout)
        self.heads = (
            heads.RegressionHeads()
            if config.heads == "regression"
            else heads.AutoregressiveHeads(config)
        )

    def initial_state(self, batch_size: int) -> list[Any]:
        """Return the state before the first note: of each layer, and the ages of the pitches where heads read them.

        A bidirectional model has none.
        """
        if self.config.is_bidirectional:
            return []
        if self.config.is_residual:
            states = [layer.initial_state(batch_size) for layer in self.recurrent_layers]
        else:
            states = [[tf.zeros([batch_size, units])] * 2 for units in self.config.units]
        return [*states, no_pitch_ages(batch_size)] if self.config.is_equivariant else states

    def call(
        self, notes: Any, active: Any, state: list[Any], training: bool, hints: Any = None
    ) -> tuple[Any, list[Any]]:
        """Read notes.

        Args:
            notes: int32 [B, T, 5], quantized.
            active: [B, T, 128], remaining cells of each sounding pitch; not used with the scalar input.
            state: as of `initial_state`.
            training: whether dropout is at work.
            hints: [B, T, 5], of `notes.recall` after each note; not used without `recall`.

        Returns:
            Hidden vectors [B, T, H], or [B, 1, H] of a bidirectional model whose loss is at the end, and the state.
            With an equivariant pitch head, a `PitchContext` in place of the hidden vectors.
        """
        x = self._embed_notes(notes, active, hints)
        states = []
        for index, layer in enumerate(self.recurrent_layers):
            if index:
                x = self.dropouts[index - 1](x, training=training)
            if self.config.is_bidirectional:
                x = layer(x)
            elif self.config.is_residual:
                x, layer_state = layer(x, state[index])
                states.append(layer_state)
            else:
                x, *layer_state = layer(x, initial_state=state[index])
                states.append(layer_state)
        if len(x.shape) == 2:
            x = x[:, None]
        x = self.norm(x) if self.norm else x
        x = self.dense(x) if self.dense else x
        hidden = self.output_dropout(x, training=training)
        if not self.config.is_equivariant:
            return hidden, states
        ages = compute_ages_after_each(notes, state[-1])
        return PitchContext(hidden, notes[..., PITCH, None], ages), [*states, ages[:, -1]]

    def _embed_notes(self, notes: Any, active: Any, hints: Any) -> Any:
        """Return the input of the layers [B, T, D]."""
        if not self.embedding:
            columns = tf.gather(notes, quantize.SCALAR_FEATURES, axis=-1)
            return tf.cast(columns, tf.float32) * quantize.SCALAR_SCALE
        x = self.embedding(heads.compute_token_ids(notes), active)
        return x + self.recall_embedding(hints) if self.recall_embedding else x

    def compute_losses(
        self, hidden: Any, notes: Any, active: Any, hints: Any = None
    ) -> heads.Losses:
        """Return the losses [B T] of notes [B, T, 5] that came after hidden [B, T, H], or after a `PitchContext`.

        Hints [B, T, 5] are those after the notes before; they are not used without `recall`.
        """
        context, *history = hidden if isinstance(hidden, PitchContext) else (hidden,)
        arrays = (context, notes, active, *history)
        flat = [tf.reshape(array, [-1, array.shape[-1]]) for array in arrays]
        optional = {}
        if self.config.is_equivariant:
            optional["history"] = flat[3:]
        if self.config.recall:
            optional["hints"] = tf.reshape(hints, [-1, len(NO_HINT)])
        losses: heads.Losses = self.heads(*flat[:3], **optional)
        return losses


def build_model(config: ModelConfig) -> NoteModel:
    """Build the network of a model config, with its weights made."""
    net = NoteModel(config)
    notes = tf.zeros([1, 3, len(FEATURES)], tf.int32)
    active = tf.zeros([1, 3, NUM_PITCHES], tf.int32)
    hints = tf.fill([1, 3, len(NO_HINT)], 0)
    hidden, _ = net.call(notes, active, net.initial_state(1), training=False, hints=hints)
    last = tf.nest.map_structure(lambda array: array[:, -1:], (hidden, notes, active, hints))
    net.compute_losses(*last)
    net.built = True
    return net


def _build_layer(config: ModelConfig, number: int) -> keras.layers.Layer:
    """Return one layer, numbered from 1, in both directions where the config has it."""
    cell, units = config.cells[number - 1], config.units[number - 1]
    name = f"{cell}_{number}"
    if config.is_residual:
        block: keras.layers.Layer = RESIDUAL_BLOCKS[cell](units, config, name)
        return block
    if not config.is_bidirectional:
        return keras.layers.LSTM(units, return_sequences=True, return_state=True, name=name)
    # Only at the end of a window has the backward half read no note that is still to be predicted.
    sequences = number < len(config.units) or config.loss_on == "all"
    return keras.layers.Bidirectional(
        keras.layers.LSTM(units, return_sequences=sequences), name=name
    )


def named_weights(net: NoteModel) -> dict[str, NDArray[np.float32]]:
    """Return the weights by the names that `pipeline.models.numpy` reads, such as `bilstm_1_forward/kernel`."""
    return {
        _format_weight_name(variable.path): variable.numpy() for variable in net.trainable_variables
    }


def _format_weight_name(path: str) -> str:
    """Return the name of a weight from the path of its variable: the layer without its parents, and the kind."""
    parts = [part for part in path.split("/") if part not in ("net", "heads", "input", "lstm_cell")]
    if len(parts) == 3 and parts[1].startswith(("forward_", "backward_")):
        return f"{parts[0]}_{parts[1].partition('_')[0]}/{parts[2]}"
    return "/".join(parts)
