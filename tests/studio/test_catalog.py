"""A model is chosen by a name on the shelf, and by nothing else."""

from pathlib import Path

import pytest
from factories import make_tiny_model
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.errors import DataError
from pipeline.models import model_io
from pipeline.studio import catalog
from pipeline.studio.messages import ClientError


@pytest.fixture
def project(in_folder: Path) -> Path:
    model_io.save_model(make_tiny_model(stateful=True), in_folder / "models/mine")
    return in_folder


def test_trained_and_shipped_models_stand_side_by_side(project: Path) -> None:
    model_io.save_model(make_tiny_model(), project / "models/expressive")
    shelf = catalog.list_models()
    assert list(shelf) == ["expressive", "mine", "expressive (shipped)"]
    assert shelf["mine"].description.endswith("weights, remembers from the first note on")
    assert shelf["expressive"].description.endswith("weights, re-reads its last 6 notes")
    assert catalog.load_by_name("expressive")[1].architecture == "tiny"
    assert catalog.load_by_name("expressive (shipped)")[1].architecture == "expressive"


def test_the_name_alone_of_a_shipped_one_will_do(in_folder: Path) -> None:
    assert catalog.load_by_name("expressive")[0] == "expressive (shipped)"


@pytest.mark.parametrize(
    "name", ["../models/mine", "models/mine", "mine/", "./mine", "", "mine\0", "/etc/passwd"]
)
def test_a_path_is_no_name(project: Path, name: str) -> None:
    with pytest.raises(ClientError, match="no model of that name; there are mine, expressive"):
        catalog.load_by_name(name)


@settings(max_examples=25)
@given(name=st.text(max_size=30))
def test_no_other_name_is(name: str) -> None:
    if (
        name not in catalog.list_models()
        and name + catalog.BUNDLED_SUFFIX not in catalog.list_models()
    ):
        with pytest.raises(ClientError):
            catalog.load_by_name(name)


@pytest.mark.parametrize("text", ["{", "[" * 200_000, "[" * 60_000, '{"block": 3}'])
def test_a_damaged_card_is_told_of(project: Path, text: str) -> None:
    (project / "models/mine/model.json").write_text(text, encoding="utf-8")
    assert catalog.list_models()["mine"].description == "its card cannot be read"
    with pytest.raises(DataError, match="models/mine"):
        catalog.load_by_name("mine")
    assert catalog.load_by_name("expressive")[0] == "expressive (shipped)"
