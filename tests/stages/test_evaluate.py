"""Stage evaluate."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from factories import ROOT, make_quantized_notes, make_tiny_model, make_window_dataset
from ruamel.yaml import YAML

from pipeline.config import Params
from pipeline.core import files, parallel, paths, threads
from pipeline.dataset import replicates, windows
from pipeline.evaluation import performance_events
from pipeline.evaluation.results import Evaluation
from pipeline.models import model_io, scoring
from pipeline.models.model_io import TrainedModel
from pipeline.stages import evaluate
from pipeline.stages import windows as windows_stage

FOLDS = {1: [4], 2: [0, 3], 3: [1, 2]}
"""Pieces that each replicate holds out."""


def test_all_held_out_notes_but_the_first_are_scored(in_made: Path) -> None:
    for name in ("baseline", "bidirectional"):
        scores = Evaluation.load(paths.get_evaluation_path(name)).scores
        assert [row[:4] for row in scores.to_rows()] == [
            [replicate, f"piece {number}", f"{number}.mid", 150 + 10 * number - 1]
            for replicate, numbers in FOLDS.items()
            for number in numbers
        ]


@pytest.mark.parametrize("replicate", FOLDS)
def test_each_fold_is_scored_by_the_stored_replicate_that_did_not_train_on_it(
    in_made: Path, small: Params, replicate: int
) -> None:
    scores = Evaluation.load(paths.get_evaluation_path("baseline")).scores
    plan = replicates.make_plan(windows.load_windows(paths.WINDOWS), small.replicates)
    pieces = plan.select(replicate).select_pieces("test")
    model = model_io.load_model(paths.get_replicate_dir("baseline", replicate))
    expected = np.stack([bits.sum(axis=0) for bits in scoring.score_pieces(model, pieces, 1)])
    assert scores.select_replicate(replicate).bits == pytest.approx(expected, rel=1e-4)


def test_curves_are_of_all_replicates(in_made: Path) -> None:
    histories = Evaluation.load(paths.get_evaluation_path("baseline")).histories
    assert [[row["epoch"] for row in history] for history in histories] == [[1, 2]] * 3
    assert histories[0] != histories[1]


def test_every_seed_scores_the_split_that_decides(
    in_ingested: Path, small_seeds: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parallel, "count_cores", lambda: 1)
    windows_stage.run(small_seeds.restrict_to(windows_stage.PARAM_SECTIONS))
    models = {replicate: make_tiny_model(10, seed=replicate) for replicate in (1, 2)}
    for replicate, model in models.items():
        save_model(model, paths.get_replicate_dir("tiny", replicate))
    evaluate.run(small_seeds.restrict_to(evaluate.PARAM_SECTIONS), "tiny")
    scores = Evaluation.load(paths.get_evaluation_path("tiny")).scores
    pieces = windows.load_windows(paths.WINDOWS).select_pieces("validation")
    events = performance_events.collect_event_stats(pieces)
    both = performance_events.sum_event_stats([events, events])
    assert Evaluation.load(paths.get_evaluation_path("tiny")).events == both
    for replicate, model in models.items():
        own = scores.select_replicate(replicate)
        assert own.piece_names.tolist() == ["2.mid", "4.mid"]
        expected = np.stack([bits.sum(axis=0) for bits in scoring.score_pieces(model, pieces, 1)])
        assert own.bits == pytest.approx(expected, rel=1e-4)


def test_calibration_is_of_the_notes_that_were_scored(in_made: Path) -> None:
    for name in ("baseline", "bidirectional"):
        evaluation, detail = (
            Evaluation.load(paths.get_evaluation_path(name)),
            json.loads(paths.get_calibration_path(name).read_text("utf-8")),
        )
        mean = evaluation.scores.compute_bits_per_note()
        assert detail["notes"] == 850 - 5
        assert {head: entry["bits"] for head, entry in detail["heads"].items()} == {
            head: pytest.approx(mean[head], abs=1e-3) for head in ("pitch", "step", "duration")
        }
        heard, _, *bits = detail["context"][-1]
        # Of a window of 10 the last 10 count, and all but the first notes of a piece are told by as many.
        assert heard == 128 and sum(bits) == pytest.approx(mean["bits_per_note"], abs=1)


def write_project(folder: Path) -> None:
    """Write windows of two held-out pieces and a model whose products are large enough for BLAS to use threads."""
    notes = [make_quantized_notes(seed, 150) for seed in (1, 2)]
    dataset = make_window_dataset(notes, ["validation", "validation"], sequence_length=8)
    windows.save_windows(dataset, folder / paths.WINDOWS)
    save_model(make_tiny_model(8, units=[1000]), folder / paths.get_model_dir("tiny"))
    yaml = YAML()
    tree = yaml.load((ROOT / paths.PARAMS).read_text("utf-8"))
    tree["replicates"]["count"] = 1
    yaml.dump(tree, folder / paths.PARAMS)


def save_model(model: TrainedModel, folder: Path) -> None:
    """Write a model and a learning curve."""
    model_io.save_model(model, folder)
    files.write_text(folder / model_io.HISTORY, "epoch,notes,loss,bits_per_note\n1,1,1,1\n")


@pytest.mark.slow
@pytest.mark.parametrize("count", ["", "1", "2"])
def test_threads_of_blas_in_the_environment_change_no_byte(in_folder: Path, count: str) -> None:
    """With 2 threads the sums of a product are added in another order, and its last bits differ."""
    write_project(in_folder)
    outputs = []
    for threads_asked in ("1", count):
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        for variable in threads.VARIABLES:
            environment.pop(variable, None)
            if threads_asked:
                environment[variable] = threads_asked
        command = [sys.executable, "-m", "pipeline.stages.evaluate", "tiny"]
        subprocess.run(command, env=environment, check=True, capture_output=True)
        results = (paths.get_evaluation_path("tiny"), paths.get_calibration_path("tiny"))
        outputs.append([path.read_bytes() for path in results])
    assert outputs[0] == outputs[1]
