"""An unfinished training on disk: it is read as it was written, or not at all."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from pipeline.training import checkpoint
from pipeline.training.checkpoint import TrainingState

HISTORY = [{"epoch": 1, "loss": 0.1 + 0.2}, {"epoch": 2, "loss": 1e-17}]


def make_variables(seed: int) -> list[tf.Variable]:
    """Make what a model and its optimizer hold: matrices, a vector, counters."""
    rng = np.random.default_rng(seed)
    floats = [rng.normal(0, 1, shape).astype(np.float32) for shape in ((3, 4), (4,), ())]
    return [tf.Variable(value) for value in (*floats, np.int64(seed))]


def copy_values(held: list[tf.Variable]) -> list[np.ndarray]:
    return [variable.numpy().copy() for variable in held]


def are_equal(one: list[np.ndarray], other: list[np.ndarray]) -> bool:
    return all(a.dtype == b.dtype and np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def save_training(folder: Path) -> tuple[Path, list[np.ndarray], TrainingState]:
    """Save a training that has run for two epochs, of which the first was the better."""
    held, best = make_variables(1), copy_values(make_variables(2))[:2]
    done = TrainingState([dict(row) for row in HISTORY], 1, best)
    checkpoint.save_state(folder, done, held)
    return folder / checkpoint.FILENAME, copy_values(held), done


def test_a_training_comes_back_as_it_was(tmp_path: Path) -> None:
    _, now, done = save_training(tmp_path / "a" / "b")
    other = make_variables(3)
    resumed = checkpoint.restore_state(tmp_path / "a" / "b", other)
    assert are_equal(copy_values(other), now)
    assert are_equal(resumed.best_weights, done.best_weights)
    assert (resumed.history, resumed.best_epoch) == (HISTORY, 1)


def test_more_than_ten_weights_come_back_in_order(tmp_path: Path) -> None:
    held, best = (
        [tf.Variable(float(k)) for k in range(23)],
        [np.float32(100 + k) for k in range(12)],
    )
    checkpoint.save_state(tmp_path, TrainingState(HISTORY, 2, best), held)
    other = [tf.Variable(0.0) for _ in range(23)]
    resumed = checkpoint.restore_state(tmp_path, other)
    assert [float(v) for v in other] == list(range(23))
    assert [float(v) for v in resumed.best_weights] == list(range(100, 112))


def test_a_later_epoch_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    save_training(tmp_path)
    checkpoint.save_state(tmp_path, TrainingState(HISTORY[:1], 1), make_variables(7))
    other = make_variables(3)
    assert checkpoint.restore_state(tmp_path, other) == TrainingState(HISTORY[:1], 1)
    assert are_equal(copy_values(other), copy_values(make_variables(7)))
    assert [path.name for path in tmp_path.iterdir()] == [checkpoint.FILENAME]


def test_equal_trainings_are_equal_bytes(tmp_path: Path) -> None:
    one, *_ = save_training(tmp_path / "one")
    other, *_ = save_training(tmp_path / "other")
    assert one.read_bytes() == other.read_bytes()


@pytest.mark.parametrize("made", [True, False])
def test_a_missing_checkpoint_is_a_fresh_start(tmp_path: Path, made: bool) -> None:
    folder = tmp_path if made else tmp_path / "never"
    held = make_variables(3)
    assert checkpoint.restore_state(folder, held) == TrainingState()
    assert are_equal(copy_values(held), copy_values(make_variables(3)))


def test_any_flipped_bit_is_a_fresh_start(tmp_path: Path) -> None:
    path, *_ = save_training(tmp_path)
    data, rng, held = path.read_bytes(), np.random.default_rng(0), make_variables(3)
    places = {0, 31, 32, len(data) - 1, *rng.integers(len(data), size=60).tolist()}
    for place in sorted(places):
        torn = bytearray(data)
        torn[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(bytes(torn))
        assert checkpoint.restore_state(tmp_path, held) == TrainingState(), place
    assert are_equal(copy_values(held), copy_values(make_variables(3)))
    path.write_bytes(data)
    assert checkpoint.restore_state(tmp_path, held).history == HISTORY


@pytest.mark.parametrize("kept", [0, 1, 31, 32, 33, 0.5, 0.99])
def test_a_torn_file_is_a_fresh_start(tmp_path: Path, kept: float) -> None:
    path, *_ = save_training(tmp_path)
    data = path.read_bytes()
    path.write_bytes(data[: kept if isinstance(kept, int) else int(len(data) * kept)])
    assert checkpoint.restore_state(tmp_path, make_variables(3)) == TrainingState()


def test_a_training_is_named_by_its_facts_in_any_order() -> None:
    name = checkpoint.compute_run_key({"seed": 1, "units": [3, 4]})
    assert name == checkpoint.compute_run_key({"units": [3, 4], "seed": 1})
    assert name != checkpoint.compute_run_key({"seed": 1, "units": [4, 3]})
    assert len(name) == 16


def test_another_program_is_another_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "PACKAGE", tmp_path)
    (tmp_path / "models" / "deep").mkdir(parents=True)
    names = {checkpoint.compute_run_key(1)}
    for text in ("a = 1", "a = 2"):
        (tmp_path / "models" / "deep" / "a.py").write_text(text)
        names.add(checkpoint.compute_run_key(1))
    assert len(names) == 3
