"""Training: the same budget of target notes for every architecture, the best epoch by validation bits.

A run is a function of (seed, epoch, windows, parameters, threads): order and dropout are drawn anew for each epoch
from the seed, so that a run that was killed goes on to the very weights it would have reached.

Shapes: B windows, T notes.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from pipeline import encoding, heads, progress, streaming, windows
from pipeline.encoding import Codes
from pipeline.metrics import collect
from pipeline.nn import architectures, checkpoint
from pipeline.nn import heads as nn_heads
from pipeline.params import Params
from pipeline.sections import Model
from pipeline.storage import Trained
from pipeline.windows import Windows

PIECES = 16
"""Validation pieces read side by side."""


@dataclass(frozen=True)
class Job:
    """What is trained on what."""

    architecture: str
    params: Params
    windows: Windows
    folder: Path
    """Where an unfinished training waits."""

    @property
    def block(self) -> Model:
        """The recipe."""
        return self.params.model[self.architecture]


def prepare(seed: int, threads: int) -> None:
    """Make TensorFlow repeatable; call before anything else of it, since threads are set once in a process.

    Args:
        seed: of the first weights.
        threads: of one operation; results are equal bit for bit at equal counts only.
    """
    if tf.config.threading.get_intra_op_parallelism_threads() != threads:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(seed)


class Trainer:
    """A Keras model, its optimiser and one compiled training step."""

    def __init__(self, job: Job) -> None:
        self.job = job
        train = job.params.train
        self.model = architectures.build(job.block)
        self.optimizer = keras.optimizers.Adam(train.learning_rate, global_clipnorm=train.clip_norm)
        self.optimizer.build(self.model.trainable_variables)
        self.variables = [*self.model.trainable_variables, *self.optimizer.variables]
        self.dropouts = [layer for layer in self.model.layers if isinstance(layer, keras.layers.Dropout)]
        self.step = tf.function(self._step, reduce_retracing=True)

    def _step(self, features: Any, targets: Any) -> Any:
        """Descend once on features [B, T, F] and target codes [B, 4]; returns the weighted loss."""
        with tf.GradientTape() as tape:
            parts = nn_heads.losses(self.model(features, training=True), targets)
            loss = nn_heads.weighted(parts, self.job.params.train.loss_weights)
        gradients = tape.gradient(loss, self.model.trainable_variables)
        self.optimizer.apply(gradients, self.model.trainable_variables)
        return loss

    def descend(self, notes: Codes, targets: Codes) -> float:
        """Train on one batch, notes [B, T, 4] and the targets [B, 4] after them; returns the weighted loss."""
        return float(self.step(tf.constant(encoding.scalar(notes)), tf.constant(targets)))

    def epoch(self, number: int) -> float:
        """Train one epoch, numbered from 0; returns the mean weighted loss."""
        params, data = self.job.params, self.job.windows
        size = params.train.notes_per_epoch
        for place, layer in enumerate(self.dropouts):
            layer.seed_generator.state.assign(_dropout_seed(params.seed, number, place))
        order = windows.order(params.seed, len(data.starts), number * size, size)
        total = 0.0
        for begin in range(0, size, params.train.batch):
            notes, targets = data.gather(order[begin : begin + params.train.batch])
            total += self.descend(notes, targets) * len(targets)
        return total / size

    def weights(self) -> list[NDArray[np.float32]]:
        """Return a copy of all weights, in the order of the model's variables."""
        return [np.copy(v.numpy()) for v in self.model.trainable_variables]

    def trained(self, spread: dict[str, heads.Spread] | None = None) -> Trained:
        """Return the model as it is now, without its origin."""
        job = self.job
        weights = architectures.weights(self.model)
        return Trained(job.architecture, job.block, job.windows.length, weights, spread or {})


def _dropout_seed(seed: int, epoch: int, layer: int) -> NDArray[np.uint32]:
    return np.random.default_rng([seed, epoch, layer, 1]).integers(2**32, size=2, dtype=np.uint32)


def fit(job: Job) -> tuple[Trained, list[dict[str, float]]]:
    """Train until the budget or the patience is spent.

    Returns:
        The model of the best epoch, and one row an epoch: epoch, notes, loss, validation bits in total and per head.
    """
    trainer = Trainer(job)
    done = checkpoint.resume(job.folder, trainer.variables)
    train = job.params.train
    if done.history:
        progress.say(f"train {job.architecture}: going on after epoch {len(done.history)}")
    epochs = range(len(done.history), train.epochs)
    for number in progress.track(epochs, f"train {job.architecture}", len(epochs)):
        if number - done.best_epoch >= train.patience:
            break
        loss = trainer.epoch(number)
        bits = _validation_bits(job, trainer)
        done.history.append({"epoch": number + 1, "notes": (number + 1) * train.notes_per_epoch, "loss": loss, **bits})
        if bits["bits_per_note"] <= min(row["bits_per_note"] for row in done.history):
            done.best_epoch, done.best = number + 1, trainer.weights()
        checkpoint.save(job.folder, done, trainer.variables)
        progress.say(
            f"train {job.architecture}: epoch {number + 1} of {train.epochs}, {bits['bits_per_note']:.3f} bits per note"
        )
    for variable, value in zip(trainer.model.trainable_variables, done.best, strict=True):
        variable.assign(value)
    best = _with_spread(job, trainer)
    shutil.rmtree(job.folder, ignore_errors=True)
    return best, done.history


def _with_spread(job: Job, trainer: Trainer) -> Trained:
    """Return the model with the spread of its regression heads fitted on training notes."""
    pieces = windows.beginnings(job.windows.pieces("train"), job.params.train.residual_notes)
    return streaming.fit_spread(trainer.trained(), pieces)


def _validation_bits(job: Job, trainer: Trainer) -> dict[str, float]:
    """Score the beginnings of the validation pieces as `evaluate` will score all of them."""
    pieces: list[Codes] = windows.beginnings(job.windows.pieces("validation"), job.params.train.validation_notes)
    bits = streaming.bits(_with_spread(job, trainer), pieces, PIECES)
    return collect(job.windows.names("validation"), bits).per_note()
