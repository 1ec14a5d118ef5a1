"""Training is repeatable, can be resumed, and lowers the loss."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import TextIO

import numpy as np
import pytest
from factories import make_quantized_notes, make_window_dataset

from pipeline.config import Params
from pipeline.config.schema import ModelConfig, ReplicatesConfig, TrainConfig
from pipeline.dataset import replicates
from pipeline.models import model_io
from pipeline.models.time_limits import measure_time_limits
from pipeline.notes.quantize import PEDAL, PITCH
from pipeline.training import checkpoint
from pipeline.training import trainer as training
from pipeline.training.trainer import Trainer, TrainingJob


def make_budget(project: Params, **changes: int) -> TrainConfig:
    """A training that takes seconds."""
    few = {"epochs": 4, "notes_per_epoch": 256, "patience": 4, "num_threads": 1, **changes}
    last = project.train.windowed.model_copy(update={"batch_size": 32})
    every = project.train.stateful.model_copy(
        update={"batch_size": 4, "bptt_length": 16, "segments_per_passage": 2}
    )
    return project.train.model_copy(update={**few, "windowed": last, "stateful": every})


@pytest.fixture
def job(project: Params, tmp_path: Path) -> TrainingJob:
    """A small model with dropout in both places, on made-up music."""
    pieces = [make_quantized_notes(seed, 200) for seed in range(3)]
    corpus = make_window_dataset(pieces, ["train", "train", "validation"])
    plan = replicates.make_plan(corpus, ReplicatesConfig(count=1, scheme="seeds"))
    block = project.model["hybrid"].model_copy(
        update={"units": [12, 8], "dense_units": 8, "learning_rate": 0.01}
    )
    params = project.model_copy(
        update={"model": {"small": block}, "train": make_budget(project), "seed": 3}
    )
    folder = tmp_path / "waiting"
    return TrainingJob("small", params, plan.select(1), folder, tmp_path / "history.csv")


def have_equal_weights(one: training.TrainedModel, other: training.TrainedModel) -> bool:
    return all(np.array_equal(one.weights[name], other.weights[name]) for name in one.weights)


def train_fresh(job: TrainingJob) -> tuple[training.TrainedModel, list[dict[str, float]]]:
    """Train as a fresh process would; return the model and its learning curve."""
    training.set_determinism(job.params.seed, 1)
    model = training.train_model(job)
    shutil.rmtree(job.folder)
    assert job.history_path is not None
    return model, model_io.load_history(job.history_path.parent)


@pytest.fixture(params=["last", "mingru", "attention", "recurrent_attention"])
def either(request: pytest.FixtureRequest, job: TrainingJob) -> TrainingJob:
    """The job above, and two with `loss_on: all`: residual blocks with autoregressive heads."""
    if request.param == "last":
        return job
    changes = {
        "input": "embedding",
        "embedding_dim": 8,
        "model_velocity": True,
        "cell": request.param,
        "units": [32, 32] if request.param == "attention" else job.config.units,
        "heads": "categorical",
        "head_dim": 8,
        "loss_on": "all",
        "stateful": True,
        "learning_rate": 0.008,
    }
    if request.param == "recurrent_attention":
        changes |= {"cell": ["mingru", "attention"], "units": [8, 32], "conv": 4, "span": 20}
        changes |= {"pitch_head": "equivariant", "mask_active": True, "recall": True}
    block = ModelConfig.model_validate({**job.config.model_dump(), **changes})
    train = job.params.train
    every = train.stateful.model_copy(
        update={"max_transpose": 3, "max_tempo_change": 0.1, "max_velocity_shift": 5}
    )
    params = {"model": {"small": block}, "train": train.model_copy(update={"stateful": every})}
    return replace(job, params=job.params.model_copy(update=params))


@pytest.mark.slow
def test_the_loss_falls(either: TrainingJob) -> None:
    _, history = train_fresh(either)
    assert history[-1]["loss"] < 0.95 * history[0]["loss"]


@pytest.mark.slow
def test_a_model_learns_the_pedal_and_its_bits_stand_apart(job: TrainingJob) -> None:
    pieces = [make_quantized_notes(seed, 200) for seed in range(3)]
    for piece in pieces:
        piece[:, PEDAL] = piece[:, PITCH] % 3
    corpus = make_window_dataset(pieces, ["train", "train", "validation"])
    plan = replicates.make_plan(corpus, ReplicatesConfig(count=1, scheme="seeds"))
    changes = {"heads": "categorical", "head_dim": 8, "model_velocity": True, "model_pedal": True}
    block = ModelConfig.model_validate({**job.config.model_dump(), **changes})
    params = job.params.model_copy(update={"model": {"small": block}})
    model, history = train_fresh(replace(job, params=params, windows=plan.select(1)))
    assert history[-1]["pedal"] < history[0]["pedal"] < 2
    total = sum(history[-1][name] for name in ("pitch", "step", "duration"))
    assert history[-1]["bits_per_note"] == pytest.approx(total)
    assert model.weights["pedal/kernel"].shape == (8, 3)


@pytest.mark.slow
def test_same_seed_same_weights(either: TrainingJob) -> None:
    assert have_equal_weights(train_fresh(either)[0], train_fresh(either)[0])


@pytest.mark.slow
def test_the_longest_times_of_a_model_are_those_of_its_training_notes(job: TrainingJob) -> None:
    expected = measure_time_limits(job.windows.select_pieces("train"))
    assert train_fresh(job)[0].time_limits == expected


@pytest.mark.slow
def test_another_seed_gives_other_weights(job: TrainingJob) -> None:
    other = replace(job, params=job.params.model_copy(update={"seed": 4}))
    assert not have_equal_weights(train_fresh(job)[0], train_fresh(other)[0])


@pytest.mark.slow
def test_a_killed_run_goes_on_to_the_same_weights(
    either: TrainingJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, history = train_fresh(either)
    epoch = Trainer.train_epoch

    def killed(self: Trainer, number: int) -> float:
        if number == 2:
            raise KeyboardInterrupt
        return epoch(self, number)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "train_epoch", killed)
        with pytest.raises(KeyboardInterrupt):
            train_fresh(either)
    read: list[int] = []
    monkeypatch.setattr(
        Trainer, "train_epoch", lambda self, number: read.append(number) or epoch(self, number)
    )
    resumed, resumed_history = train_fresh(either)
    assert read == [2, 3]
    assert resumed_history == history
    assert have_equal_weights(whole, resumed)


@pytest.mark.slow
def test_a_finished_run_comes_back_from_its_checkpoint_without_training(
    either: TrainingJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    training.set_determinism(either.params.seed, 1)
    whole = training.train_model(either)

    def fail(self: Trainer, number: int) -> float:
        raise AssertionError(f"epoch {number} trained again")

    monkeypatch.setattr(Trainer, "train_epoch", fail)
    training.set_determinism(either.params.seed, 1)
    assert have_equal_weights(whole, training.train_model(either))


@pytest.mark.slow
def test_the_learning_curve_grows_while_it_trains_and_a_resumed_run_keeps_its_rows(
    job: TrainingJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader that opened the file before an epoch ended reads all rows until then, and no half of the next."""
    path = job.history_path
    assert path is not None
    epoch = Trainer.train_epoch
    readers: list[TextIO] = []

    def open_curve(self: Trainer, number: int) -> float:
        if path.exists():
            readers.append(path.open(encoding="utf-8"))
        return epoch(self, number)

    def kill_in_third_epoch(self: Trainer, number: int) -> float:
        loss = open_curve(self, number)
        if number == 2:
            raise KeyboardInterrupt
        return loss

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Trainer, "train_epoch", kill_in_third_epoch)
        train_fresh(job)
    path.unlink()  # as DVC does with outputs before it runs a stage again
    monkeypatch.setattr(Trainer, "train_epoch", open_curve)
    train_fresh(job)
    whole = path.read_text("utf-8")
    read = [reader.read() for reader in readers]
    for reader in readers:
        reader.close()
    assert [text.count("\n") - 1 for text in read] == [1, 2, 3]
    assert all(text.endswith("\n") and whole.startswith(text) for text in read)
    assert whole.count("\n") - 1 == job.params.train.epochs


def test_a_damaged_checkpoint_is_a_fresh_start(job: TrainingJob) -> None:
    trainer = Trainer(job)
    checkpoint.save_state(
        job.folder, checkpoint.TrainingState([{"epoch": 1}], 1), trainer.variables
    )
    file = job.folder / checkpoint.FILENAME
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(bytes(data))
    assert checkpoint.restore_state(job.folder, trainer.variables).history == []


@pytest.mark.slow
def test_patience_ends_training_and_the_best_epoch_is_kept(
    job: TrainingJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    bits = iter([5.0, 4.0, 6.0, 7.0])
    monkeypatch.setattr(training, "validate_model", lambda *_: {"bits_per_note": next(bits)})
    kept: list[list[np.ndarray]] = []
    epoch = Trainer.train_epoch

    def spied(self: Trainer, number: int) -> float:
        loss = epoch(self, number)
        kept.append(self.copy_weights())
        return loss

    monkeypatch.setattr(Trainer, "train_epoch", spied)
    impatient = job.params.model_copy(update={"train": make_budget(job.params, patience=1)})
    model, history = train_fresh(replace(job, params=impatient))
    assert len(history) == 3
    assert {w.tobytes() for w in model.weights.values()} == {w.tobytes() for w in kept[1]}


@pytest.mark.slow
def test_a_bidirectional_model_trained_on_all_notes_reads_its_targets(job: TrainingJob) -> None:
    """Why params refuse `loss_on: all` for a bidirectional block: the loss in training falls, that of held-out notes does not."""
    blocks = {
        name: job.config.model_copy(
            update={
                "input": "embedding",
                "embedding_dim": 32,
                "units": [32],
                "dropout": 0.0,
                "output_dropout": 0.0,
                "dense_units": 0,
                "loss_on": "all",
            }
            | ({"cell": "bilstm", "stateful": False} if name == "leaking" else {"stateful": True})
        )
        for name in ("honest", "leaking")
    }
    final_losses, held_out = {}, {}
    for name, block in blocks.items():
        train = make_budget(job.params, epochs=30, notes_per_epoch=1024)
        train = train.model_copy(
            update={"loss_weights": train.loss_weights.model_copy(update={"pitch": 1.0})}
        )
        params = job.params.model_copy(update={"model": {"small": block}, "train": train})
        trainer = Trainer(replace(job, params=params))
        losses = [trainer.train_epoch(number) for number in range(30)]
        final_losses[name] = losses[-1]
        held_out[name] = training.validate_model(trainer.job, trainer)["pitch"]
    assert final_losses["leaking"] < 0.6 * final_losses["honest"]
    assert held_out["leaking"] > held_out["honest"]
