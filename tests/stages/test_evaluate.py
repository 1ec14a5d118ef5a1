"""Stage evaluate."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from factories import ROOT, make_quantized_notes, make_tiny_model

from pipeline.core import files, paths, threads
from pipeline.dataset import windows
from pipeline.evaluation.results import Evaluation
from pipeline.models import model_io, scoring


def test_all_held_out_notes_but_the_first_are_scored(in_made: Path) -> None:
    for name in ("baseline", "bidirectional"):
        found = Evaluation.load(paths.get_evaluation_path(name))
        assert found.scores.num_notes.sum() == (170 - 1) + (190 - 1)
        assert set(found.scores.piece_names) == {"2.mid", "4.mid"}


def test_the_score_is_that_of_the_stored_model(in_made: Path) -> None:
    found = Evaluation.load(paths.get_evaluation_path("baseline")).scores.compute_bits_per_note()[
        "bits_per_note"
    ]
    pieces = windows.load_windows(paths.WINDOWS).select_pieces("validation")
    bits = scoring.score_pieces(model_io.load_model(paths.get_model_dir("baseline")), pieces, 1)
    expected = sum(each.sum() for each in bits) / sum(len(each) for each in bits)
    assert found == pytest.approx(expected, abs=1e-3)


def test_what_lies_behind_the_bits_is_of_the_same_notes(in_made: Path) -> None:
    for name in ("baseline", "bidirectional"):
        found, detail = (
            Evaluation.load(paths.get_evaluation_path(name)),
            json.loads(paths.get_calibration_path(name).read_text("utf-8")),
        )
        mean = found.scores.compute_bits_per_note()
        assert detail["notes"] == 358
        assert {head: its["bits"] for head, its in detail["heads"].items()} == {
            head: pytest.approx(mean[head], abs=1e-3) for head in ("pitch", "step", "duration")
        }
        heard, _, *bits = detail["context"][-1]
        # Of a window of 10 the last 10 count, and all but the first notes of a piece are told by as many.
        assert heard == 128 and sum(bits) == pytest.approx(mean["bits_per_note"], abs=1)


def write_project(folder: Path) -> None:
    """Write windows of two held-out pieces and a model whose products are large enough for BLAS to use threads."""
    notes = [make_quantized_notes(seed, 150) for seed in (1, 2)]
    dataset = windows.WindowDataset(
        np.concatenate(notes),
        np.array([150, 300]),
        np.array(["validation", "validation"]),
        np.array(["1.mid", "2.mid"]),
        np.zeros(0, np.int32),
        8,
    )
    windows.save_windows(dataset, folder / paths.WINDOWS)
    target = folder / paths.get_model_dir("tiny")
    model_io.save_model(make_tiny_model(8, units=[1000]), target)
    files.write_text(target / model_io.HISTORY, "epoch,notes,loss,bits_per_note\n1,1,1,1\n")
    shutil.copy(ROOT / paths.PARAMS, folder / paths.PARAMS)


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
