"""Values of sections that do not go together are refused in one sentence, before anything runs."""

import pytest
from pydantic import ValidationError

from pipeline.config import Params
from pipeline.config.schema import IngestConfig


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
