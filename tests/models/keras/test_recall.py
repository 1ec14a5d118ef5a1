"""Hints in Keras against those in NumPy."""

import numpy as np
import tensorflow as tf

from pipeline.models.keras.recall import PitchCopy, RecallEmbedding
from pipeline.models.numpy import recall as numpy_recall
from pipeline.notes.note import NUM_PITCHES
from pipeline.notes.recall import FIRST_PITCH, LEVEL, NO_HINT, NO_PITCH

RNG = np.random.default_rng(0)
HINTS = np.array(
    [NO_HINT, [1, 60, 64, 3, 5], [3, 70, 70, 0, 81], [2, NO_PITCH, 127, 82, 0]], np.int32
)


def test_embeddings_are_those_of_numpy() -> None:
    layer = RecallEmbedding(6)
    embedded = layer(tf.constant(HINTS[None]))
    reader = numpy_recall.RecallInput({"recall/embeddings": layer.embeddings.numpy()})
    np.testing.assert_allclose(embedded, reader.embed(HINTS[None]), atol=1e-6)
    assert np.ptp(embedded, axis=1).all()


def test_logits_are_those_of_numpy_and_at_first_raise_the_first_pitch_by_the_level() -> None:
    layer, activated = PitchCopy(4), RNG.normal(0, 1, (4, 4)).astype(np.float32)
    logits = layer(tf.constant(activated), tf.constant(HINTS)).numpy()
    for row, hint in zip(logits, HINTS, strict=True):
        expected = np.zeros(NUM_PITCHES + 1)
        expected[hint[FIRST_PITCH]] = hint[LEVEL] / 2
        np.testing.assert_array_equal(row, expected[:-1])
    for variable in layer.trainable_variables:
        variable.assign(RNG.normal(0, 0.3, variable.shape))
    weights = {
        "copy/kernel": layer.kernel.numpy(),
        "copy/level": layer.by_level.numpy(),
    }
    expected = numpy_recall.PitchCopy(weights).forward(activated, HINTS.astype(np.int16))
    logits = layer(tf.constant(activated), tf.constant(HINTS))
    np.testing.assert_allclose(logits, expected, atol=1e-6)
    assert np.count_nonzero(logits) == 4


def test_copying_learns_from_the_first_step_on() -> None:
    layer, activated = PitchCopy(4), tf.constant(RNG.normal(0, 1, (4, 4)), tf.float32)
    with tf.GradientTape() as tape:
        logits = layer(activated, tf.constant(HINTS))
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits([1, 60, 70, 127], logits)
    gradients = tape.gradient(losses, layer.trainable_variables)
    kernel, by_level = (tf.convert_to_tensor(gradient).numpy() for gradient in gradients)
    assert kernel.all()
    assert (by_level[[1, 3, 2], [0, 0, 1]] < 0).all()
    assert not by_level[0].any()
