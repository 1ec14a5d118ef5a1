"""A model is chosen by a name on the shelf, and by nothing else."""

import contextlib
from dataclasses import replace
from pathlib import Path

import pytest
from factories import make_tiny_model
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core import paths
from pipeline.core.errors import DataError
from pipeline.models import model_io
from pipeline.studio import catalog
from pipeline.studio.messages import ClientError


@pytest.fixture(scope="module")
def empty_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder without models; the checkout has those that a run trained."""
    return tmp_path_factory.mktemp("empty")


@pytest.fixture
def project(in_folder: Path) -> Path:
    model_io.save_model(make_tiny_model(stateful=True), in_folder / "models/mine")
    return in_folder


def test_bundled_and_trained_models_stand_side_by_side(project: Path) -> None:
    model_io.save_model(make_tiny_model(), project / "models/expressive")
    models = catalog.list_models()
    assert list(models) == ["maestro", "expressive", "mine"]
    assert models["maestro"].description == (
        "10.277 bits per note on maestro-v3, 713,445 weights, "
        "remembers all music since the first note"
    )
    assert models["maestro"].label == "maestro: 10.28 bits, maestro-v3"
    assert models["mine"].description.endswith("weights, remembers all music since the first note")
    assert models["mine"].label == "mine"
    assert models["expressive"].description.endswith("weights, remembers the last 6 notes: a motif")
    assert catalog.load_by_name("expressive")[1].architecture == "tiny"


def test_a_model_that_was_trained_here_does_not_hide_the_bundled_one(project: Path) -> None:
    model_io.save_model(make_tiny_model(), project / "models/maestro")
    assert list(catalog.list_models()) == ["maestro", "maestro (trained here)", "mine"]
    assert catalog.load_by_name("maestro")[1].architecture == "recurrent_attention"
    assert catalog.load_by_name("maestro (trained here)")[1].architecture == "tiny"


def test_a_trained_model_shows_the_result_of_its_evaluation(project: Path) -> None:
    (project / "params.yaml").write_text("corpus: etudes\n")
    paths.EVALUATIONS.mkdir(parents=True)
    paths.get_evaluation_path("mine").write_text('{"bits_per_note": 13.25}')
    assert catalog.list_models()["mine"].description.startswith("13.250 bits per note on etudes, ")


def test_trained_models_stand_after_the_bundled_ones_best_first(project: Path) -> None:
    for name, bits in {"zebra": 9.5, "other": 14.0, "maestro": 12.5}.items():
        model_io.save_model(make_tiny_model(), project / "models" / name)
        paths.get_evaluation_path(name).parent.mkdir(parents=True, exist_ok=True)
        paths.get_evaluation_path(name).write_text(f'{{"bits_per_note": {bits}}}')
    (project / "params.yaml").write_text("corpus: etudes\n")
    entries = list(catalog.list_models().values())
    names = ["maestro", "zebra", "maestro (trained here)", "other", "mine"]
    assert [entry.name for entry in entries] == names
    assert [entry.is_bundled for entry in entries] == [True, False, False, False, False]
    assert entries[1].label == "zebra: 9.50 bits, etudes"


def test_a_result_of_several_replicates_is_their_mean(project: Path) -> None:
    model = make_tiny_model(stateful=True)
    provenance = {"replicates": 5, "corpus": "etudes", "bits_per_note": 13.25}
    model_io.save_model(replace(model, provenance=provenance), project / "elsewhere/mine")
    entry = catalog._make_entry("mine", project / "elsewhere/mine")
    assert entry.description.startswith("13.250 bits per note on etudes (mean of 5 replicates), ")


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"bits_per_note": "many"}'])
def test_a_damaged_evaluation_is_no_result(project: Path, text: str) -> None:
    (project / "params.yaml").write_text("corpus: etudes\n")
    paths.EVALUATIONS.mkdir(parents=True)
    paths.get_evaluation_path("mine").write_text(text)
    assert "bits" not in catalog.list_models()["mine"].description


@pytest.mark.parametrize(
    "name", ["../models/mine", "models/mine", "mine/", "./mine", "", "mine\0", "/etc/passwd"]
)
def test_a_path_is_no_name(project: Path, name: str) -> None:
    with pytest.raises(ClientError, match="no model of that name; there are maestro, mine"):
        catalog.load_by_name(name)


@settings(max_examples=25)
@given(name=st.text(max_size=30))
def test_no_other_name_is(empty_folder: Path, name: str) -> None:
    with contextlib.chdir(empty_folder):
        if name not in catalog.list_models():
            with pytest.raises(ClientError):
                catalog.load_by_name(name)


@pytest.mark.parametrize("text", ["{", "[" * 200_000, "[" * 60_000, '{"block": 3}'])
def test_a_damaged_card_is_told_of(project: Path, text: str) -> None:
    (project / "models/mine/model.json").write_text(text, encoding="utf-8")
    assert catalog.list_models()["mine"].description == "its card cannot be read"
    with pytest.raises(DataError, match="models/mine"):
        catalog.load_by_name("mine")
    assert catalog.load_by_name("maestro")[0] == "maestro"
