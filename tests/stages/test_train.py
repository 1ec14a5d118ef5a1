"""Stage train."""

import json
from pathlib import Path

import pytest

from pipeline.config import Params
from pipeline.core import paths
from pipeline.core.errors import ParamsError
from pipeline.models import model_io
from pipeline.stages import train


@pytest.mark.slow
def test_training_again_gives_equal_bytes(in_made: Path, small: Params) -> None:
    folder = paths.get_model_dir("baseline")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    train.run(small.restrict_to(train.PARAM_SECTIONS), "baseline")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_the_card_says_where_the_model_comes_from(in_made: Path, small: Params) -> None:
    origin = model_io.load_model(paths.get_model_dir("bidirectional")).provenance
    assert (origin["seed"], origin["sustain_pedal"]) == (small.seed, small.ingest.sustain_pedal)
    assert origin["train"] == small.train.model_dump()
    assert len(str(origin["windows_sha256"])) == 64
    assert "time" not in json.dumps(origin)


def test_the_curve_has_a_row_an_epoch(in_made: Path) -> None:
    assert [row["notes"] for row in model_io.load_history(paths.get_model_dir("baseline"))] == [
        128,
        256,
    ]


def test_an_unknown_architecture_is_one_clear_line(in_made: Path, small: Params) -> None:
    with pytest.raises(
        ParamsError, match=r"no architecture 'transformer'.*baseline, bidirectional"
    ):
        train.run(small.restrict_to(train.PARAM_SECTIONS), "transformer")
