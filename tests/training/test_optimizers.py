"""Descent: Adam against Keras, Muon against what it says of itself."""

from collections.abc import Sequence

import keras
import numpy as np
import pytest
import tensorflow as tf

from pipeline.config import Params
from pipeline.config.schema import ModelConfig
from pipeline.models.keras import network
from pipeline.training import optimizers
from pipeline.training.optimizers import MOMENTUM, MUON_LR_RATIO, Adam, Muon

RATE = 0.01
OPEN = 1e9
"""A norm that clips nothing."""


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng([seed, *shape]).normal(0, 1, shape).astype(np.float32)


def weight(*shape: int, layer: str = "other") -> keras.Variable:
    """Make the kernel of a layer somewhere in a network."""
    with keras.name_scope("net"), keras.name_scope(layer):
        return keras.Variable(normal(*shape), name="kernel")


def descend(optimizer: Muon | Adam, steps: Sequence[Sequence[np.ndarray]]) -> list[np.ndarray]:
    """Take steps down gradients, each given for every weight; returns the weights."""
    for gradients in steps:
        optimizer.apply([tf.constant(gradient) for gradient in gradients], RATE)
    return [w.numpy() for w in optimizer.weights]


def with_values(
    values: np.ndarray, rows: int, columns: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return a matrix [R, C] of given singular values, and its singular vectors [R, K] and [K, C]."""
    u, _, v = np.linalg.svd(normal(rows, columns).astype(float), full_matrices=False)
    return ((u * values) @ v).astype(np.float32), u, v


@pytest.mark.parametrize("shape", [(16, 16), (48, 16), (40, 12)])
@pytest.mark.parametrize("size", [1e-4, 1.0, 1e4])
def test_a_square_or_tall_matrix_is_made_about_orthogonal(
    shape: tuple[int, int], size: float
) -> None:
    matrix, u, v = with_values(size * np.geomspace(0.01, 1, shape[1]), *shape)
    made = optimizers._orthogonalize(tf.constant(matrix)).numpy()
    values = np.linalg.svd(made, compute_uv=False)
    assert 0.3 < values.min() <= values.max() < 1.3
    # Its singular vectors stay: it is the nearest such matrix, not any.
    turned = u.T @ made @ v.T
    np.testing.assert_allclose(turned - np.diag(np.diag(turned)), 0, atol=1e-3)
    assert (np.diag(turned) > 0.3).all()


@pytest.mark.parametrize("squares", [2, 3, 4])
def test_each_square_of_a_wide_matrix_is_made_orthogonal_by_itself(squares: int) -> None:
    parts = [(10.0**k * with_values(np.geomspace(0.01, 1, 16), 16, 16)[0]) for k in range(squares)]
    made = optimizers._orthogonalize(tf.constant(np.concatenate(parts, axis=1))).numpy()
    assert made.shape == (16, 16 * squares)
    for number, part in enumerate(parts):
        square = made[:, 16 * number : 16 * (number + 1)]
        values = np.linalg.svd(square, compute_uv=False)
        assert 0.3 < values.min() <= values.max() < 1.3
        np.testing.assert_allclose(square, optimizers._orthogonalize(tf.constant(part)), atol=1e-4)


def test_another_wide_matrix_is_as_large_as_its_squares_would_be() -> None:
    made = optimizers._orthogonalize(
        tf.constant(with_values(np.geomspace(0.01, 1, 12), 12, 30)[0])
    ).numpy()
    values = np.linalg.svd(made, compute_uv=False) / np.sqrt(30 / 12)
    assert 0.3 < values.min() <= values.max() < 1.3


def test_a_matrix_of_zeros_stays_one() -> None:
    assert not optimizers._orthogonalize(tf.zeros([8, 4])).numpy().any()


def test_adam_beside_muon_is_that_of_keras() -> None:
    weights, theirs = [weight(5, 3), weight(4)], [weight(5, 3), weight(4)]
    keras_adam = keras.optimizers.Adam(RATE, beta_1=0.9, beta_2=0.99, epsilon=1e-8)
    # Gradients of all sizes, some near the epsilon.
    steps = [[10.0**-k * normal(5, 3, seed=k), 1e-8 * normal(4, seed=k)] for k in range(6)]
    ours = descend(Muon(weights, OPEN), steps)
    for gradients in steps:
        keras_adam.apply([tf.constant(g) for g in gradients], theirs)
    assert not np.allclose(ours[0], normal(5, 3), atol=0.01)
    for mine, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(mine, other.numpy(), atol=1e-5)


def test_the_rate_is_that_of_the_step() -> None:
    one, two = weight(4), weight(4)
    for w, rate in ((one, 0.01), (two, 0.03)):
        Muon([w], OPEN).apply([tf.constant(normal(4, seed=1))], tf.constant(rate))
    np.testing.assert_allclose(two.numpy() - normal(4), 3 * (one.numpy() - normal(4)), atol=1e-6)


def test_muon_steps_down_the_momentum_made_orthogonal() -> None:
    first, second = normal(6, 6, seed=1), normal(6, 6, seed=2)
    (ours,) = descend(Muon([weight(6, 6, layer="up")], OPEN), [[first], [second]])
    expected, momentum = normal(6, 6), np.zeros((6, 6), np.float32)
    for gradient in (first, second):
        momentum = MOMENTUM * momentum + gradient
        ahead = tf.constant(gradient + MOMENTUM * momentum)
        expected = expected - RATE * MUON_LR_RATIO * optimizers._orthogonalize(ahead).numpy()
    np.testing.assert_allclose(ours, expected, atol=1e-5)


def test_a_hidden_matrix_moves_by_the_rate_whatever_the_size_of_its_gradient() -> None:
    large, small = ([[size * normal(6, 6, seed=1)]] for size in (1e3, 1e-3))
    one, other = (
        descend(Muon([weight(6, 6, layer="up")], OPEN), steps)[0] for steps in (large, small)
    )
    np.testing.assert_allclose(one, other, atol=1e-5)
    assert np.linalg.norm(one - normal(6, 6), 2) < 1.3 * RATE * MUON_LR_RATIO


def hidden(block: ModelConfig) -> set[str]:
    """Name the weights of a block that Muon takes."""
    net = network.build_model(block)
    names = list(network.named_weights(net))
    return {
        name
        for name, its in zip(names, Muon(net.trainable_variables, 1.0).is_hidden, strict=True)
        if its
    }


def test_the_hidden_matrices_of_residual_blocks(project: Params) -> None:
    blocks = {
        f"mingru_{n}/{part}/kernel" for n in (1, 2) for part in ("inner", "outer", "up", "down")
    }
    assert hidden(project.model["gated"]) == blocks | {"chain/kernel"}


def test_the_hidden_matrices_of_an_lstm_with_a_dense_layer(project: Params) -> None:
    changes = {"cell": "lstm", "units": [8, 8], "dense_units": 8, "embedding_dim": 8, "head_dim": 8}
    block = ModelConfig.model_validate({**project.model["expressive"].model_dump(), **changes})
    lstms = {f"lstm_{n}/{part}" for n in (1, 2) for part in ("kernel", "recurrent_kernel")}
    assert hidden(block) == lstms | {"chain/kernel", "dense/kernel"}


def test_a_kernel_that_reads_three_numbers_is_no_hidden_matrix(project: Params) -> None:
    block = ModelConfig.model_validate({**project.model["hybrid"].model_dump(), "loss_on": "all"})
    assert hidden(block) == {
        "lstm_1/recurrent_kernel",
        "lstm_2/kernel",
        "lstm_2/recurrent_kernel",
        "dense/kernel",
    }


def clipped(steps: list[list[np.ndarray]], norm: float) -> list[list[np.ndarray]]:
    """Scale the gradients of each step down to a norm of all of them together."""
    sizes = [np.sqrt(sum(float(np.square(g).sum()) for g in gradients)) for gradients in steps]
    return [
        [g * np.float32(min(1, norm / size)) for g in gradients]
        for gradients, size in zip(steps, sizes, strict=True)
    ]


GROWING = [
    [10.0 ** (k - 2) * normal(*shape, seed=k) for shape in ((5, 3), (4, 4))] for k in range(4)
]


def test_gradients_are_clipped_to_a_norm_of_all_weights_together() -> None:
    tight, loose = (
        descend(Muon([weight(5, 3), weight(4, 4)], norm), GROWING) for norm in (0.5, OPEN)
    )
    by_hand = descend(Muon([weight(5, 3), weight(4, 4)], OPEN), clipped(GROWING, 0.5))
    for ours, theirs, other in zip(tight, by_hand, loose, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
        assert not np.allclose(ours, other, atol=1e-3)


def test_adam_of_the_tutorial_clips_likewise() -> None:
    tight, loose = (
        descend(Adam([weight(5, 3), weight(4, 4)], RATE, norm), GROWING) for norm in (0.5, OPEN)
    )
    by_hand = descend(Adam([weight(5, 3), weight(4, 4)], RATE, OPEN), clipped(GROWING, 0.5))
    for ours, theirs, other in zip(tight, by_hand, loose, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
        assert not np.allclose(ours, other, atol=1e-3)


@pytest.mark.parametrize("kind", ["muon", "adam"])
def test_all_that_an_optimiser_remembers_is_in_its_variables(kind: str) -> None:
    def fresh(start: list[np.ndarray]) -> Muon | Adam:
        weights = [weight(5, 3), weight(4, 4, layer="up")]
        for w, value in zip(weights, start, strict=True):
            w.assign(value)
        return Muon(weights, 0.5) if kind == "muon" else Adam(weights, RATE, 0.5)

    begin = [normal(5, 3), normal(4, 4)]
    whole = descend(fresh(begin), GROWING)
    stopped = fresh(begin)
    again = fresh(descend(stopped, GROWING[:2]))
    for new, old in zip(again.variables, stopped.variables, strict=True):
        new.assign(old)
    for ours, theirs in zip(descend(again, GROWING[2:]), whole, strict=True):
        assert np.array_equal(ours, theirs)


def test_the_rows_of_a_table_that_were_looked_up_move() -> None:
    table = weight(6, 2)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.gather(table.value, [1, 1, 4]))
    Muon([table], OPEN).apply([tape.gradient(loss, table.value)], RATE)
    moved = table.numpy() - normal(6, 2)
    np.testing.assert_allclose(moved[[1, 4]], -RATE, atol=1e-5)
    assert not moved[[0, 2, 3, 5]].any()
