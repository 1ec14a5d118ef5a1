"""The search of learning rates: its grid, its data and its runs."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from factories import make_quantized_notes

from pipeline.config import Params
from pipeline.core import files
from pipeline.core.errors import DataError
from pipeline.dataset.sharded_notes import ShardedNotes
from pipeline.dataset.windows import WindowDataset
from pipeline.experiments import tune
from pipeline.experiments.tune import TuneRun, TuneScore

LENGTHS = (60, 70, 80, 90, 100, 150, 50, 50)
SPLITS = ("train", "train", "train", "train", "train", "train", "validation", "test")
COMPOSITIONS = [f"work  {number // 2}" for number in range(len(LENGTHS))]
"""Two pieces of each work."""


def make_dataset() -> WindowDataset:
    pieces = [make_quantized_notes(seed, length) for seed, length in enumerate(LENGTHS)]
    ends = np.cumsum(LENGTHS)
    return WindowDataset(
        notes=ShardedNotes([np.concatenate(pieces)]),
        piece_ends=ends,
        splits=np.array(SPLITS),
        piece_names=np.array([f"piece {number}" for number in range(len(LENGTHS))]),
        compositions=np.array(COMPOSITIONS),
        sequence_length=10,
        stride=1,
        max_train_notes=0,
    )


@pytest.fixture
def inner() -> WindowDataset:
    return tune.split_training_pieces(make_dataset())


def shrink_project(project: Params) -> Params:
    """Return a project of two tiny architectures and a budget of seconds."""
    windowed = project.train.windowed.model_copy(update={"batch_size": 16})
    stateful = project.train.stateful.model_copy(
        update={"batch_size": 2, "bptt_length": 8, "segments_per_passage": 2}
    )
    train = project.train.model_copy(
        update={
            "epochs": 1,
            "notes_per_epoch": 64,
            "noise_fit_notes": 50,
            "max_validation_notes": 50,
            "windowed": windowed,
            "stateful": stateful,
        }
    )
    baseline = project.model["baseline"].model_copy(update={"units": [8], "learning_rate": 0.001})
    sizes = {"units": [8], "learning_rate": 0.008, "embedding_dim": 8, "head_dim": 8}
    gated = project.model["gated"].model_copy(update=sizes)
    model = {"baseline": baseline, "gated": gated}
    return project.model_copy(update={"architectures": list(model), "model": model, "train": train})


def test_every_architecture_has_the_same_grid(project: Params) -> None:
    runs = tune.list_grid_runs(project)
    for name in project.architectures:
        rates = [run.learning_rate for run in runs if run.architecture == name]
        assert rates == [0.0005, 0.001, 0.002, 0.004, 0.008, 0.016]
    assert {run.pitch_weight for run in runs} == {project.train.loss_weights.pitch} == {0.5}


def test_only_architectures_of_the_page_are_trained_as_it_says(project: Params) -> None:
    runs = tune.list_page_runs(project, ["baseline", "hybrid", "elsewhere"])
    assert runs == [
        TuneRun("baseline", 0.001, 0.05, is_of_page=True),
        TuneRun("hybrid", 0.001, 0.05, is_of_page=True),
    ]


def test_about_a_fifth_of_the_notes_is_held_out_short_and_long() -> None:
    sizes = np.random.default_rng(0).lognormal(8, 1, 300).astype(int) + 1
    num_notes = {f"work {number:03}": int(size) for number, size in enumerate(sizes)}
    held_out = tune.choose_held_out(num_notes)
    assert sum(num_notes[name] for name in held_out) / sizes.sum() == pytest.approx(0.2, abs=0.03)
    ratio = np.median([num_notes[name] for name in held_out]) / np.median(sizes)
    assert ratio == pytest.approx(1, abs=0.1)
    reordered = dict(reversed(num_notes.items()))
    assert tune.choose_held_out(reordered) == held_out


@pytest.mark.parametrize(("count", "num_held_out"), [(2, 1), (4, 1), (5, 1), (10, 2)])
def test_few_compositions_are_split_too(count: int, num_held_out: int) -> None:
    num_notes = {f"work {number}": 100 + number for number in range(count)}
    assert len(tune.choose_held_out(num_notes)) == num_held_out


def test_one_composition_cannot_be_split() -> None:
    with pytest.raises(DataError, match="1 training compositions, so none can be held out; add"):
        tune.choose_held_out({"only": 100})


def test_the_search_has_whole_training_compositions_only(inner: WindowDataset) -> None:
    assert list(inner.splits) == ["validation"] * 2 + ["train"] * 4 + ["unused"] * 2
    assert inner.locate_windows(np.array([0])) == LENGTHS[0] + LENGTHS[1]
    assert inner.num_windows == sum(LENGTHS[2:6]) - 4 * 10


def test_held_out_music_of_the_corpus_changes_nothing(inner: WindowDataset) -> None:
    dataset = make_dataset()
    (notes,) = dataset.notes.shards
    notes[sum(LENGTHS[:6]) :] += 1
    other = tune.split_training_pieces(dataset)
    assert tune.hash_dataset(other) == tune.hash_dataset(inner)
    notes[0] += 1
    other = tune.split_training_pieces(dataset)
    assert tune.hash_dataset(other) != tune.hash_dataset(inner)


def test_the_key_of_a_run_depends_on_all_that_decides_it(project: Params) -> None:
    run = TuneRun("baseline", 0.001, 0.5)
    dropout = project.model["baseline"].model_copy(update={"output_dropout": 0.1})
    shorter = project.train.model_copy(update={"epochs": 2})
    others = [
        tune.compute_run_key(project, replace(run, architecture="wide"), "a"),
        tune.compute_run_key(project, replace(run, learning_rate=0.002), "a"),
        tune.compute_run_key(project, replace(run, pitch_weight=0.05), "a"),
        tune.compute_run_key(project.model_copy(update={"seed": 1}), run, "a"),
        tune.compute_run_key(project.model_copy(update={"train": shorter}), run, "a"),
        tune.compute_run_key(project.model_copy(update={"model": {"baseline": dropout}}), run, "a"),
        tune.compute_run_key(project, run, "b"),
    ]
    key = tune.compute_run_key(project, run, "a")
    assert len({key, *others}) == 8
    current = project.model["baseline"].model_copy(update={"learning_rate": 0.3})
    changed = project.model_copy(update={"model": {"baseline": current}})
    assert tune.compute_run_key(changed, run, "a") == key


@pytest.mark.parametrize("text", ["", "{", "[]", '{"bits_per_note": 1}', None])
def test_a_torn_score_is_none(in_folder: Path, text: str | None) -> None:
    if text is not None:
        files.write_text(tune.get_kept_dir() / "key.json", text)
    assert tune.load_kept_score("key") is None


def test_finished_runs_are_kept_and_forgotten(
    in_folder: Path, project: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    score = TuneScore(17.0, 6.0, 5.0, 6.0)
    monkeypatch.setattr(tune, "load_training_pieces", lambda params: None)
    monkeypatch.setattr(tune, "train_run", lambda *arguments: score)
    runs = {"one": TuneRun("baseline", 0.001, 0.5), "two": TuneRun("baseline", 0.002, 0.5)}
    tune.run_all(runs, project, 1)
    assert tune.load_kept_score("one") == tune.load_kept_score("two") == score
    tune.remove_kept_scores()
    assert tune.load_kept_score("one") is None


@pytest.mark.slow
def test_the_rate_and_the_loss_weight_of_a_run_are_those_it_trains_with(
    in_folder: Path, project: Params, inner: WindowDataset
) -> None:
    params = shrink_project(project)
    scores = [
        tune.train_run(params, TuneRun("baseline", rate, weight), inner, "key")
        for rate, weight in ((0.001, 0.5), (0.1, 0.5), (0.001, 0.05), (0.001, 0.5))
    ]
    assert scores[0] == scores[3]
    assert len(set(scores)) == 3
    assert scores[0].bits_per_note == pytest.approx(
        scores[0].pitch + scores[0].step + scores[0].duration
    )
    assert json.dumps(scores[0].bits_per_note)
