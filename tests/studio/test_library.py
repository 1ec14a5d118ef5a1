"""A model is chosen by a name on the shelf, and by nothing else."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inference.test_streaming import tiny

from pipeline.errors import DataError
from pipeline.inference import storage
from pipeline.studio import library
from pipeline.studio.wishes import WishError


@pytest.fixture
def project(in_folder: Path) -> Path:
    storage.save(tiny(memory="carried"), in_folder / "models/mine")
    return in_folder


def test_trained_and_shipped_models_stand_side_by_side(project: Path) -> None:
    storage.save(tiny(), project / "models/expressive")
    shelf = library.shelf()
    assert list(shelf) == ["expressive", "mine", "expressive (shipped)"]
    assert shelf["mine"].about.endswith("weights, remembers from the first note on")
    assert shelf["expressive"].about.endswith("weights, re-reads its last 6 notes")
    assert library.choose("expressive")[1].architecture == "tiny"
    assert library.choose("expressive (shipped)")[1].architecture == "expressive"


def test_the_name_alone_of_a_shipped_one_will_do(in_folder: Path) -> None:
    assert library.choose("expressive")[0] == "expressive (shipped)"


@pytest.mark.parametrize("name", ["../models/mine", "models/mine", "mine/", "./mine", "", "mine\0", "/etc/passwd"])
def test_a_path_is_no_name(project: Path, name: str) -> None:
    with pytest.raises(WishError, match="no model of that name; there are mine, expressive"):
        library.choose(name)


@settings(max_examples=25)
@given(name=st.text(max_size=30))
def test_no_other_name_is(name: str) -> None:
    if name not in library.shelf() and name + library.FROM_PACKAGE not in library.shelf():
        with pytest.raises(WishError):
            library.choose(name)


@pytest.mark.parametrize("text", ["{", "[" * 200_000, "[" * 60_000, '{"block": 3}'])
def test_a_damaged_card_is_told_of(project: Path, text: str) -> None:
    (project / "models/mine/model.json").write_text(text, encoding="utf-8")
    assert library.shelf()["mine"].about == "its card cannot be read"
    with pytest.raises(DataError, match="models/mine"):
        library.choose("mine")
    assert library.choose("expressive")[0] == "expressive (shipped)"
