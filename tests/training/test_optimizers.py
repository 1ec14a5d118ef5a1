"""Optimizers: what each weight gets, learning rates, clipping and state."""

from collections.abc import Callable, Sequence

import keras
import numpy as np
import pytest
import tensorflow as tf
from factories import draw_normal

from pipeline.config import Params
from pipeline.config.schema import ModelConfig
from pipeline.models.keras import network
from pipeline.training.optimizers import (
    MUON_LR_RATIO,
    Optimizer,
    estimate_update_cost,
    is_hidden,
    make_adam,
    make_muon,
    split_weights,
)

RATE = 0.01
OPEN = 1e9
"""A norm that clips nothing."""


def make_weight(*shape: int, layer: str = "other") -> keras.Variable:
    """Make the kernel of a layer somewhere in a network."""
    with keras.name_scope("net"), keras.name_scope(layer):
        return keras.Variable(draw_normal(*shape), name="kernel")


def descend(optimizer: Optimizer, steps: Sequence[Sequence[np.ndarray]]) -> list[np.ndarray]:
    """Take steps down gradients, each given for every weight; returns the weights."""
    for gradients in steps:
        optimizer.apply([tf.constant(gradient) for gradient in gradients], RATE)
    return [w.numpy() for w in optimizer.weights]


def test_adam_beside_muon_is_that_of_keras() -> None:
    weights, keras_weights = (
        [make_weight(5, 3), make_weight(4)],
        [make_weight(5, 3), make_weight(4)],
    )
    keras_adam = keras.optimizers.Adam(RATE, beta_1=0.9, beta_2=0.99, epsilon=1e-8)
    # Gradients of all sizes, some near the epsilon.
    steps = [
        [10.0**-k * draw_normal(5, 3, seed=k), 1e-8 * draw_normal(4, seed=k)] for k in range(6)
    ]
    actual = descend(make_muon(weights, OPEN), steps)
    for gradients in steps:
        keras_adam.apply([tf.constant(g) for g in gradients], keras_weights)
    assert not np.allclose(actual[0], draw_normal(5, 3), atol=0.01)
    for value, keras_weight in zip(actual, keras_weights, strict=True):
        np.testing.assert_allclose(value, keras_weight.numpy(), atol=1e-5)


def test_the_rate_is_that_of_the_step() -> None:
    one, two = make_weight(4), make_weight(4)
    for w, rate in ((one, 0.01), (two, 0.03)):
        make_muon([w], OPEN).apply([tf.constant(draw_normal(4, seed=1))], tf.constant(rate))
    np.testing.assert_allclose(
        two.numpy() - draw_normal(4), 3 * (one.numpy() - draw_normal(4)), atol=1e-6
    )


def test_a_hidden_matrix_moves_by_the_rate_whatever_the_size_of_its_gradient() -> None:
    large, small = ([[size * draw_normal(6, 6, seed=1)]] for size in (1e3, 1e-3))
    one, other = (
        descend(make_muon([make_weight(6, 6, layer="up")], OPEN), steps)[0]
        for steps in (large, small)
    )
    np.testing.assert_allclose(one, other, atol=1e-5)
    assert np.linalg.norm(one - draw_normal(6, 6), 2) < 1.3 * RATE * MUON_LR_RATIO


def list_hidden_weights(block: ModelConfig) -> set[str]:
    """Name the weights of a block that Muon takes."""
    net = network.build_model(block)
    names = list(network.named_weights(net))
    return {
        name
        for name, variable in zip(names, net.trainable_variables, strict=True)
        if is_hidden(variable)
    }


def test_muon_of_keras_takes_the_hidden_matrices_and_no_other_weight(project: Params) -> None:
    net = network.build_model(project.model["gated"])
    (muon,) = make_muon(net.trainable_variables, 1.0).optimizers
    for variable, velocity in zip(net.trainable_variables, muon.adam_velocities, strict=True):
        assert (velocity is None) == is_hidden(variable), variable.path


def test_the_hidden_matrices_of_residual_blocks(project: Params) -> None:
    blocks = {
        f"mingru_{n}/{part}/kernel" for n in (1, 2) for part in ("inner", "outer", "up", "down")
    }
    assert list_hidden_weights(project.model["gated"]) == blocks | {"chain/kernel"}


def test_convolutions_and_their_gate_are_no_hidden_matrices(project: Params) -> None:
    cells = ("mingru_1", "attention_2")
    blocks = {
        f"{cell}/{part}/kernel" for cell in cells for part in ("inner", "outer", "up", "down")
    }
    assert list_hidden_weights(project.model["recurrent_attention"]) == blocks | {"chain/kernel"}


def test_the_hidden_matrices_of_an_lstm_with_a_dense_layer(project: Params) -> None:
    changes = {"cell": "lstm", "units": [8, 8], "dense_units": 8, "embedding_dim": 8, "head_dim": 8}
    block = ModelConfig.model_validate({**project.model["expressive"].model_dump(), **changes})
    lstms = {f"lstm_{n}/{part}" for n in (1, 2) for part in ("kernel", "recurrent_kernel")}
    assert list_hidden_weights(block) == lstms | {"chain/kernel", "dense/kernel"}


def test_a_kernel_that_reads_three_numbers_is_no_hidden_matrix(project: Params) -> None:
    block = ModelConfig.model_validate({**project.model["hybrid"].model_dump(), "loss_on": "all"})
    assert list_hidden_weights(block) == {
        "lstm_1/recurrent_kernel",
        "lstm_2/kernel",
        "lstm_2/recurrent_kernel",
        "dense/kernel",
    }


def clip_gradients(steps: list[list[np.ndarray]], norm: float) -> list[list[np.ndarray]]:
    """Scale the gradients of each step down to a norm of all of them together."""
    sizes = [np.sqrt(sum(float(np.square(g).sum()) for g in gradients)) for gradients in steps]
    return [
        [g * np.float32(min(1, norm / size)) for g in gradients]
        for gradients, size in zip(steps, sizes, strict=True)
    ]


GROWING = [
    [10.0 ** (k - 2) * draw_normal(*shape, seed=k) for shape in ((5, 3), (4, 4))] for k in range(4)
]


@pytest.mark.parametrize("make", [make_muon, make_adam])
def test_gradients_are_clipped_to_a_norm_of_all_weights_together(
    make: Callable[..., Optimizer],
) -> None:
    tight, loose = (
        descend(make([make_weight(5, 3), make_weight(4, 4)], norm), GROWING) for norm in (0.5, OPEN)
    )
    clipped = clip_gradients(GROWING, 0.5)
    by_hand = descend(make([make_weight(5, 3), make_weight(4, 4)], OPEN), clipped)
    for actual, expected, unclipped in zip(tight, by_hand, loose, strict=True):
        np.testing.assert_allclose(actual, expected, atol=1e-5)
        assert not np.allclose(actual, unclipped, atol=1e-3)


@pytest.mark.parametrize("kind", ["muon", "adam"])
def test_the_variables_of_an_optimizer_are_its_whole_state(kind: str) -> None:
    def fresh(start: list[np.ndarray]) -> Optimizer:
        weights = [make_weight(5, 3), make_weight(4, 4, layer="up")]
        for w, value in zip(weights, start, strict=True):
            w.assign(value)
        return make_muon(weights, 0.5) if kind == "muon" else make_adam(weights, 0.5)

    begin = [draw_normal(5, 3), draw_normal(4, 4)]
    whole = descend(fresh(begin), GROWING)
    stopped = fresh(begin)
    again = fresh(descend(stopped, GROWING[:2]))
    for new, old in zip(again.variables, stopped.variables, strict=True):
        new.assign(old)
    for actual, expected in zip(descend(again, GROWING[2:]), whole, strict=True):
        assert np.array_equal(actual, expected)


def test_the_rows_of_a_table_that_were_looked_up_move() -> None:
    table = make_weight(6, 2)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.gather(table.value, [1, 1, 4]))
    make_muon([table], OPEN).apply([tape.gradient(loss, table.value)], RATE)
    moved = table.numpy() - draw_normal(6, 2)
    np.testing.assert_allclose(moved[[1, 4]], -RATE, atol=1e-5)
    assert not moved[[0, 2, 3, 5]].any()


def test_each_weight_is_in_one_share_and_shares_cost_about_the_same(project: Params) -> None:
    weights = network.build_model(project.model["gated"]).trainable_variables
    shares = split_weights(weights, 3)
    assert sorted(index for share in shares for index in share) == list(range(len(weights)))
    costs = [sum(estimate_update_cost(weights[index]) for index in share) for share in shares]
    assert max(costs) < 1.2 * min(costs)


@pytest.mark.parametrize("make", [make_muon, make_adam])
def test_shares_together_are_one_update(make: Callable[..., Optimizer]) -> None:
    def make_weights() -> list[keras.Variable]:
        return [make_weight(5, 3), make_weight(4), make_weight(4, 4, layer="up")]

    whole, shared = make(make_weights(), 0.5), make(make_weights(), 0.5, num_shares=2)
    gradients = [tf.constant(draw_normal(*w.shape, seed=7)) for w in whole.weights]
    whole.apply(gradients, RATE)
    for share in range(2):
        shared.apply(gradients, RATE, share)
    for actual, expected in zip(shared.weights, whole.weights, strict=True):
        assert np.array_equal(actual.numpy(), expected.numpy())
