"""Losses of the heads in training, which are bits in another unit, and their initial values."""

from collections.abc import Iterator

import numpy as np
import pytest
import tensorflow as tf
from factories import make_quantized_notes, randomize_weights
from scipy import special

from pipeline.config import Params
from pipeline.config.schema import LossWeights, ModelConfig
from pipeline.models import logistic_mixture
from pipeline.models.keras import heads
from pipeline.models.keras.heads import AutoregressiveHeads, RegressionHeads
from pipeline.notes import active_notes, quantize
from pipeline.notes.quantize import (
    DURATION,
    NUM_TIME_TOKENS,
    NUM_VELOCITY_TOKENS,
    PITCH,
    STEP,
    TIME_TOKEN,
    VELOCITY,
)

WIDTH = 6
CELLS = np.arange(1001)
KINDS = [
    (head_kind, kind)
    for head_kind in ("categorical", "mixture")
    for kind in ("scalar", "embedding")
]


def make_heads(
    project: Params, head_kind: str, kind: str, velocity: bool = True
) -> AutoregressiveHeads:
    """Make heads with random weights, biases too."""
    changes = {
        "heads": head_kind,
        "input": kind,
        "embedding_dim": 8 if kind == "embedding" else 0,
        "head_dim": 5,
        "model_velocity": velocity,
    }
    changes |= {"cell": "lstm", "units": [WIDTH]}
    made = AutoregressiveHeads(
        ModelConfig.model_validate({**project.model["expressive"].model_dump(), **changes})
    )
    made.build((None, WIDTH))
    randomize_weights(made, 0.5)
    return made


def make_inputs(seed: int, count: int) -> tuple[tf.Tensor, np.ndarray, np.ndarray]:
    """Return hidden vectors, the notes after them, and the active notes at their onsets."""
    notes = make_quantized_notes(seed, count)
    active, _ = active_notes.active_before_each(notes[None], active_notes.no_active_notes(1))
    hidden = np.random.default_rng(seed).normal(0, 1, (count, WIDTH)).astype(np.float32)
    return tf.constant(hidden), notes, active[0]


def compute_losses(
    made: AutoregressiveHeads, hidden: tf.Tensor, notes: np.ndarray, active: np.ndarray
) -> dict[str, np.ndarray]:
    loss_by_part = made(hidden, tf.constant(notes.astype(np.int32)), tf.constant(active))
    return {part: loss.numpy() for part, loss in loss_by_part.items()}


def compute_nats(outputs: np.ndarray, cells: np.ndarray) -> np.ndarray:
    return heads._compute_mixture_nats(tf.constant(outputs), tf.constant(cells, tf.int32)).numpy()


def make_likely_outputs(seed: int) -> np.ndarray:
    """Return outputs [1001, 24] as a model in training might have them."""
    rng = np.random.default_rng(seed)
    parts = [
        rng.normal(0, 2, (1001, 8)),
        rng.uniform(0, 6, (1001, 8)),
        rng.uniform(-5, 1, (1001, 8)),
    ]
    return np.concatenate(parts, axis=1).astype(np.float32)


@pytest.mark.parametrize("seed", range(5))
def test_nats_of_a_mixture_are_those_of_numpy(seed: int) -> None:
    outputs = make_likely_outputs(seed)
    expected = -logistic_mixture.grid_log_probs(outputs, CELLS)
    # Losses of hundreds of nats are exact to the precision of float32 only.
    # float32: beyond 4 s a cell is a thousandth of its place on the axis.
    np.testing.assert_allclose(compute_nats(outputs, CELLS), expected, atol=1e-4, rtol=1e-5)


def make_wild_outputs() -> Iterator[np.ndarray]:
    """Give outputs [1001, 24] far from any that make sense."""
    for mean in (-1e3, 0.0, 1e3):
        for log_scale in (-100.0, -7.0, 3.0, 100.0):
            for logit in (0.0, 1e4):
                outputs = np.zeros((1001, 24), np.float32)
                outputs[:, 0], outputs[:, 8:16], outputs[:, 16:] = logit, mean, log_scale
                yield outputs


def test_gradients_of_a_mixture_are_finite_however_wild_the_outputs() -> None:
    for outputs in make_wild_outputs():
        with tf.GradientTape() as tape:
            tensor = tf.constant(outputs)
            tape.watch(tensor)
            loss = heads._compute_mixture_nats(tensor, tf.constant(CELLS, tf.int32))
        assert np.isfinite(loss).all()
        assert np.isfinite(tape.gradient(loss, tensor)).all()


def test_a_mean_is_pulled_towards_the_cell_that_came_from_however_far() -> None:
    for mean, sign in ((-1e3, -1), (1e3, 1)):
        outputs = np.zeros((1001, 24), np.float32)
        outputs[:, 8:16] = mean
        with tf.GradientTape() as tape:
            tensor = tf.constant(outputs)
            tape.watch(tensor)
            loss = heads._compute_mixture_nats(tensor, tf.constant(CELLS, tf.int32))
        pull = tape.gradient(loss, tensor).numpy()[1:-1, 8:16]
        assert (np.sign(pull) == sign).all()


def test_tokens_are_those_of_numpy() -> None:
    notes = np.stack([CELLS, CELLS[::-1], CELLS % 128, CELLS % 127 + 1, CELLS % 3], axis=1)
    notes = notes.astype(np.int16)
    tokens = heads.compute_token_ids(tf.constant(notes.reshape(7, 143, 5).astype(np.int32))).numpy()
    assert np.array_equal(tokens, quantize.token_ids(notes).reshape(7, 143, 5))


@pytest.mark.parametrize("head_kind", ["categorical", "mixture"])
def test_a_chain_begins_at_how_often_each_value_comes(project: Params, head_kind: str) -> None:
    made = make_heads(project, head_kind, "scalar")
    for layer in made.output_layers.values():
        layer.kernel.assign(tf.zeros_like(layer.kernel))
    notes = make_quantized_notes(0, 3000)
    made.init_biases(notes)
    first = compute_losses(made, tf.zeros([3000, WIDTH]), notes, np.zeros((3000, 128), np.int16))
    values = {
        "pitch": (notes[:, PITCH], 128),
        "velocity": (notes[:, VELOCITY] // 4, NUM_VELOCITY_TOKENS),
    }
    if head_kind == "categorical":
        values |= {
            "step": (TIME_TOKEN[notes[:, STEP]], NUM_TIME_TOKENS),
            "duration": (TIME_TOKEN[notes[:, DURATION]], NUM_TIME_TOKENS),
        }
    for part, (tokens, size) in values.items():
        counts = np.bincount(tokens, minlength=size) + 10
        np.testing.assert_allclose(first[part], -np.log(counts / counts.sum())[tokens], rtol=1e-5)
    if head_kind == "mixture":
        # Broad enough that no time costs much more than a uniform mass would.
        assert max(first["step"].max(), first["duration"].max()) < np.log(1001) + 3


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_each_part_knows_those_before_it_and_none_after(
    project: Params, kind: tuple[str, str]
) -> None:
    made, (hidden, notes, active) = make_heads(project, *kind), make_inputs(0, 6)
    before = compute_losses(made, hidden, notes, active)
    after_it = {
        PITCH: {"pitch", "duration", "velocity"},
        DURATION: {"duration", "velocity"},
        VELOCITY: {"velocity"},
    }
    for column, expected in {STEP: set(before), **after_it}.items():
        other = notes.copy()
        other[:, column] = (other[:, column] + 40) % 120 + 4
        after = compute_losses(made, hidden, other, active)
        assert {part for part in after if not np.array_equal(after[part], before[part])} == expected


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_pitch_and_duration_see_what_sounds_at_the_onset(
    project: Params, kind: tuple[str, str]
) -> None:
    made, (hidden, notes, active) = make_heads(project, *kind), make_inputs(0, 6)
    before, silent = (
        compute_losses(made, hidden, notes, active + 1),
        compute_losses(made, hidden, notes, np.zeros_like(active)),
    )
    changed = {part for part in before if not np.array_equal(before[part], silent[part])}
    assert changed == ({"pitch", "duration"} if kind[1] == "embedding" else set())


def test_a_chain_without_velocity_has_no_weights_for_it(project: Params) -> None:
    made = make_heads(project, "categorical", "scalar", velocity=False)
    assert set(compute_losses(made, *make_inputs(0, 3))) == {"step", "pitch", "duration"}
    assert not [v.path for v in made.trainable_variables if "velocity" in v.path]


def test_regression_losses_are_nats_of_pitch_and_squared_seconds(project: Params) -> None:
    made = RegressionHeads()
    made.build((None, WIDTH))
    randomize_weights(made, 1)
    hidden, notes, active = make_inputs(1, 9)
    loss_by_part = compute_losses(made, hidden, notes, active)
    outputs = {
        name: hidden.numpy() @ part.kernel.numpy() + part.bias.numpy()
        for name, part in made.output_layers.items()
    }
    logits = special.log_softmax(outputs["pitch"].astype(float), axis=1)
    np.testing.assert_allclose(
        loss_by_part["pitch"], -logits[np.arange(9), notes[:, PITCH]], rtol=1e-4
    )
    for name, column in (("step", STEP), ("duration", DURATION)):
        np.testing.assert_allclose(
            loss_by_part[name], (outputs[name][:, 0] - notes[:, column] / 100) ** 2, rtol=1e-4
        )


WEIGHTS = LossWeights(pitch=0.5, step=2.0, duration=3.0, velocity=0.25)
LOSSES = {
    "pitch": np.array([1.0, 2]),
    "step": np.array([10.0, 20]),
    "duration": np.array([100.0, 200]),
}


def test_regression_losses_are_weighed_each_by_its_own() -> None:
    assert RegressionHeads().weighted_loss(LOSSES, WEIGHTS).tolist() == [320.5, 641.0]


def test_the_pedal_has_a_weight_of_its_own(project: Params) -> None:
    loss_by_part = {**LOSSES, "pedal": np.array([4.0, 8])}
    weights = WEIGHTS.model_copy(update={"pedal": 0.5})
    total = make_heads(project, "categorical", "scalar").weighted_loss(loss_by_part, weights)
    assert total.tolist() == [113.0, 226.0]


def test_nats_of_a_chain_weigh_the_same_but_for_velocity(project: Params) -> None:
    loss_by_part = {**LOSSES, "velocity": np.array([4.0, 8])}
    assert make_heads(project, "categorical", "scalar").weighted_loss(
        loss_by_part, WEIGHTS
    ).tolist() == [
        112.0,
        224.0,
    ]
