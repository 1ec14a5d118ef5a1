"""The way in which the tutorial this project descends from plays a note: Keras reads the whole window for each.

Source: https://www.tensorflow.org/tutorials/audio/music_generation, `predict_next_note`.
"""

from collections.abc import Callable
from typing import Any

# First, since it imports TensorFlow without its messages.
import pipeline.models.keras  # noqa: F401

# isort: split
import keras
import numpy as np
import tensorflow as tf

from pipeline.config.schema import ModelConfig
from pipeline.notes import quantize
from pipeline.notes.note import NUM_PITCHES
from pipeline.notes.quantize import QuantizedNotes


def build_tutorial_model(config: ModelConfig, sequence_length: int) -> keras.Model:
    """Return LSTM layers and three dense ones as the tutorial builds them, with weights at random."""
    x = notes = keras.Input((sequence_length, 3))
    for number, units in enumerate(config.units, 1):
        x = keras.layers.LSTM(units, return_sequences=number < len(config.units))(x)
    sizes = {"pitch": NUM_PITCHES, "step": 1, "duration": 1}
    return keras.Model(
        notes, {name: keras.layers.Dense(size, name=name)(x) for name, size in sizes.items()}
    )


def make_steps(
    config: ModelConfig, prompt: QuantizedNotes, sequence_length: int
) -> dict[str, Callable[[], Any]]:
    """Return what plays one note more: by `model.predict`, and by the same network compiled into one function."""
    model = build_tutorial_model(config, sequence_length)
    compiled = tf.function(lambda notes: model(notes, training=False), jit_compile=False)
    window = np.resize(prompt, (sequence_length, prompt.shape[1]))
    start = quantize.scalar_features(window)
    ways = {
        "predict": lambda notes: model.predict(notes, verbose=0),
        "compiled": lambda notes: compiled(tf.constant(notes)),
    }
    return {name: _make_step(way, start) for name, way in ways.items()}


def _make_step(predict: Callable[[Any], Any], window: Any) -> Callable[[], Any]:
    """Return what draws a pitch, takes step and duration as they are said, and moves the window on."""

    def play_note() -> Any:
        nonlocal window
        outputs = predict(window[None])
        pitch = tf.squeeze(tf.random.categorical(outputs["pitch"], num_samples=1), axis=-1)
        times = [max(0.0, float(np.squeeze(outputs[name]))) for name in ("step", "duration")]
        window = np.vstack([window[1:], np.array([[int(pitch[0]), *times]], np.float32)])
        return window

    return play_note
