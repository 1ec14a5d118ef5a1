"""Train a model: the same budget of target notes for every architecture, the best epoch by validation bits.

A run is a function of (seed, epoch, windows, parameters, threads, workers): order and dropout are drawn for each epoch from the
seed, so that a run that was killed continues to the same weights.

Shapes: B windows, T notes.
"""

import json
from dataclasses import dataclass, replace
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
from pipeline.models.time_limits import TimeLimits, measure_time_limits
from pipeline.notes.quantize import SCORED_FEATURES, list_bits_columns
from pipeline.training import checkpoint
from pipeline.training.optimizers import make_adam, make_muon
from pipeline.training.parallel_step import BatchPart, ParallelStep, select_part
from pipeline.training.workers import ALONE, Workers

VALIDATION_BATCH = 16
"""Validation pieces scored side by side."""
MAX_BIAS_NOTES = 2**22
"""Training notes whose tokens decide the first biases, at most; the beginnings of all pieces alike."""
MAX_LIMIT_NOTES = 2**26
"""Training notes whose times decide the limits of generated times, at most; likewise."""


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
    workers: Workers = ALONE
    """The workers that train it together; all have the same job, and the chief alone writes files."""

    @property
    def config(self) -> ModelConfig:
        """The config of the architecture."""
        return self.params.model[self.architecture]


def set_threads(num_threads: int, num_operations: int = 1) -> None:
    """Set the threads of TensorFlow and BLAS, before TensorFlow computes anything.

    Args:
        num_threads: threads of one operation; the last bits depend on it.
        num_operations: operations that TensorFlow computes at the same time; no bit depends on it.
    """
    set_blas_threads(num_threads)
    threading = tf.config.threading
    if threading.get_intra_op_parallelism_threads() != num_threads:
        threading.set_intra_op_parallelism_threads(num_threads)
    if threading.get_inter_op_parallelism_threads() != num_operations:
        threading.set_inter_op_parallelism_threads(num_operations)


def set_determinism(seed: int, num_threads: int, num_operations: int = 1) -> None:
    """Make TensorFlow deterministic; call it before other functions of TensorFlow, which fixes its threads at first use.

    Args:
        seed: of the initial weights.
        num_threads: threads of one operation of TensorFlow or BLAS; only equal counts give equal bits.
        num_operations: operations of TensorFlow at the same time.
    """
    set_threads(num_threads, num_operations)
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
        self.optimizer = make_optimizer(weights, train.clip_norm, job.workers.count)
        if isinstance(self.model.heads, AutoregressiveHeads):
            pieces = windows.sample_beginnings(job.windows.select_pieces("train"), MAX_BIAS_NOTES)
            self.model.heads.init_biases(np.concatenate(pieces))
        self.variables = [*weights, *self.optimizer.variables]
        self.dropouts = [
            layer for layer in (*self.model.dropouts, self.model.output_dropout) if layer.rate > 0
        ]
        self.compiled_step = tf.function(self._compute_step, reduce_retracing=True)
        self.parallel_step = None
        if job.workers.count > 1:
            self.parallel_step = ParallelStep(job.workers, self.optimizer, self._compute_gradients)

    def _compute_step(self, part: BatchPart, state: Any, learning_rate: Any) -> Any:
        """Update the weights on one batch; returns the weighted loss and the next state."""
        loss, gradients, after = self._compute_gradients(part, state)
        self.optimizer.apply(gradients, learning_rate)
        return loss, after

    def _compute_gradients(self, part: BatchPart, state: Any) -> Any:
        """Return the weighted loss, the gradients and the next state of some rows of a batch."""
        notes, active, mask, hints = part.notes, part.active, part.mask, part.hints
        if self.parallel_step is not None:
            for layer in self.dropouts:
                layer.place = part.place
        with tf.GradientTape() as tape:
            hidden, after = self.model.call(
                notes[:, :-1], active[:, :-1], state, training=True, hints=hints
            )
            if not self.loss_on_all:
                hidden = tf.nest.map_structure(lambda array: array[:, -1:], hidden)
                notes = notes[:, -1:]
                active, mask = active[:, -1:], mask[:, -1:]
                hints = None if hints is None else hints[:, -1:]
            else:
                notes, active = notes[:, 1:], active[:, 1:]
            losses = self.model.compute_losses(hidden, notes, active, hints)
            loss_weights = self.job.params.train.loss_weights
            note_losses = self.model.heads.weighted_loss(losses, loss_weights)
            mask = tf.reshape(mask, [-1])
            loss = tf.reduce_sum(note_losses * mask) / part.num_targets
        return loss, tape.gradient(loss, self.model.trainable_variables), after

    def train_step(self, batch: Segment, state: Any, learning_rate: float) -> tuple[float, Any]:
        """Train on one batch; returns the weighted loss and the state for the next segment.

        Each worker gets the whole batch, and keeps the state of its rows.
        """
        part = select_part(batch, self.job.workers)
        if batch.is_first:
            state = self.model.initial_state(len(part.notes))
        step = self.parallel_step.run if self.parallel_step else self.compiled_step
        loss, next_state = step(part, state, tf.constant(learning_rate))
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

    Raises:
        PipelineError: another worker has ended.
    """
    trainer = Trainer(job)
    state = _restore_state(job, trainer)
    train = job.params.train
    if state.history:
        _log_message(job, f"continues after epoch {len(state.history)}")
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
        _save_state(job, trainer, state)
        message = f"epoch {number + 1} of {train.epochs}, {bits['bits_per_note']:.3f} bits per note"
        _log_message(job, message)
    if job.workers.is_chief:
        best_weights = zip(trainer.model.trainable_variables, state.best_weights, strict=True)
        for variable, value in best_weights:
            variable.assign(value)
        _write_history(state.history, job.history_path)
    job.workers.copy_variables(0, trainer.model.trainable_variables)
    return replace(_fit_noise(job, trainer), time_limits=_measure_time_limits(job))


def _log_message(job: TrainingJob, message: str) -> None:
    if job.workers.is_chief:
        console.log_message(f"{job.label}: {message}")


def _restore_state(job: TrainingJob, trainer: Trainer) -> checkpoint.TrainingState:
    """Return the progress in the checkpoint of the chief, with its variables; others than the chief get no weights."""
    state = checkpoint.TrainingState()
    if job.workers.is_chief:
        state = checkpoint.restore_state(job.folder, trainer.variables)
    job.workers.copy_variables(0, trainer.variables)
    history, best_epoch = json.loads(
        job.workers.copy_text(json.dumps([state.history, state.best_epoch]))
    )
    return replace(state, history=history, best_epoch=best_epoch)


def _save_state(job: TrainingJob, trainer: Trainer, state: checkpoint.TrainingState) -> None:
    """Write checkpoint and learning curve; the chief gets the state of each share of the optimizer before."""
    for rank, optimizer in enumerate(trainer.optimizer.optimizers):
        job.workers.copy_variables(rank, optimizer.variables)
    if job.workers.is_chief:
        checkpoint.save_state(job.folder, state, trainer.variables)
        _write_history(state.history, job.history_path)


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


def _measure_time_limits(job: TrainingJob) -> TimeLimits:
    """Return the longest times that the model may generate, of its training notes."""
    pieces = job.windows.select_pieces("train")
    return measure_time_limits(windows.sample_beginnings(pieces, MAX_LIMIT_NOTES))


def validate_model(job: TrainingJob, trainer: Trainer) -> dict[str, float]:
    """Score the beginnings of the validation pieces as `evaluate` will score all of them; each worker scores some."""
    pieces = windows.sample_beginnings(
        job.windows.select_pieces("validation"), job.params.train.max_validation_notes
    )
    workers = job.workers
    model = _fit_noise(job, trainer)
    bits = scoring.score_pieces(model, pieces[workers.rank :: workers.count], VALIDATION_BATCH)
    rows = np.concatenate([np.empty((0, scoring.count_bits_columns(model))), *bits])
    total = workers.sum_arrays(np.append(rows.sum(axis=0), len(rows)))
    mean = np.asarray(total[:-1] / total[-1])
    names = list_bits_columns(len(mean))
    return {
        "bits_per_note": float(mean[: len(SCORED_FEATURES)].sum()),
        **dict(zip(names, map(float, mean), strict=True)),
    }
