"""The step of several workers: that of one worker, whose rows and weights are shared out."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Barrier, Lock
from typing import Any

import numpy as np
import pytest
from factories import make_quantized_notes, make_window_dataset

from pipeline.config import Params
from pipeline.config.schema import ReplicatesConfig
from pipeline.dataset import replicates
from pipeline.training import trainer as training
from pipeline.training.trainer import Trainer, TrainingJob
from pipeline.training.workers import ALONE, Workers

SMALL = {
    "hybrid": {"units": [12, 8], "dense_units": 8, "learning_rate": 0.01},
    "bidirectional": {"units": [8], "learning_rate": 0.01},
    "gated": {"units": [8, 8], "embedding_dim": 8, "head_dim": 8},
    "expressive": {"units": [32, 32], "embedding_dim": 8, "head_dim": 8, "recall": True},
}


class Turns:
    """What the workers in the threads of one process share; one computes at a time, as TensorFlow compiles in one."""

    def __init__(self, count: int) -> None:
        self.barrier = Barrier(count)
        self.lock = Lock()
        self.arrays: dict[int, Any] = {}

    def wait(self) -> None:
        """Wait for all, and let others compute meanwhile."""
        self.lock.release()
        try:
            self.barrier.wait(600)
        finally:
            self.lock.acquire()


@dataclass(frozen=True)
class ThreadWorkers(Workers):
    """Workers in the threads of one process."""

    turns: Turns = field(default_factory=lambda: Turns(1))

    def sum_arrays(self, array: Any) -> Any:
        self.turns.arrays[self.rank] = array
        self.turns.wait()
        total = sum(self.turns.arrays[rank] for rank in range(self.count))
        self.turns.wait()
        return total


def make_workers(count: int) -> list[ThreadWorkers]:
    turns = Turns(count)
    return [ThreadWorkers(rank, count, turns=turns) for rank in range(count)]


def make_job(project: Params, architecture: str, batch_size: int) -> TrainingJob:
    """Return a job of one epoch on made-up music; its last batch of windows is one of two rows."""
    pieces = [make_quantized_notes(seed, 200) for seed in range(3)]
    corpus = make_window_dataset(pieces, ["train", "train", "validation"])
    plan = replicates.make_plan(corpus, ReplicatesConfig(count=1, scheme="seeds"))
    stateful = {"batch_size": batch_size, "bptt_length": 16, "segments_per_passage": 2}
    train = project.train.model_copy(
        update={
            "notes_per_epoch": 258,
            "windowed": project.train.windowed.model_copy(update={"batch_size": 32}),
            "stateful": project.train.stateful.model_copy(update=stateful),
        }
    )
    config = project.model[architecture].model_copy(update=SMALL[architecture])
    params = project.model_copy(update={"model": {"small": config}, "train": train, "seed": 3})
    return TrainingJob("small", params, plan.select(1), Path("unused"))


def make_trainer(job: TrainingJob, workers: Workers) -> Trainer:
    training.set_determinism(job.params.seed, 1)
    return Trainer(replace(job, workers=workers))


def train_epoch(trainers: Sequence[Trainer]) -> list[float]:
    """Train all at once; return the loss of each."""

    def train(trainer: Trainer) -> float:
        assert isinstance(trainer.job.workers, ThreadWorkers)
        with trainer.job.workers.turns.lock:
            return trainer.train_epoch(0)

    with ThreadPoolExecutor(len(trainers)) as pool:
        return list(pool.map(train, trainers))


@pytest.mark.slow
@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("architecture", list(SMALL))
def test_several_workers_train_as_one(project: Params, architecture: str, count: int) -> None:
    """Of windows the last batch has two rows, so that the last of three workers has none."""
    job = make_job(project, architecture, batch_size=4)
    alone = make_trainer(job, ALONE)
    trainers = [make_trainer(job, workers) for workers in make_workers(count)]
    start = alone.copy_weights()
    loss = alone.train_epoch(0)
    assert train_epoch(trainers) == pytest.approx([loss] * count, rel=1e-5)
    expected = alone.copy_weights()
    assert not np.allclose(expected[0], start[0], rtol=1e-3)
    for trainer in trainers:
        for weight, other in zip(trainer.copy_weights(), expected, strict=True):
            np.testing.assert_allclose(weight, other, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_all_workers_have_equal_weights(project: Params) -> None:
    job = make_job(project, "gated", batch_size=4)
    trainers = [make_trainer(job, workers) for workers in make_workers(3)]
    losses = train_epoch(trainers)
    assert losses[0] == losses[1] == losses[2]
    for trainer in trainers[1:]:
        pairs = zip(trainers[0].copy_weights(), trainer.copy_weights(), strict=True)
        assert all(np.array_equal(weight, other) for weight, other in pairs)
