"""Stage sample_metrics."""

import json
from pathlib import Path

import numpy as np
import pytest

from pipeline.config import Params
from pipeline.core import paths
from pipeline.dataset import replicates
from pipeline.generation import engine
from pipeline.generation.sampling import Sampler
from pipeline.models import model_io
from pipeline.sample_metrics import features as measures
from pipeline.sample_metrics.features import TrainingReference
from pipeline.stages import sample_metrics


def test_both_architectures_are_held_against_the_same_music(in_made: Path, small: Params) -> None:
    one, other = (
        json.loads(paths.get_sample_metrics_path(name).read_text("utf-8"))
        for name in ("baseline", "bidirectional")
    )
    # Passages are 0 to 40, 40 to 80, 80 to 120 and 120 to 160 of the piece that the first replicate holds out.
    assert (one["samples"], one["notes"], one["passages"]) == (2, 40, 4)
    assert {k: v["held_out"] for k, v in one["measures"].items()} == {
        k: v["held_out"] for k, v in other["measures"].items()
    }
    assert one["histograms"]["pitches"]["samples"] != other["histograms"]["pitches"]["samples"]


def test_what_is_measured_is_what_the_model_plays(in_made: Path, small: Params) -> None:
    split = small.compare.split
    data = replicates.load_first_replicate(paths.WINDOWS, small.replicates, split)
    model = model_io.load_model(paths.get_model_dir("baseline"))
    training = TrainingReference.from_pieces(data.dataset.select_pieces("train"))
    (piece,) = data.select_pieces()
    # Samples begin as the first and the third of four passages.
    found = []
    for number, prompt in enumerate((piece[:8], piece[80:88]), 1):
        sampler = Sampler(np.random.default_rng([small.seed, number]), small.generate.sampling)
        sampler.observe(prompt)
        notes = engine.generate_notes(model, prompt, 40, sampler)
        found.append(measures.compute_sample_features(notes, training))
    shown = json.loads(paths.get_sample_metrics_path("baseline").read_text("utf-8"))["measures"]
    for name in ("density", "pitch_1", "polyphony", "step_distance"):
        values = [each[name] for each in found]
        assert shown[name]["samples"] == pytest.approx(
            [np.mean(values), min(values), max(values)], rel=1e-4
        )


def test_equal_seeds_give_equal_bytes(in_made: Path, small: Params) -> None:
    path = paths.get_sample_metrics_path("baseline")
    before = path.read_bytes()
    sample_metrics.run(small.restrict_to(sample_metrics.PARAM_SECTIONS), "baseline")
    assert path.read_bytes() == before


def test_samples_are_as_long_as_the_longest_piece_where_it_is_short(
    in_made: Path, small: Params, capsys: pytest.CaptureFixture[str]
) -> None:
    path = paths.get_sample_metrics_path("baseline")
    before = path.read_bytes()
    longer = small.sample_metrics.model_copy(update={"num_notes": 5000, "num_samples": 3})
    sample_metrics.run(
        small.model_copy(update={"sample_metrics": longer}).restrict_to(
            sample_metrics.PARAM_SECTIONS
        ),
        "baseline",
    )
    found = json.loads(path.read_text("utf-8"))
    path.write_bytes(before)
    assert (found["samples"], found["notes"], found["passages"]) == (3, 190, 1)
    assert "no held-out piece has 5,000 notes, so samples have 190 too" in capsys.readouterr().err


def test_where_no_held_out_piece_can_be_measured_the_file_is_an_empty_table(
    made_short: Path,
) -> None:
    for name in ("baseline", "bidirectional"):
        assert json.loads((made_short / paths.get_sample_metrics_path(name)).read_text()) == {}
