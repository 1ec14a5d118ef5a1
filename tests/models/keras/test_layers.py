"""Layers in Keras against their formulas and their numpy twins."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from factories import draw_normal, make_pedal_notes, make_tiny_model

from pipeline.config.schema import ModelConfig
from pipeline.models.keras import layers as nn
from pipeline.models.keras.layers import (
    CausalConv,
    Dense,
    MinGRUBlock,
    NoteEmbedding,
    make_rms_norm,
)
from pipeline.models.keras.network import RESIDUAL_BLOCKS
from pipeline.models.numpy import causal_conv, layers, residual_blocks
from pipeline.models.numpy import network as numpy_network
from pipeline.notes import active_notes, quantize


def draw_weights(layer: keras.layers.Layer, seed: int = 0) -> dict[str, np.ndarray]:
    """Give every weight of a layer a random value; returns them by name, without that of the layer."""
    for number, variable in enumerate(layer.trainable_variables):
        variable.assign(0.5 * draw_normal(*variable.shape, seed=seed + number))
    return {
        variable.path.partition("/")[2]: variable.numpy() for variable in layer.trainable_variables
    }


def make_residual_config(width: int, **changes: object) -> ModelConfig:
    """Return the config of a model of residual blocks."""
    block = {"input": "embedding", "embedding_dim": width, "cell": "mingru"}
    return make_tiny_model(**{**block, **changes}).config


def run_plain_loop(keep: tf.Tensor, new: tf.Tensor, first: tf.Tensor) -> tf.Tensor:
    """The recurrence as a loop that TensorFlow differentiates."""
    state, states = first, []
    for t in range(keep.shape[1]):
        state = keep[:, t] * state + new[:, t]
        states.append(state)
    return tf.stack(states, 1)


@pytest.mark.parametrize("length", [1, 2, 9])
def test_the_written_gradient_of_a_scan_is_that_of_a_plain_loop(length: int) -> None:
    keep, new, first = (
        tf.constant(x)
        for x in (draw_normal(3, length, 4), draw_normal(3, length, 4, seed=1), draw_normal(3, 4))
    )
    keep = tf.sigmoid(keep)
    weight = draw_normal(3, length, 4, seed=2)
    results = []
    for loop in (nn.run_linear_recurrence, run_plain_loop):
        with tf.GradientTape() as tape:
            tape.watch([keep, new, first])
            out = loop(keep, new, first)
            # The last state counts once more, as it does where another segment goes on from it.
            loss = tf.reduce_sum(weight * tf.square(out)) + tf.reduce_sum(out[:, -1])
        results.append([out, *tape.gradient(loss, [keep, new, first])])
    for actual, expected in zip(*results, strict=True):
        np.testing.assert_allclose(actual, expected, atol=1e-5, rtol=1e-5)


def test_a_scan_in_a_graph_is_that_outside() -> None:
    arrays = [
        tf.constant(x)
        for x in (draw_normal(2, 5, 3), draw_normal(2, 5, 3, seed=1), draw_normal(2, 3))
    ]
    np.testing.assert_allclose(
        tf.function(nn.run_linear_recurrence)(*arrays), nn.run_linear_recurrence(*arrays), atol=1e-6
    )


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(3, 5), (2, 4, 5)])
def test_a_linear_layer_is_the_dense_layer_of_keras(shape: tuple[int, ...], bias: bool) -> None:
    dense, keras_dense = Dense(7, "ours", use_bias=bias), keras.layers.Dense(7, use_bias=bias)
    x = tf.constant(draw_normal(*shape))
    dense.build(x.shape)
    keras_dense.build(x.shape)
    draw_weights(dense)
    keras_dense.set_weights(dense.get_weights())
    np.testing.assert_allclose(dense(x), keras_dense(x), atol=1e-5)


@pytest.mark.parametrize("scale", [0.3, 1.0])
def test_a_linear_layer_keeps_the_size_of_what_it_reads_times_its_scale(scale: float) -> None:
    layer = Dense(300, "wide", scale)
    layer.build((None, 400))
    assert layer(draw_normal(50, 400)).numpy().std() == pytest.approx(scale, rel=0.05)
    assert not layer.bias.numpy().any()


def test_a_norm_begins_without_a_scale_and_is_that_of_numpy() -> None:
    layer, x = make_rms_norm("norm"), 3 * draw_normal(2, 4, 6)
    layer.build(x.shape)
    np.testing.assert_allclose(np.square(layer(x)).mean(-1), 1, atol=1e-4)
    layer.scale.assign(draw_normal(6))
    np.testing.assert_allclose(layer(x), layers.rms_norm(x, draw_normal(6)), atol=1e-5)


def test_gelu_is_that_of_numpy() -> None:
    x = np.concatenate([np.linspace(-8, 8, 99, dtype=np.float32), np.float32([-1e4, 0, 1e4])])
    np.testing.assert_allclose(nn.quick_gelu(tf.constant(x)), layers.quick_gelu(x), atol=1e-5)


def test_a_gated_block_is_that_of_numpy() -> None:
    layer, x, state = (
        MinGRUBlock(5, make_residual_config(6), "mingru_1"),
        draw_normal(2, 9, 6),
        draw_normal(2, 5),
    )
    layer.build((None, 9, 6))
    weights = {f"mingru_1/{name}": value for name, value in draw_weights(layer).items()}
    assert len(weights) == 8
    out, after = layer(tf.constant(x), tf.constant(state))
    expected, last = residual_blocks.MinGRUBlock(weights, "mingru_1").forward(x, state)
    np.testing.assert_allclose(out, expected, atol=1e-5)
    np.testing.assert_allclose(after, last, atol=1e-5)


def test_a_convolution_is_that_of_numpy_and_at_first_changes_nothing() -> None:
    layer, x, state = CausalConv(4, 6, "conv"), draw_normal(2, 9, 6), draw_normal(2, 3, 6)
    layer.build((None, 6))
    out, after = layer(tf.constant(x), tf.constant(state))
    np.testing.assert_array_equal(out, x)
    np.testing.assert_array_equal(after, x[:, -3:])
    (kernel,) = draw_weights(layer).values()
    out, after = layer(tf.constant(x), tf.constant(state))
    expected, last = causal_conv.CausalConv(kernel).forward(x, state)
    np.testing.assert_allclose(out, expected, atol=1e-6)
    np.testing.assert_array_equal(after, last)


@pytest.mark.parametrize("cell", ["mingru", "attention"])
def test_a_block_with_a_convolution_is_that_of_numpy(cell: str) -> None:
    """Read in two parts, the second shorter than the kernel."""
    config = make_residual_config(
        6, cell=cell, units=[32], conv=4, span=5 if cell == "attention" else 128
    )
    name = f"{cell}_1"
    layer = RESIDUAL_BLOCKS[cell](32, config, name)
    layer.build((None, 9, 6))
    weights = {f"{name}/{part}": value for part, value in draw_weights(layer).items()}
    numpy_layer = numpy_network.CELLS[cell](weights, name)
    state, numpy_state = layer.initial_state(2), numpy_layer.initial_state(2)
    for part in (draw_normal(2, 9, 6), draw_normal(2, 2, 6, seed=1)):
        out, state = layer(tf.constant(part), state)
        expected, numpy_state = numpy_layer.forward(part, numpy_state)
        np.testing.assert_allclose(out, expected, atol=1e-5)
        for array, numpy_array in zip(state, numpy_state, strict=True):
            np.testing.assert_allclose(array, numpy_array, atol=1e-5)


def test_a_gated_block_begins_with_memories_from_one_note_to_the_longest() -> None:
    layer = MinGRUBlock(64, make_residual_config(8), "mingru_1")
    layer.build((None, 9, 8))
    bias = layer.inner.bias.numpy()
    notes = 1 / (1 - layers.sigmoid(bias[:64]))
    assert notes[[0, -1]] == pytest.approx([2, nn.MAX_MEMORY + 1], rel=1e-3)
    assert (np.diff(notes) > 0).all()
    assert not bias[64:].any()


def test_features_of_sounding_keys_are_those_of_numpy() -> None:
    active = np.random.default_rng(0).integers(0, 1001, (2, 3, 128)).astype(np.int16)
    active[:, 1] = 0
    np.testing.assert_allclose(
        nn.compute_active_features(tf.constant(active)),
        active_notes.active_features(active),
        atol=1e-6,
    )


@pytest.mark.parametrize(("velocity", "pedal"), [(False, False), (True, False), (True, True)])
def test_the_embedding_input_adds_up_what_is_looked_up_and_what_sounds(
    velocity: bool, pedal: bool
) -> None:
    layer = NoteEmbedding(6, velocity, "input", pedal)
    layer.build(None)
    weights = draw_weights(layer)
    notes = make_pedal_notes(0, 20)[None]
    active, _ = active_notes.active_before_each(notes, active_notes.no_active_notes(1))
    tokens = quantize.token_ids(notes)
    columns = {"step": 0, "duration": 1, "pitch": 2} | ({"velocity": 3} if velocity else {})
    columns |= {"pedal": 4} if pedal else {}
    assert {name.partition("/")[0] for name in weights} == {
        "sounding",
        *(f"{name}_embedding" for name in columns),
    }
    expected = (
        active_notes.active_features(active) @ weights["sounding/kernel"] + weights["sounding/bias"]
    )
    for name, column in columns.items():
        expected = expected + weights[f"{name}_embedding/embeddings"][tokens[..., column]]
    np.testing.assert_allclose(layer(tf.constant(tokens), tf.constant(active)), expected, atol=1e-4)
