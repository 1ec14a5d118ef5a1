"""Recipes that make no sense are refused in one clear sentence, before anything runs."""

import pytest
from pydantic import ValidationError

from pipeline.config import Params
from pipeline.config.schema import IngestConfig, ModelConfig


@pytest.mark.parametrize(
    ("name", "changes", "why"),
    [
        ("bidirectional", {"loss_on": "all"}, "its backward half has read the targets"),
        ("bidirectional", {"stateful": True}, "no state to carry"),
        ("baseline", {"dropout": 0.1}, "two layers in units"),
        ("baseline", {"embedding_dim": 8}, "embedding_dim belongs to input: embedding"),
        ("baseline", {"heads": "mixture"}, "head_dim is 0 with heads: regression"),
        ("baseline", {"model_velocity": True}, "have no distribution of velocity"),
        ("expressive", {"embedding_dim": 0}, "embedding_dim belongs to input: embedding"),
        ("gated", {"input": "scalar", "embedding_dim": 0}, "needs input: embedding"),
        ("expressive", {"input": "scalar", "embedding_dim": 0}, "needs input: embedding"),
        ("expressive", {"units": [100]}, "32"),
    ],
)
def test_a_wrong_block_is_refused_with_the_reason(
    project: Params, name: str, changes: dict, why: str
) -> None:
    block = project.model[name].model_dump()
    assert ModelConfig.model_validate(block) == project.model[name]
    with pytest.raises(ValidationError) as error:
        ModelConfig.model_validate({**block, **changes})
    assert why in str(error.value)


def test_an_epoch_that_holds_no_step_is_refused(project: Params) -> None:
    with pytest.raises(ValidationError, match="less than one round of batches"):
        type(project.train).model_validate({**project.train.model_dump(), "notes_per_epoch": 32})


@pytest.mark.parametrize(
    "instruments",
    ["drums", [], ["channel 10"], ["channel 17"], ["program 128"], ["track "], "track a"],
)
def test_a_wrong_choice_of_instruments_names_the_value(instruments: object) -> None:
    tree = {"reader": "symusic", "sustain_pedal": False, "instruments": instruments}
    with pytest.raises(ValidationError, match=r"instruments has .* use all, piano, or a list"):
        IngestConfig.model_validate(tree)


@pytest.mark.parametrize(
    "instruments", ["all", "piano", ["channel 1", "channel 16", "program 127", "track Right hand"]]
)
def test_a_choice_of_instruments_is_read(instruments: object) -> None:
    tree = {"reader": "symusic", "sustain_pedal": False, "instruments": instruments}
    assert IngestConfig.model_validate(tree).instruments == instruments
