"""Stage sample_metrics."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pipeline.config import Params
from pipeline.core import paths
from pipeline.dataset import replicates
from pipeline.generation import engine
from pipeline.generation.sampling import Sampler
from pipeline.models import model_io
from pipeline.sample_metrics import features
from pipeline.sample_metrics.features import TrainingReference
from pipeline.stages import sample_metrics

ARCHITECTURE = "baseline"


def make_models(make_untrained: Callable[..., Params], **changes: int) -> Params:
    """Make untrained models, and return the parameters of the stage."""
    changes = {"num_samples": 4, "num_notes": 40} | changes
    params = make_untrained(ARCHITECTURE, "seeds", sample_metrics=changes)
    return params.restrict_to(sample_metrics.PARAM_SECTIONS)


def run_stage(params: Params, architecture: str = ARCHITECTURE) -> dict[str, Any]:
    """Run the stage, and return what it wrote."""
    sample_metrics.run(params, architecture)
    path = paths.get_sample_metrics_path(architecture)
    return dict(json.loads(path.read_text("utf-8")))


def test_both_architectures_are_held_against_the_same_music(
    make_untrained: Callable[..., Params],
) -> None:
    params = make_models(make_untrained)
    other_model = model_io.load_model(paths.get_replicate_dir(ARCHITECTURE, 2))
    model_io.save_model(other_model, paths.get_model_dir("other"))
    one, other = (run_stage(params, name) for name in (ARCHITECTURE, "other"))
    # Pieces of 170 and 190 notes.
    assert (one["samples"], one["notes"], one["passages"]) == (4, 40, 8)
    for name, values in one["measures"].items():
        assert values["held_out"] == other["measures"][name]["held_out"]
    assert one["histograms"]["pitches"]["samples"] != other["histograms"]["pitches"]["samples"]


def test_samples_begin_at_even_spacing_in_all_held_out_pieces(
    make_untrained: Callable[..., Params],
) -> None:
    params = make_models(make_untrained)
    held_out = replicates.load_first_replicate(paths.WINDOWS, params.replicates, "validation")
    first, second = held_out.select_pieces()
    places = [first[:8], first[85:93], second[:8], second[95:103]]
    model = model_io.load_model(paths.get_model_dir(ARCHITECTURE))
    passages = []
    for number, prompt in enumerate(places, 1):
        sampler = Sampler(np.random.default_rng([params.seed, number]), params.generate.sampling)
        passages.append(engine.generate_notes(model, prompt, 40, sampler))
    training = TrainingReference.from_pieces(held_out.dataset.select_pieces("train"), passages)
    rows = features.compute_sample_features(passages, training)
    measures = run_stage(params)["measures"]
    for name in ("density", "pitch_1", "polyphony", "step_distance"):
        values = [row[name] for row in rows]
        expected = [np.mean(values), min(values), max(values)]
        assert measures[name]["samples"] == pytest.approx(expected, rel=1e-4)


def test_samples_are_held_against_what_follows_their_prompts(
    make_untrained: Callable[..., Params],
) -> None:
    """Pieces of 170 and 190 notes have room for 8 and 40 notes after each prompt; 40 more from note 85 or 95 on do not fit."""
    params = make_models(make_untrained)
    continuations = run_stage(params)["continuations"]
    numbers = [
        continuations[key] for key in ("prompts", "notes", "compositions", "prompts_with_next")
    ]
    assert numbers == [4, 40, 2, 3]
    held_out = replicates.load_first_replicate(paths.WINDOWS, params.replicates, "validation")
    first, second = held_out.select_pieces()
    real = [first[8:48], first[93:133], second[8:48], second[103:143]]
    density = float(np.mean([features.compute_density(notes) for notes in real]))
    assert continuations["measures"]["density"]["real"] == pytest.approx(density, rel=1e-3)


def test_prompts_that_nothing_follows_are_not_compared(
    make_untrained: Callable[..., Params],
) -> None:
    """A sample has 190 notes where the longest piece has as many, so that no piece goes on after its prompt."""
    assert "continuations" not in run_stage(make_models(make_untrained, num_notes=5000))


def test_no_two_samples_have_one_prompt(
    make_untrained: Callable[..., Params], monkeypatch: pytest.MonkeyPatch
) -> None:
    prompts: list[bytes] = []
    params = make_models(make_untrained, num_samples=30)

    def keep(model: object, given: list[Any], num_notes: int, samplers: list[Any]) -> list[Any]:
        prompts.extend(prompt.tobytes() for prompt in given)
        return [np.array(given[0].repeat(5, axis=0)) for _ in given]

    monkeypatch.setattr(sample_metrics.side_by_side, "continue_prompts", keep)
    run_stage(params)
    assert len(set(prompts)) == len(prompts) == 30


def test_where_pieces_have_no_room_there_are_fewer_samples(
    make_untrained: Callable[..., Params], capsys: pytest.CaptureFixture[str]
) -> None:
    result = run_stage(make_models(make_untrained, num_samples=99))
    # 21 prompts of 8 notes in a piece of 170, and 23 in one of 190.
    assert result["samples"] == 44
    assert "44 samples instead of 99" in capsys.readouterr().err


def test_every_measure_has_a_verdict(make_untrained: Callable[..., Params]) -> None:
    measures = run_stage(make_models(make_untrained))["measures"]
    for values in measures.values():
        mean, (_, low, high) = values["samples"][0], values["held_out"]
        expected = "below" if mean < low else "above" if mean > high else "within"
        assert values["verdict"] == expected
    assert len({values["verdict"] for values in measures.values()}) > 1


def test_equal_seeds_give_equal_bytes(make_untrained: Callable[..., Params]) -> None:
    params = make_models(make_untrained)
    run_stage(params)
    before = paths.get_sample_metrics_path(ARCHITECTURE).read_bytes()
    run_stage(params)
    assert paths.get_sample_metrics_path(ARCHITECTURE).read_bytes() == before


def test_samples_are_as_long_as_the_longest_piece_where_it_is_short(
    make_untrained: Callable[..., Params], capsys: pytest.CaptureFixture[str]
) -> None:
    result = run_stage(make_models(make_untrained, num_notes=5000))
    assert (result["samples"], result["notes"], result["passages"]) == (4, 190, 1)
    assert result["measures"]["density"]["verdict"] == "unknown"
    shown = capsys.readouterr().err
    assert "no held-out piece has 5,000 notes, so samples have 190 too" in shown
    assert "1 held-out pieces are shorter than 190 notes" in shown


@pytest.mark.slow
def test_where_no_held_out_piece_can_be_measured_the_file_is_an_empty_table(
    make_untrained: Callable[..., Params], capsys: pytest.CaptureFixture[str]
) -> None:
    params = make_untrained(ARCHITECTURE, "seeds", num_notes=(150, 160, 5, 180, 5))
    assert run_stage(params.restrict_to(sample_metrics.PARAM_SECTIONS)) == {}
    assert "not measured: the split validation has fewer than two" in capsys.readouterr().err
