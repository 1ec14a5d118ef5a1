import hashlib
import io
import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
from factories import make_tiny_model
from hypothesis import given, settings
from hypothesis import strategies as st
from models.conftest import BLOCKS, CHAIN, check_refused, edit_card, put_weights

from pipeline.core import files
from pipeline.core.errors import DataError
from pipeline.models import model_card, model_io
from pipeline.models.model_io import CARD, HISTORY, WEIGHTS, TrainedModel
from pipeline.models.residual_noise import ResidualNoise
from pipeline.models.weight_shapes import weight_shapes

ORIGINS = st.dictionaries(st.text("abc"), st.integers())
SPREAD = st.builds(ResidualNoise, st.sampled_from(["laplace", "gaussian"]), st.floats(1e-3, 10.0))


@st.composite
def models(draw: st.DrawFn) -> TrainedModel:
    """Make a model with any numbers in its weights."""
    block, rng = draw(BLOCKS), np.random.default_rng(draw(st.integers(0, 9)))
    size = draw(st.floats(1e-3, 1e3))
    return TrainedModel(
        architecture=draw(st.from_regex(r"[a-z0-9][a-z0-9_-]{0,20}", fullmatch=True)),
        config=block,
        sequence_length=draw(st.integers(1, 4096)),
        weights={
            name: rng.normal(0, size, shape).astype(np.float32)
            for name, shape in weight_shapes(block).items()
        },
        residual_noise={"step": draw(SPREAD), "duration": draw(SPREAD)},
        provenance=draw(ORIGINS),
    )


def edit_block(folder: Path, **changes: object) -> None:
    edit_card(folder, config={**json.loads((folder / CARD).read_text())["config"], **changes})


@pytest.mark.slow
@settings(max_examples=25)
@given(model=models())
def test_a_model_comes_back_from_disk_in_equal_bytes(model):
    with tempfile.TemporaryDirectory() as folder:
        first, second = Path(folder) / "first", Path(folder) / "second"
        model_io.save_model(model, first)
        loaded = model_io.load_model(first)
        model_io.save_model(loaded, second)
        for name in (WEIGHTS, CARD):
            assert (first / name).read_bytes() == (second / name).read_bytes()
    assert (loaded.architecture, loaded.config, loaded.sequence_length) == (
        model.architecture,
        model.config,
        model.sequence_length,
    )
    assert (loaded.residual_noise, loaded.provenance) == (model.residual_noise, model.provenance)
    assert loaded.weights.keys() == model.weights.keys()
    for name, weight in model.weights.items():
        assert np.array_equal(loaded.weights[name], weight)
        assert loaded.weights[name].dtype == np.float32


def test_parameters_are_counted_by_hand(folder):
    # LSTM of 8: 4 gates x 8 x (3 inputs + 8 states + 1 bias) = 384; heads: (8 + 1) x (128 + 1 + 1) = 1170
    assert make_tiny_model().parameters == 384 + 1170
    assert json.loads((folder / CARD).read_text())["parameters"] == 1554


def test_tampered_weights_are_refused(folder):
    weights = {
        name: weight + np.float32(1e-3) for name, weight in make_tiny_model().weights.items()
    }
    files.write_bytes(folder / WEIGHTS, files.encode_npz(weights))
    with pytest.raises(DataError, match=r"weights\.npz: its sha256 is not the one in model\.json"):
        model_io.load_model(folder)


def test_a_card_of_which_one_number_was_changed_is_refused(folder):
    text = (folder / CARD).read_text()
    (folder / CARD).write_text(text.replace('"parameters": 1554', '"parameters": 1555'))
    assert text != (folder / CARD).read_text()
    with pytest.raises(DataError, match="edited by hand"):
        model_io.load_model(folder)


def test_another_learning_curve_is_refused(folder):
    (folder / HISTORY).write_text("epoch,loss\n1,2.5\n")
    model_io.save_model(make_tiny_model(), folder)
    model_io.load_model(folder)
    (folder / HISTORY).write_text("epoch,loss\n1,1.5\n")
    with pytest.raises(DataError, match=r"history\.csv: its sha256 is not the one"):
        model_io.load_model(folder)


def test_weights_that_are_no_numbers_are_refused(folder):
    model = make_tiny_model()
    model.weights["pitch/bias"][3] = np.nan
    model_io.save_model(model, folder)
    with pytest.raises(DataError, match="not finite"):
        model_io.load_model(folder)


def test_weights_of_another_size_are_refused(folder):
    edit_card(folder, parameters=1555)
    with pytest.raises(DataError, match="1,554 numbers, not as many"):
        model_io.load_model(folder)


def test_pickles_are_never_opened(folder, monkeypatch):
    buffer = io.BytesIO()
    np.savez(
        buffer, **{**make_tiny_model().weights, "pitch/bias": np.array([{"a": 1}], dtype=object)}
    )
    put_weights(folder, buffer.getvalue())
    assert "edited by hand" in check_refused(folder, WEIGHTS)


def test_a_model_that_is_replaced_while_it_is_read_is_never_a_mix(tmp_path, monkeypatch):
    """Files are replaced one by one; whatever the moment, a reader has one model or the other."""
    models = [make_tiny_model(seed=1), make_tiny_model(seed=2)]
    model_io.save_model(models[0], tmp_path / "m")
    model_io.save_model(models[1], tmp_path / "new")
    new = [(tmp_path / "new" / name).read_bytes() for name in (WEIGHTS, CARD)]
    pauses = []

    def sleep(seconds):
        pauses.append(seconds)
        if seconds:
            (tmp_path / "m" / CARD).write_bytes(new[1])

    monkeypatch.setattr(model_io.time, "sleep", sleep)
    assert model_io.load_model(tmp_path / "m").provenance == {"seed": 1}
    (tmp_path / "m" / WEIGHTS).write_bytes(new[0])
    loaded = model_io.load_model(tmp_path / "m")
    assert loaded.provenance == {"seed": 2} and pauses == [0.0, 0.0, 0.1]
    assert all(
        np.array_equal(loaded.weights[name], weight) for name, weight in models[1].weights.items()
    )


def test_torn_weights_are_refused(folder):
    files.write_bytes(folder / WEIGHTS, (folder / WEIGHTS).read_bytes()[:-10])
    with pytest.raises(DataError, match="its sha256 is not the one in"):
        model_io.load_model(folder)


@pytest.mark.parametrize(
    "change", [{"format": 1}, {"cell_seconds": 0.02}, {"grid_cells": 500}, {"format": None}]
)
def test_another_format_or_time_grid_is_refused(folder, change):
    edit_card(folder, **change)
    with pytest.raises(DataError, match="another version of this program"):
        model_io.load_model(folder)


@pytest.mark.parametrize("kept", [0, 1, 40, 500])
def test_a_torn_card_is_refused(folder, kept):
    (folder / CARD).write_bytes((folder / CARD).read_bytes()[:kept])
    with pytest.raises(DataError, match="no model here"):
        model_io.load_model(folder)


@pytest.mark.parametrize(
    "change",
    [
        {"config": {}},
        {"config": None},
        {"residual_noise": {"step": {"family": "laplace"}}},
        {"residual_noise": {"step": 3}},
        {"residual_noise": 0},
    ],
)
def test_a_card_edited_by_hand_is_refused(folder, change):
    edit_card(folder, **change)
    with pytest.raises(DataError, match="edited by hand"):
        model_io.load_model(folder)


TWO = {"units": [8, 5], "dense_units": 6}
GATED = {**CHAIN, "cell": "mingru", "loss_on": "all"}
ATTENTION = {**GATED, "cell": "attention", "units": [32]}
MIXED = {**GATED, "cell": ["mingru", "attention"], "units": [8, 32], "conv": 4, "span": 9}


@pytest.mark.parametrize(
    "kind",
    [
        {},
        TWO,
        CHAIN,
        GATED,
        ATTENTION,
        MIXED,
        {**CHAIN, "heads": "mixture", "model_velocity": False},
    ],
)
def test_models_of_every_kind_are_kept(tmp_path, kind):
    model = make_tiny_model(**kind)
    model_io.save_model(model, tmp_path)
    loaded = model_io.load_model(tmp_path)
    assert (loaded.config, loaded.residual_noise) == (model.config, model.residual_noise)
    assert all(
        np.array_equal(loaded.weights[name], weight) for name, weight in model.weights.items()
    )
    model_io.save_model(model, tmp_path, np.float16)
    loaded = model_io.load_model(tmp_path)
    assert all(
        np.allclose(loaded.weights[name], weight, atol=2e-3)
        for name, weight in model.weights.items()
    )


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        (TWO, {"units": [8]}),
        (TWO, {"units": [8, 5, 5]}),
        (TWO, {"units": [5, 8]}),
        (TWO, {"units": [8, 4]}),
        (TWO, {"dense_units": 0}),
        (TWO, {"dense_units": 16}),
        ({}, {"dense_units": 16}),
        ({}, {"cell": "bilstm"}),
        ({}, {"heads": "mixture", "head_dim": 4}),
        ({}, {"heads": "categorical", "head_dim": 8}),
        ({}, {"input": "embedding", "embedding_dim": 8}),
        (CHAIN, {"model_velocity": False}),
        (CHAIN, {"heads": "mixture"}),
        (CHAIN, {"head_dim": 64}),
        (CHAIN, {"embedding_dim": 64}),
        (CHAIN, {"cell": "mingru"}),
        ({**CHAIN, "model_velocity": False}, {"model_velocity": True}),
        (GATED, {"cell": "lstm"}),
        (GATED, {"units": [9]}),
        (GATED, {"embedding_dim": 64}),
        (ATTENTION, {"cell": "mingru"}),
        (ATTENTION, {"units": [64]}),
        (ATTENTION, {"units": [32, 32]}),
        (ATTENTION, {"span": 64}),
        (ATTENTION, {"conv": 2}),
        (MIXED, {"conv": 0}),
        (MIXED, {"cell": "attention", "units": [32, 32]}),
    ],
)
def test_a_block_that_does_not_fit_the_weights_is_refused(tmp_path, kind, change):
    model = make_tiny_model(**kind)
    model_io.save_model(model, tmp_path)
    edit_block(tmp_path, **change)
    if (model.config.heads == "regression") != (
        change.get("heads", model.config.heads) == "regression"
    ):
        edit_card(tmp_path, residual_noise={})
    assert f"not of the config in {CARD}" in check_refused(tmp_path, WEIGHTS)


def test_of_a_weights_file_no_more_is_read_than_its_block_can_have(folder):
    with (folder / WEIGHTS).open("r+b") as file:
        file.truncate(2**40)
    assert "its sha256 is not the one in" in check_refused(folder, WEIGHTS)


def test_a_card_that_is_no_card_is_refused(folder):
    (folder / CARD).write_text("[]")
    with pytest.raises(DataError):
        model_io.load_model(folder)


def test_a_missing_model_is_named_with_the_remedy(tmp_path):
    with pytest.raises(DataError, match=r"nowhere: no model here .*dvc repro"):
        model_io.load_model(tmp_path / "nowhere")


def test_a_model_is_found_by_architecture_or_by_folder(in_folder):
    model_io.save_model(make_tiny_model(seed=1), Path("models/tiny"))
    model_io.save_model(make_tiny_model(seed=2), Path("elsewhere"))
    assert model_io.load_model(model_io.find_model("tiny")).provenance == {"seed": 1}
    assert model_io.load_model(model_io.find_model("elsewhere")).provenance == {"seed": 2}
    with pytest.raises(DataError, match="absent"):
        model_io.find_model("absent")


def test_a_learning_curve_is_read(tmp_path):
    (tmp_path / "history.csv").write_text("epoch,loss\n1,2.5\n2,1.25\n")
    assert model_io.load_history(tmp_path) == [
        {"epoch": 1.0, "loss": 2.5},
        {"epoch": 2.0, "loss": 1.25},
    ]


@pytest.mark.parametrize(
    "text", [None, "epoch,loss\n1,2.5\n2", "epoch,loss\n1,2.5\n2,", "epoch,loss\n1,2.5,7\n"]
)
def test_a_missing_or_torn_learning_curve_is_a_data_error(tmp_path, text):
    if text is not None:
        (tmp_path / "history.csv").write_text(text)
    with pytest.raises(DataError, match="no learning curve here"):
        model_io.load_history(tmp_path)


@pytest.mark.parametrize(
    ("changes", "old_values"),
    [
        ({"cell": "mingru", "input": "embedding", "embedding_dim": 6}, {"cell": "gated"}),
        ({"cell": "bilstm"}, {"cell": "lstm", "bidirectional": True}),
        ({"cell": "lstm"}, {"cell": "lstm", "bidirectional": False}),
    ],
)
def test_a_model_of_format_2_is_read_with_the_weight_names_of_its_time(
    tmp_path, changes, old_values
):
    model = make_tiny_model(**changes)
    model_io.save_model(model, tmp_path)
    old_name = {"mingru": "gated", "bilstm": "lstm"}
    renamed = {}
    for name, weight in model.weights.items():
        cell, _, rest = name.partition("_")
        renamed[f"{old_name[cell]}_{rest}" if cell in old_name else name] = weight
    data = files.encode_npz(renamed)
    (tmp_path / WEIGHTS).write_bytes(data)
    card = json.loads((tmp_path / CARD).read_text())
    old_keys = {new: old for old, new in model_card.CARD_KEYS.items()}
    old_card = {old_keys.get(key, key): value for key, value in card.items()}
    old_card |= {"format": 2, "weights_sha256": hashlib.sha256(data).hexdigest()}
    old_card["block"] |= old_values
    (tmp_path / CARD).write_text(model_card.with_checksum(old_card))
    loaded = model_io.load_model(tmp_path)
    assert loaded.config == model.config
    assert loaded.weights.keys() == model.weights.keys()
    for name, weight in model.weights.items():
        assert np.array_equal(loaded.weights[name], weight)
