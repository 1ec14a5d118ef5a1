import hashlib
import io
import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from inference.test_streaming import tiny

from pipeline import files
from pipeline.errors import DataError
from pipeline.inference import storage
from pipeline.inference.spread import Spread
from pipeline.inference.storage import CARD, HISTORY, WEIGHTS, Trained
from pipeline.recipes import Model

BLOCKS = st.builds(
    Model,
    input=st.just("scalar"),
    width=st.just(0),
    velocity=st.just(False),
    cell=st.just("lstm"),
    chain=st.just(0),
    units=st.lists(st.integers(1, 4096), min_size=2, max_size=8),
    bidirectional=st.booleans(),
    between_dropout=st.floats(0, 0.99),
    dense=st.integers(0, 4096),
    final_dropout=st.floats(0, 0.99),
    heads=st.just("regression"),
    objective=st.just("last"),
    memory=st.just("window"),
)
WEIGHT = arrays(np.float32, array_shapes(max_dims=2, max_side=4), elements=st.floats(-1e3, 1e3, width=32))
MODELS = st.builds(
    Trained,
    architecture=st.text("abc-_", min_size=1),
    block=BLOCKS,
    length=st.integers(1, 4096),
    weights=st.dictionaries(st.sampled_from(["lstm_1/kernel", "pitch/bias", "step/kernel"]), WEIGHT),
    spread=st.dictionaries(
        st.sampled_from(["step", "duration"]), st.builds(Spread, st.just("laplace"), st.floats(0.1))
    ),
    origin=st.dictionaries(st.text("abc"), st.integers()),
)


@pytest.fixture
def folder(tmp_path):
    storage.save(tiny(), tmp_path)
    return tmp_path


def edit(folder: Path, **changes: object) -> None:
    card = json.loads((folder / CARD).read_text())
    (folder / CARD).write_text(storage.stamped({**card, **changes}))


@settings(max_examples=25)
@given(model=MODELS)
def test_a_model_comes_back_from_disk_in_equal_bytes(model):
    with tempfile.TemporaryDirectory() as folder:
        first, second = Path(folder) / "first", Path(folder) / "second"
        storage.save(model, first)
        loaded = storage.load(first)
        storage.save(loaded, second)
        for name in (WEIGHTS, CARD):
            assert (first / name).read_bytes() == (second / name).read_bytes()
    assert (loaded.architecture, loaded.block, loaded.length) == (model.architecture, model.block, model.length)
    assert (loaded.spread, loaded.origin) == (model.spread, model.origin)
    assert loaded.weights.keys() == model.weights.keys()
    for name, weight in model.weights.items():
        assert np.array_equal(loaded.weights[name], weight)
        assert loaded.weights[name].dtype == np.float32


def test_parameters_are_counted_by_hand(folder):
    # LSTM of 8: 4 gates x 8 x (3 inputs + 8 states + 1 bias) = 384; heads: (8 + 1) x (128 + 1 + 1) = 1170
    assert tiny().parameters == 384 + 1170
    assert json.loads((folder / CARD).read_text())["parameters"] == 1554


def test_tampered_weights_are_refused(folder):
    weights = {name: weight + np.float32(1e-3) for name, weight in tiny().weights.items()}
    files.write_bytes(folder / WEIGHTS, files.npz(weights))
    with pytest.raises(DataError, match=r"not the weights that model\.json vouches for"):
        storage.load(folder)


def test_a_card_of_which_one_number_was_changed_is_refused(folder):
    text = (folder / CARD).read_text()
    (folder / CARD).write_text(text.replace('"parameters": 1554', '"parameters": 1555'))
    assert text != (folder / CARD).read_text()
    with pytest.raises(DataError, match="edited by hand"):
        storage.load(folder)


def test_another_learning_curve_is_refused(folder):
    (folder / HISTORY).write_text("epoch,loss\n1,2.5\n")
    storage.save(tiny(), folder)
    storage.load(folder)
    (folder / HISTORY).write_text("epoch,loss\n1,1.5\n")
    with pytest.raises(DataError, match="not the learning curve"):
        storage.load(folder)


def test_weights_that_are_no_numbers_are_refused(folder):
    model = tiny()
    model.weights["pitch/bias"][3] = np.nan
    storage.save(model, folder)
    with pytest.raises(DataError, match="not finite"):
        storage.load(folder)


def test_weights_of_another_size_are_refused(folder):
    edit(folder, parameters=1555)
    with pytest.raises(DataError, match="1,554 numbers, not as many"):
        storage.load(folder)


def test_pickles_are_never_opened(folder, monkeypatch):
    buffer = io.BytesIO()
    np.savez(buffer, evil=np.array([{"a": 1}], dtype=object))
    (folder / WEIGHTS).write_bytes(buffer.getvalue())
    edit(folder, weights_sha256=hashlib.sha256(buffer.getvalue()).hexdigest())
    with pytest.raises(DataError, match="edited by hand"):
        storage.load(folder)


def test_a_model_that_is_replaced_while_it_is_read_is_never_a_mix(tmp_path, monkeypatch):
    """Files are replaced one by one; whatever the moment, a reader has one model or the other."""
    models = [tiny(seed=1), tiny(seed=2)]
    storage.save(models[0], tmp_path / "m")
    storage.save(models[1], tmp_path / "new")
    new = [(tmp_path / "new" / name).read_bytes() for name in (WEIGHTS, CARD)]
    pauses = []

    def sleep(seconds):
        pauses.append(seconds)
        if seconds:
            (tmp_path / "m" / CARD).write_bytes(new[1])

    monkeypatch.setattr(storage.time, "sleep", sleep)
    assert storage.load(tmp_path / "m").origin == {"seed": 1}
    (tmp_path / "m" / WEIGHTS).write_bytes(new[0])
    loaded = storage.load(tmp_path / "m")
    assert loaded.origin == {"seed": 2} and pauses == [0.0, 0.0, 0.1]
    assert all(np.array_equal(loaded.weights[name], weight) for name, weight in models[1].weights.items())


def test_torn_weights_are_refused(folder):
    files.write_bytes(folder / WEIGHTS, (folder / WEIGHTS).read_bytes()[:-10])
    with pytest.raises(DataError, match="vouches"):
        storage.load(folder)


@pytest.mark.parametrize("change", [{"format": 1}, {"cell_seconds": 0.02}, {"cells": 500}, {"format": None}])
def test_another_format_or_time_grid_is_refused(folder, change):
    edit(folder, **change)
    with pytest.raises(DataError, match="another version of this program"):
        storage.load(folder)


@pytest.mark.parametrize("kept", [0, 1, 40, 500])
def test_a_torn_card_is_refused(folder, kept):
    (folder / CARD).write_bytes((folder / CARD).read_bytes()[:kept])
    with pytest.raises(DataError, match="no model here"):
        storage.load(folder)


@pytest.mark.parametrize(
    "change",
    [
        {"block": {}},
        {"block": None},
        {"spread": {"step": {"family": "laplace"}}},
        {"spread": {"step": 3}},
        {"spread": 0},
    ],
)
def test_a_card_edited_by_hand_is_refused(folder, change):
    edit(folder, **change)
    with pytest.raises(DataError, match="edited by hand"):
        storage.load(folder)


def test_a_card_that_is_no_card_is_refused(folder):
    (folder / CARD).write_text("[]")
    with pytest.raises(DataError):
        storage.load(folder)


def test_a_missing_model_is_named_with_the_remedy(tmp_path):
    with pytest.raises(DataError, match=r"nowhere: no model here .*dvc repro"):
        storage.load(tmp_path / "nowhere")


def test_a_model_is_found_by_architecture_or_by_folder(in_folder):
    storage.save(tiny(seed=1), Path("models/tiny"))
    storage.save(tiny(seed=2), Path("elsewhere"))
    assert storage.load(storage.find("tiny")).origin == {"seed": 1}
    assert storage.load(storage.find("elsewhere")).origin == {"seed": 2}
    with pytest.raises(DataError, match="absent"):
        storage.find("absent")


def test_a_learning_curve_is_read(tmp_path):
    (tmp_path / "history.csv").write_text("epoch,loss\n1,2.5\n2,1.25\n")
    assert storage.history(tmp_path) == [{"epoch": 1.0, "loss": 2.5}, {"epoch": 2.0, "loss": 1.25}]


@pytest.mark.parametrize("text", [None, "epoch,loss\n1,2.5\n2", "epoch,loss\n1,2.5\n2,", "epoch,loss\n1,2.5,7\n"])
def test_a_missing_or_torn_learning_curve_is_a_data_error(tmp_path, text):
    if text is not None:
        (tmp_path / "history.csv").write_text(text)
    with pytest.raises(DataError, match="no learning curve here"):
        storage.history(tmp_path)
