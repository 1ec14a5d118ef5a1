"""Stage two_sample."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pipeline.config import Params
from pipeline.core import parallel, paths
from pipeline.dataset import replicates, windows
from pipeline.stages import two_sample

ARCHITECTURE = "baseline"


@pytest.fixture(autouse=True)
def one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the stage work in this process."""
    monkeypatch.setattr(parallel, "count_cores", lambda: 1)


def make_models(
    make_untrained: Callable[..., Params], scheme: str = "cross_validation", **changes: int
) -> Params:
    """Make untrained replicates, and return the parameters of the stage."""
    changes = {"num_prompts": 9, "num_notes": 30} | changes
    params = make_untrained(ARCHITECTURE, scheme, two_sample=changes)
    return params.restrict_to(two_sample.PARAM_SECTIONS)


def choose_prompts(params: Params) -> list[two_sample.Prompt]:
    plan = replicates.make_plan(windows.load_windows(paths.WINDOWS), params.replicates)
    return two_sample._choose_prompts(plan, params)


def read_result() -> dict[str, Any]:
    return dict(json.loads(paths.get_two_sample_path(ARCHITECTURE).read_text("utf-8")))


def test_a_prompt_is_continued_by_a_replicate_that_did_not_train_on_its_piece(
    make_untrained: Callable[..., Params],
) -> None:
    params = make_models(make_untrained)
    prompts = choose_prompts(params)
    plan = replicates.make_plan(windows.load_windows(paths.WINDOWS), params.replicates)
    assert {prompt.replicate for prompt in prompts} == {1, 2, 3}
    for prompt in prompts:
        data = plan.select(prompt.replicate)
        assert prompt.composition in data.select_compositions("test")
        assert prompt.composition not in data.select_compositions("train")
        assert len(prompt.notes) == 8 + 2 * 30
    assert {prompt.composition for prompt in prompts} == set(plan.dataset.compositions)


def test_where_replicates_hold_out_the_same_pieces_they_take_turns(
    make_untrained: Callable[..., Params],
) -> None:
    prompts = choose_prompts(make_models(make_untrained, "seeds"))
    assert [prompt.replicate for prompt in prompts] == [1, 2, 3, 1]
    assert {prompt.composition for prompt in prompts} == {"piece 2", "piece 4"}


def test_the_result_says_how_many_prompts_there_were(
    make_untrained: Callable[..., Params], capsys: pytest.CaptureFixture[str]
) -> None:
    two_sample.run(make_models(make_untrained), ARCHITECTURE)
    result = read_result()
    assert (result["requested_prompts"], result["prompts"], result["compositions"]) == (9, 9, 5)
    assert result["notes"] == 30
    assert result["generated"]["low"] <= result["generated"]["auc"] <= result["generated"]["high"]
    assert len(result["features"]) == 3
    shown = capsys.readouterr().err
    assert "instead of" not in shown
    assert "two_sample baseline: 9 prompts of 5 compositions, AUC " in shown


def test_fewer_prompts_than_requested_are_reported(
    make_untrained: Callable[..., Params], capsys: pytest.CaptureFixture[str]
) -> None:
    two_sample.run(make_models(make_untrained, num_prompts=50), ARCHITECTURE)
    result = read_result()
    # Each of 5 pieces of 150 to 190 notes has room for two prompts of 68 notes.
    assert (result["requested_prompts"], result["prompts"]) == (50, 10)
    assert "10 prompts instead of 50: held-out pieces have no room" in capsys.readouterr().err


def test_pieces_that_are_too_short_give_an_empty_table(
    make_untrained: Callable[..., Params], capsys: pytest.CaptureFixture[str]
) -> None:
    two_sample.run(make_models(make_untrained, num_notes=90), ARCHITECTURE)
    assert read_result() == {}
    message = "1 held-out compositions have a piece of 188 notes, and 2 are needed; hold out more"
    assert message in capsys.readouterr().err


@pytest.mark.slow
def test_any_number_of_processes_gives_equal_bytes(
    make_untrained: Callable[..., Params], monkeypatch: pytest.MonkeyPatch
) -> None:
    params = make_models(make_untrained)
    two_sample.run(params, ARCHITECTURE)
    before = paths.get_two_sample_path(ARCHITECTURE).read_bytes()
    monkeypatch.setattr(parallel, "count_cores", lambda: 2)
    two_sample.run(params, ARCHITECTURE)
    assert paths.get_two_sample_path(ARCHITECTURE).read_bytes() == before


def test_what_follows_a_prompt_depends_on_its_number_and_the_seed_alone(
    make_untrained: Callable[..., Params],
) -> None:
    params = make_models(make_untrained, "seeds", num_prompts=4)
    prompts = choose_prompts(params)
    first, fourth = prompts[0], prompts[3]
    assert first.replicate == fourth.replicate == 1
    both = two_sample._continue_group(params, ARCHITECTURE, [first, fourth])
    (alone,) = two_sample._continue_group(params, ARCHITECTURE, [fourth])
    assert np.array_equal(both[1], alone)
    assert not np.array_equal(both[0], both[1])
    other = params.model_copy(update={"seed": params.seed + 1})
    (reseeded,) = two_sample._continue_group(other, ARCHITECTURE, [fourth])
    assert not np.array_equal(alone, reseeded)


def test_each_replicate_plays_with_its_own_weights(make_untrained: Callable[..., Params]) -> None:
    params = make_models(make_untrained, "seeds", num_prompts=2)
    first, second = choose_prompts(params)
    (played,) = two_sample._continue_group(params, ARCHITECTURE, [first])
    same_place = two_sample.Prompt(first.number, second.replicate, "", first.notes)
    (by_other,) = two_sample._continue_group(params, ARCHITECTURE, [same_place])
    assert not np.array_equal(played, by_other)
