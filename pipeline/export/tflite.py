"""Export the step of a trained model as a `.tflite` file, for programs without NumPy or Python.

The file has two signatures. The caller samples from the outputs, as `pipeline.generation.step_heads` does:

    feed      note int32 [1, 4 or 5] and the state float32 (all zero before the first note) to hidden float32 [1, H] and the
              next state
    outputs   hidden [1, H] and note [1, 4 or 5] to the outputs of each feature. A feature depends only on those before it:
              sample `step`, put it into the note and call again for `pitch`, then `duration`, `velocity` and `pedal`

With `recall` both also take `hint` int32 [1, 5], the hint after the last note that was read. A program finds it among the
notes that it has read, as `pipeline.notes.recall.PieceMemory` does, which depends on nothing but Python's dictionaries.

A note is step and duration in cells of 10 ms, pitch, velocity and, with `model_pedal`, pedal. Outputs are logits of 82
time tokens, 128 pitches, 32 velocity tokens and 3 states of the pedal; 24 numbers for a time of mixture heads; seconds
for a time of regression heads. With `mask_active` the pitches that sound at the onset share a probability of 0.0002, as
notes are scored; to draw, give them none.

Shapes: H width of the hidden vector, with the embedding input followed by the cells that remain of the 128 pitches, and
with an equivariant pitch head by the last pitch and the cells since each of the 128 pitches was struck; U units.
"""

import tempfile
from pathlib import Path
from typing import Any

# First, since it imports TensorFlow without its messages.
from pipeline.models.keras import heads, layers, pitch_convolution
from pipeline.models.keras.recall import compute_copy_logits

# isort: split
import tensorflow as tf

from pipeline.config.model_rules import ATTENTION_HEAD_DIM
from pipeline.config.schema import ModelConfig
from pipeline.core import files
from pipeline.core.errors import DataError
from pipeline.models.model_io import TrainedModel
from pipeline.notes import quantize
from pipeline.notes.note import NUM_PITCHES
from pipeline.notes.pitch_ages import MAX_AGE
from pipeline.notes.quantize import DURATION, PITCH, STEP
from pipeline.notes.recall import NO_HINT, TABLE_OFFSETS

ACTIVE = "active"
"""Name of that part of the state which holds the cells that remain of each pitch."""
RECENCY = "recency"
"""Name of that part of the state which holds the cells until each pitch counts as never struck: 0 before the first note."""


def list_state_shapes(config: ModelConfig) -> dict[str, list[int]]:
    """Return the shape of each part of the state."""
    out = {ACTIVE: [1, NUM_PITCHES]} if config.input == "embedding" else {}
    if config.is_equivariant:
        out[RECENCY] = [1, NUM_PITCHES]
    for number, (cell, units) in enumerate(zip(config.cells, config.units, strict=True), 1):
        parts = _list_cell_shapes(cell, units, config.span)
        if config.conv:
            parts["conv"] = [config.conv - 1, 3 * units]
        out |= {f"{cell}_{number}_{part}": shape for part, shape in parts.items()}
    return out


def _list_cell_shapes(cell: str, units: int, span: int) -> dict[str, list[int]]:
    """Return the shape of each part of the state of one layer, without its convolution."""
    if cell == "lstm":
        return {"output": [1, units], "cell": [1, units]}
    if cell == "mingru":
        return {"state": [1, units]}
    return {"kv_cache": [span - 1, 2 * units], "count": [1, 1]}


class StepModule(tf.Module):
    """The graph of one note; weights are constants in it."""

    def __init__(self, model: TrainedModel) -> None:
        super().__init__()
        self.config = model.config
        self.weights = {name: tf.constant(value) for name, value in model.weights.items()}
        self.distance_bias = {
            name: value[:, ::-1].T
            for name, value in model.weights.items()
            if name.endswith("/distance")
        }

    @property
    def uses_embedding(self) -> bool:
        """Whether the hidden vector is followed by the cells that remain of each pitch."""
        return self.config.input == "embedding"

    def feed(self, note: Any, hint: Any = None, **state: Any) -> dict[str, Any]:
        """Read a note, and with `recall` the hint [1, 5] after it."""
        x, state = self._embed_note(note, dict(state))
        if self.config.recall:
            x += tf.reduce_sum(self._look_up_embedding("recall", hint + TABLE_OFFSETS), 1)
        for number, cell in enumerate(self.config.cells, 1):
            read = self._step_residual if self.config.is_residual else self._step_lstm
            x, state = read(f"{cell}_{number}", x, state)
        if self.config.is_residual:
            x = self._apply_rms_norm(x, "norm/scale")
        if self.config.dense_units:
            x = tf.nn.relu(self._apply_dense(x, "dense"))
        return {"hidden": tf.concat([x, *self._list_pitch_state(note, state)], 1), **state}

    def _list_pitch_state(self, note: Any, state: dict[str, Any]) -> list[Any]:
        """Return what the heads read besides the output of the network, float32 [1, W] each."""
        if not self.uses_embedding:
            return []
        if not self.config.is_equivariant:
            return [state[ACTIVE]]
        last_pitch = tf.cast(note[:, PITCH, None], tf.float32)
        return [state[ACTIVE], last_pitch, MAX_AGE - state[RECENCY]]

    def _embed_note(self, note: Any, state: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """Return what the layers read [1, D], and the state of the pitches with this note."""
        if not self.uses_embedding:
            columns = tf.gather(note, quantize.SCALAR_FEATURES, axis=1)
            return tf.cast(columns, tf.float32) * quantize.SCALAR_SCALE, state
        active = _count_down(state[ACTIVE], note)
        tokens = heads.compute_token_ids(note)
        x = self._apply_dense(layers.compute_active_features(active), "sounding")
        for feature in quantize.list_embedded_features(
            self.config.model_velocity, self.config.model_pedal
        ):
            x += self._look_up_embedding(f"{feature.name}_embedding", tokens[:, feature.column])
        is_pitch = tf.one_hot(note[:, PITCH], NUM_PITCHES)
        duration = tf.cast(note[:, DURATION, None], tf.float32)
        state = {**state, ACTIVE: active * (1 - is_pitch) + duration * is_pitch}
        if self.config.is_equivariant:
            recency = _count_down(state[RECENCY], note)
            state[RECENCY] = recency * (1 - is_pitch) + MAX_AGE * is_pitch
        return x, state

    def _step_lstm(self, name: str, x: Any, state: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """Read x [1, D] by one LSTM layer."""
        h, c = state[f"{name}_output"], state[f"{name}_cell"]
        z = self._apply_dense(x, name) + h @ self.weights[f"{name}/recurrent_kernel"]
        input_gate, forget, new, out = tf.split(z, 4, 1)
        c = tf.sigmoid(forget) * c + tf.sigmoid(input_gate) * tf.tanh(new)
        h = tf.sigmoid(out) * tf.tanh(c)
        return h, {**state, f"{name}_output": h, f"{name}_cell": c}

    def _step_residual(
        self, name: str, x: Any, state: dict[str, Any]
    ) -> tuple[Any, dict[str, Any]]:
        """Read x [1, D] by one residual block."""
        inner = self._apply_dense(self._apply_rms_norm(x, f"{name}/norm1/scale"), f"{name}/inner")
        if self.config.conv:
            inner, state = self._apply_conv(name, inner, state)
        mix = self._mix_mingru if name.startswith("mingru") else self._mix_attention
        mixed, after = mix(name, tf.split(inner, 3, 1), state)
        x += mixed @ self.weights[f"{name}/outer/kernel"]
        up = self._apply_dense(self._apply_rms_norm(x, f"{name}/norm2/scale"), f"{name}/up")
        return x + layers.quick_gelu(up) @ self.weights[f"{name}/down/kernel"], {**state, **after}

    def _apply_conv(self, name: str, x: Any, state: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """Return the weighted sum of x [1, 3 U] and the notes before it, and the state with x among them."""
        recent = tf.concat([state[f"{name}_conv"], x], 0)
        out = tf.reduce_sum(recent * self.weights[f"{name}/conv/kernel"], 0, keepdims=True)
        return out, {**state, f"{name}_conv": recent[1:]}

    def _mix_mingru(
        self, name: str, projected: list[Any], state: dict[str, Any]
    ) -> tuple[Any, dict[str, Any]]:
        """Run the recurrence over decay, input and output gate [1, U] each."""
        decay, inputs, gate = projected
        decay = tf.sigmoid(decay)
        after = decay * state[f"{name}_state"] + (1 - decay) * inputs
        return after * gate * tf.sigmoid(gate), {f"{name}_state": after}

    def _mix_attention(
        self, name: str, projected: list[Any], state: dict[str, Any]
    ) -> tuple[Any, dict[str, Any]]:
        """Attend by a query to keys and values [1, U] each; places before the first note are masked."""
        query, *new = projected
        kv_cache = tf.concat([state[f"{name}_kv_cache"], tf.concat(new, 1)], 0)
        keys, values = (
            tf.reshape(part, [self.config.span, -1, ATTENTION_HEAD_DIM])
            for part in tf.split(kv_cache, 2, 1)
        )
        count = state[f"{name}_count"]
        scores = tf.reduce_sum(
            keys * tf.reshape(query * ATTENTION_HEAD_DIM**-0.5, [1, -1, ATTENTION_HEAD_DIM]), 2
        )
        scores += tf.constant(self.distance_bias[f"{name}/distance"])
        distance = tf.range(self.config.span - 1.0, -1.0, -1.0)[:, None]
        weights = tf.nn.softmax(tf.where(distance > count, -1e9, scores), 0)
        attended = tf.reshape(tf.reduce_sum(weights[:, :, None] * values, 0), [1, -1])
        return attended, {f"{name}_kv_cache": kv_cache[1:], f"{name}_count": count + 1}

    def outputs(self, hidden: Any, note: Any, hint: Any = None) -> dict[str, Any]:
        """Return the outputs of each feature, given the features of the note before it, and with `recall` the hint [1, 5]."""
        if self.config.heads == "regression":
            return {
                name: self._apply_dense(self._slice_hidden(hidden, name), name)
                for name in quantize.SCORED_FEATURES
            }
        activated = {
            name: layers.quick_gelu(projected)
            for name, projected in self._project(hidden, note).items()
        }
        outputs = {name: self._apply_dense(value, name) for name, value in activated.items()}
        if self.config.is_equivariant:
            outputs["pitch"] += self._convolve_pitches(hidden, note)
        if self.config.recall:
            copy_weights = self.weights["copy/kernel"], self.weights["copy/level"]
            outputs["pitch"] += compute_copy_logits(activated["pitch"], hint, *copy_weights)
        if self.config.mask_active:
            active = self._compute_active(hidden, note)
            outputs["pitch"] = heads.mask_active(outputs["pitch"], active)
        return outputs

    def _project(self, hidden: Any, note: Any) -> dict[str, Any]:
        """Return the input [1, C] of the output layer of each feature, C the width of a head."""
        config = self.config
        names = quantize.list_generated_features(config.model_velocity, config.model_pedal)
        projected = self._apply_dense(self._slice_hidden(hidden, "chain"), "chain")
        by_feature = dict(zip(names, tf.split(projected, len(names), 1), strict=True))
        if self.uses_embedding:
            features = layers.compute_active_features(self._compute_active(hidden, note))
            pitch, duration = tf.split(features @ self.weights["ahead/kernel"], 2, 1)
            by_feature["pitch"] += pitch
            by_feature["duration"] += duration
        tokens = heads.compute_token_ids(note)
        for index, name in enumerate(names):
            for known in names[:index]:
                token = tokens[:, quantize.FEATURES[known].column]
                by_feature[name] += self._look_up_embedding(f"{name}_given_{known}", token)
        return by_feature

    def _compute_active(self, hidden: Any, note: Any) -> Any:
        """Return the cells that remain of each pitch [1, 128] at the onset of the note."""
        width = self.weights["chain/kernel"].shape[0]
        return _count_down(hidden[:, width : width + NUM_PITCHES], note)

    def _convolve_pitches(self, hidden: Any, note: Any) -> Any:
        """Return the logits [1, 128] of the convolutions over the pitches."""
        weights = self.weights
        ages = hidden[:, -NUM_PITCHES:] + tf.cast(note[:, STEP, None], tf.float32)
        features = pitch_convolution.compute_pitch_features(
            self._compute_active(hidden, note),
            tf.minimum(ages, float(MAX_AGE)),
            tf.cast(hidden[:, -NUM_PITCHES - 1], tf.int32),
        )
        channels = tf.nn.conv1d(features, weights["pitch_conv/input_kernel"], 1, "SAME")
        channels += weights["pitch_conv/input_bias"]
        gate = self._apply_dense(self._slice_hidden(hidden, "pitch_conv/gate"), "pitch_conv/gate")
        gated = layers.quick_gelu(channels * tf.sigmoid(gate)[:, None])
        kernel = weights["pitch_conv/output_kernel"][..., None]
        return tf.nn.conv1d(gated, kernel, 1, "SAME")[..., 0]

    def _slice_hidden(self, hidden: Any, layer_name: str) -> Any:
        """Return that part of a hidden vector which a layer reads."""
        return hidden[:, : self.weights[f"{layer_name}/kernel"].shape[0]]

    def _apply_dense(self, x: Any, name: str) -> Any:
        return x @ self.weights[f"{name}/kernel"] + self.weights[f"{name}/bias"]

    def _apply_rms_norm(self, x: Any, scale_name: str) -> Any:
        return (
            x
            * tf.math.rsqrt(tf.reduce_mean(tf.square(x), 1, keepdims=True) + 1e-6)
            * self.weights[scale_name]
        )

    def _look_up_embedding(self, table_name: str, index: Any) -> Any:
        return tf.gather(self.weights[f"{table_name}/embeddings"], index)


def _count_down(cells: Any, note: Any) -> Any:
    """Return what remains of cells [1, 128] at the onset of a note."""
    return tf.maximum(cells - tf.cast(note[:, STEP, None], tf.float32), 0)


def convert_to_tflite(model: TrainedModel) -> bytes:
    """Return a model as the bytes of a `.tflite` file.

    Raises:
        DataError: it has no state that it carries from note to note: one that reads its last notes again for every note
            would be another model as a state carried without end.
    """
    if not model.config.stateful:
        raise DataError(
            f"{model.architecture}: stateful: false reads its last {model.sequence_length} notes again for every "
            "note, and has no state to export; take a model with stateful: true, such as expressive, or train it with "
            f"model.{model.architecture}.stateful=true"
            + (" and cell=lstm" if model.config.is_bidirectional else "")
        )
    module = StepModule(model)
    num_columns = len(quantize.FEATURES) if model.config.model_pedal else quantize.PEDAL
    note = tf.TensorSpec([1, num_columns], tf.int32, name="note")
    state = {
        name: tf.TensorSpec(shape, tf.float32, name=name)
        for name, shape in list_state_shapes(model.config).items()
    }
    hint = tf.TensorSpec([1, len(NO_HINT)], tf.int32, name="hint")
    hints = {"hint": hint} if model.config.recall else {}
    feed = tf.function(module.feed).get_concrete_function(note, **hints, **state)
    hidden = tf.TensorSpec(feed.structured_outputs["hidden"].shape, tf.float32, name="hidden")
    outputs = tf.function(module.outputs).get_concrete_function(hidden, note, **hints)
    signatures = {"feed": feed, "outputs": outputs}
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(module, folder, signatures=signatures)
        converter = tf.lite.TFLiteConverter.from_saved_model(
            folder, signature_keys=list(signatures)
        )
        data: bytes = converter.convert()
    return data


def write_tflite(model: TrainedModel, path: Path) -> None:
    """Write a model as a `.tflite` file.

    Raises:
        DataError: the model carries no state; see `convert_to_tflite`.
    """
    files.write_bytes(path, convert_to_tflite(model))
