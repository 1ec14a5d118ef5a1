"""The convolutions over the pitches in Keras against those in NumPy."""

import numpy as np
import pytest
import tensorflow as tf
from factories import make_quantized_notes

from pipeline.models.keras import heads
from pipeline.models.keras import pitch_convolution as keras_convolution
from pipeline.models.numpy import active_mask
from pipeline.models.numpy import pitch_convolution as numpy_convolution
from pipeline.notes import pitch_ages

RNG = np.random.default_rng(0)
ACTIVE = (RNG.integers(0, 300, (9, 128)) * (RNG.random((9, 128)) < 0.1)).astype(np.int16)
AGES = RNG.choice([0, 3, 400, pitch_ages.MAX_AGE], (9, 128)).astype(np.int16)


@pytest.mark.parametrize("length", [1, 2, 50])
def test_ages_are_those_of_numpy(length: int) -> None:
    notes = np.stack([make_quantized_notes(seed, length) for seed in range(3)])
    for before in (pitch_ages.no_pitch_ages(3), AGES[:3]):
        ages = keras_convolution.compute_ages_after_each(
            tf.constant(notes.astype(np.int32)), tf.constant(before.astype(np.int32))
        )
        np.testing.assert_array_equal(ages, pitch_ages.ages_after_each(notes, before))
    np.testing.assert_array_equal(keras_convolution.no_pitch_ages(3), pitch_ages.no_pitch_ages(3))


def test_logits_are_those_of_numpy_and_at_first_zero() -> None:
    layer, last = keras_convolution.PitchConvolution(), RNG.integers(0, 128, 9)
    layer.build((None, 5))
    hidden = RNG.normal(0, 1, (9, 5)).astype(np.float32)
    features = keras_convolution.compute_pitch_features(
        tf.constant(ACTIVE), tf.constant(AGES.astype(np.int32)), tf.constant(last)
    )
    assert not layer(tf.constant(hidden), features).numpy().any()
    expected = numpy_convolution.compute_pitch_features(ACTIVE, AGES, last)
    np.testing.assert_allclose(features, expected, atol=1e-6)
    for variable in layer.trainable_variables:
        variable.assign(RNG.normal(0, 0.3, variable.shape))
    weights = {
        f"pitch_conv/{variable.path.partition('/')[2]}": variable.numpy()
        for variable in layer.trainable_variables
    }
    numpy_layer = numpy_convolution.PitchConvolution(weights)
    logits = numpy_layer.forward(hidden, expected)
    np.testing.assert_allclose(layer(tf.constant(hidden), features), logits, atol=1e-4)


def test_the_mask_is_that_of_numpy_and_has_finite_gradients() -> None:
    logits = RNG.normal(0, 3, (9, 128)).astype(np.float32)
    active = ACTIVE.copy()
    active[0], active[1] = 0, 5
    expected = active_mask.mask_active(logits, active)
    with tf.GradientTape() as tape:
        watched = tf.constant(logits)
        tape.watch(watched)
        masked = heads.mask_active(watched, tf.constant(active))
    np.testing.assert_allclose(masked, expected, atol=1e-4)
    assert np.isfinite(tape.gradient(masked, watched)).all()
