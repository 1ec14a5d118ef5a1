"""Train a model: the same budget of target notes for every architecture, the best epoch by validation bits.

A run is a function of (seed, epoch, windows, parameters, threads): order and dropout are drawn for each epoch from the
seed, so that a run that was killed continues to the same weights.

Shapes: B windows, T notes.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from numpy.typing import NDArray

from pipeline.config import Params
from pipeline.config.schema import ModelConfig
from pipeline.core import console, files
from pipeline.core.threads import set_blas_threads
from pipeline.dataset import batches, windows
from pipeline.dataset.segments import Segment
from pipeline.dataset.windows import WindowDataset
from pipeline.models import scoring
from pipeline.models.keras import network
from pipeline.models.keras.heads import AutoregressiveHeads
from pipeline.models.model_io import TrainedModel
from pipeline.models.residual_noise import ResidualNoise
from pipeline.notes.quantize import SCORED_FEATURES, list_bits_columns
from pipeline.training import checkpoint
from pipeline.training.optimizers import make_adam, make_muon

VALIDATION_BATCH = 16
"""Validation pieces scored side by side."""
MAX_BIAS_NOTES = 2**22
"""Training notes whose tokens decide the first biases, at most; the beginnings of all pieces alike."""


@dataclass(frozen=True)
class TrainingJob:
    """An architecture and the data that it is trained on."""

    architecture: str
    params: Params
    windows: WindowDataset
    folder: Path
    """Folder of the checkpoint."""
    history_path: Path | None = None
    """Learning curve, written after every epoch."""
    label: str = "train"
    """Name of the work in messages."""

    @property
    def config(self) -> ModelConfig:
        """The config of the architecture."""
        return self.params.model[self.architecture]


def set_determinism(seed: int, num_threads: int) -> None:
    """Make TensorFlow deterministic; call it before other functions of TensorFlow, which fixes its threads at first use.

    Args:
        seed: of the initial weights.
        num_threads: threads of one operation of TensorFlow or BLAS; only equal counts give equal bits.
    """
    set_blas_threads(num_threads)
    if tf.config.threading.get_intra_op_parallelism_threads() != num_threads:
        tf.config.threading.set_intra_op_parallelism_threads(num_threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.experimental.enable_op_determinism()
    keras.backend.clear_session()  # names of weights are those of a fresh process
    keras.utils.set_random_seed(seed)


class Trainer:
    """A Keras network, its optimizer and one compiled training step."""

    def __init__(self, job: TrainingJob) -> None:
        self.job = job
        train = job.params.train
        self.model = network.build_model(job.config)
        self.loss_on_all = job.config.loss_on == "all"
        weights = self.model.trainable_variables
        make_optimizer = make_muon if self.loss_on_all else make_adam
        self.optimizer = make_optimizer(weights, train.clip_norm)
        if isinstance(self.model.heads, AutoregressiveHeads):
            pieces = windows.sample_beginnings(job.windows.select_pieces("train"), MAX_BIAS_NOTES)
            self.model.heads.init_biases(np.concatenate(pieces))
        self.variables = [*weights, *self.optimizer.variables]
        self.dropouts = [
            layer for layer in (*self.model.dropouts, self.model.output_dropout) if layer.rate > 0
        ]
        self.compiled_step = tf.function(self._compute_step, reduce_retracing=True)

    def _compute_step(
        self, notes: Any, active: Any, mask: Any, state: Any, learning_rate: Any
    ) -> Any:
        """Update the weights on one batch; arrays as of a `Segment`. Returns the weighted loss and the next state."""
        with tf.GradientTape() as tape:
            hidden, after = self.model.call(notes[:, :-1], active[:, :-1], state, training=True)
            if not self.loss_on_all:
                hidden, notes = hidden[:, -1:], notes[:, -1:]
                active, mask = active[:, -1:], mask[:, -1:]
            else:
                notes, active = notes[:, 1:], active[:, 1:]
            losses = self.model.compute_losses(hidden, notes, active)
            loss_weights = self.job.params.train.loss_weights
            note_losses = self.model.heads.weighted_loss(losses, loss_weights)
            mask = tf.reshape(mask, [-1])
            loss = tf.reduce_sum(note_losses * mask) / tf.reduce_sum(mask)
        self.optimizer.apply(tape.gradient(loss, self.model.trainable_variables), learning_rate)
        return loss, after

    def train_step(self, batch: Segment, state: Any, learning_rate: float) -> tuple[float, Any]:
        """Train on one batch; returns the weighted loss and the state for the next segment."""
        if batch.is_first:
            state = self.model.initial_state(len(batch.notes))
        notes = tf.constant(batch.notes.astype(np.int32))
        active, mask = tf.constant(batch.active), tf.constant(batch.mask)
        rate = tf.constant(learning_rate)
        loss, next_state = self.compiled_step(notes, active, mask, state, rate)
        return float(loss), next_state

    def train_epoch(self, epoch: int) -> float:
        """Train one epoch, numbered from 0; returns the mean weighted loss."""
        params = self.job.params
        for index, layer in enumerate(self.dropouts):
            layer.seed_generator.state.assign(_draw_dropout_seed(params.seed, epoch, index))
        total_loss, num_notes, state = 0.0, 0.0, None
        for batch in batches.epoch_batches(params, self.job.config, self.job.windows, epoch):
            progress = (epoch + num_notes / params.train.notes_per_epoch) / params.train.epochs
            rate = self._compute_learning_rate(progress)
            loss, state = self.train_step(batch, state, rate)
            num_targets = float(batch.mask.sum())
            total_loss += loss * num_targets
            num_notes += num_targets
        return total_loss / num_notes

    def _compute_learning_rate(self, progress: float) -> float:
        """Return the learning rate at a share of the budget: linear warmup, then linear decay to zero."""
        learning_rate = self.job.config.learning_rate
        if not self.loss_on_all:
            return learning_rate
        config = self.job.params.train.stateful
        warmup = progress / config.warmup if progress < config.warmup else 1.0
        return learning_rate * max(min(warmup, 1 - progress), 1e-3)

    def copy_weights(self) -> list[NDArray[np.float32]]:
        """Return a copy of all weights, in the order of the model's variables."""
        return [np.copy(v.numpy()) for v in self.model.trainable_variables]

    def to_model(self, residual_noise: dict[str, ResidualNoise] | None = None) -> TrainedModel:
        """Return the model with its present weights, without provenance."""
        job = self.job
        weights = network.named_weights(self.model)
        return TrainedModel(
            job.architecture, job.config, job.windows.sequence_length, weights, residual_noise or {}
        )


def _draw_dropout_seed(seed: int, epoch: int, layer_index: int) -> NDArray[np.uint32]:
    rng = np.random.default_rng([seed, epoch, layer_index, 1])
    return rng.integers(2**32, size=2, dtype=np.uint32)


def train_model(job: TrainingJob) -> TrainedModel:
    """Train until the end of the budget or of the patience, and return the model of the best epoch.

    The learning curve has one row an epoch: epoch, notes, loss, validation bits in total and per head. The checkpoint
    stays, so that a finished training need not run again; the caller removes it.
    """
    trainer = Trainer(job)
    state = checkpoint.restore_state(job.folder, trainer.variables)
    train = job.params.train
    if state.history:
        console.log_message(f"{job.label}: continues after epoch {len(state.history)}")
    for number in range(len(state.history), train.epochs):
        if number - state.best_epoch >= train.patience:
            break
        loss = trainer.train_epoch(number)
        bits = validate_model(job, trainer)
        state.history.append(
            {
                "epoch": number + 1,
                "notes": (number + 1) * train.notes_per_epoch,
                "loss": loss,
                **bits,
            }
        )
        if bits["bits_per_note"] <= min(row["bits_per_note"] for row in state.history):
            state.best_epoch, state.best_weights = number + 1, trainer.copy_weights()
        checkpoint.save_state(job.folder, state, trainer.variables)
        _write_history(state.history, job.history_path)
        console.log_message(
            f"{job.label}: epoch {number + 1} of {train.epochs}, {bits['bits_per_note']:.3f} bits per note"
        )
    for variable, value in zip(trainer.model.trainable_variables, state.best_weights, strict=True):
        variable.assign(value)
    _write_history(state.history, job.history_path)
    return _fit_noise(job, trainer)


def _write_history(history: list[dict[str, float]], path: Path | None) -> None:
    if path is None:
        return
    table = pd.DataFrame(history).to_csv(index=False, float_format="%.6f", lineterminator="\n")
    files.write_text(path, table)


def _fit_noise(job: TrainingJob, trainer: Trainer) -> TrainedModel:
    """Return the model with the noise of its regression heads fitted on training notes."""
    pieces = windows.sample_beginnings(
        job.windows.select_pieces("train"), job.params.train.noise_fit_notes
    )
    return scoring.with_fitted_noise(trainer.to_model(), pieces)


def validate_model(job: TrainingJob, trainer: Trainer) -> dict[str, float]:
    """Score the beginnings of the validation pieces as `evaluate` will score all of them."""
    pieces = windows.sample_beginnings(
        job.windows.select_pieces("validation"), job.params.train.max_validation_notes
    )
    bits = scoring.score_pieces(_fit_noise(job, trainer), pieces, VALIDATION_BATCH)
    mean = np.concatenate(bits).mean(axis=0)
    names = list_bits_columns(len(mean))
    return {
        "bits_per_note": float(mean[: len(SCORED_FEATURES)].sum()),
        **dict(zip(names, map(float, mean), strict=True)),
    }
