"""What tests of models share: a saved model, its card and weights edited by hand, and blocks of params.yaml."""

import hashlib
import json
import re
from pathlib import Path

import pytest
from factories import make_tiny_model
from hypothesis import strategies as st

from pipeline.config.schema import ModelConfig
from pipeline.core.errors import DataError
from pipeline.models import model_card, model_io
from pipeline.models.model_io import CARD, WEIGHTS

BLOCKS = st.builds(
    ModelConfig,
    input=st.just("scalar"),
    embedding_dim=st.just(0),
    model_velocity=st.just(False),
    cell=st.sampled_from(["lstm", "bilstm"]),
    head_dim=st.just(0),
    units=st.lists(st.integers(1, 6), min_size=2, max_size=8),
    dropout=st.floats(0, 0.99),
    dense_units=st.integers(0, 6),
    output_dropout=st.floats(0, 0.99),
    heads=st.just("regression"),
    loss_on=st.just("last"),
    stateful=st.just(False),
    learning_rate=st.floats(1e-6, 1.0),
)
CHAIN = {
    "input": "embedding",
    "embedding_dim": 8,
    "heads": "categorical",
    "head_dim": 4,
    "model_velocity": True,
    "stateful": True,
}


@pytest.fixture
def folder(tmp_path):
    model_io.save_model(make_tiny_model(), tmp_path)
    return tmp_path


def edit_card(folder: Path, **changes: object) -> None:
    card = json.loads((folder / CARD).read_text())
    (folder / CARD).write_text(model_card.with_checksum({**card, **changes}))


def put_weights(folder: Path, data: bytes) -> None:
    """Replace the weights, and their sha256 in the card."""
    (folder / WEIGHTS).write_bytes(data)
    edit_card(folder, weights_sha256=hashlib.sha256(data).hexdigest())


def check_refused(folder: Path, file: str) -> str:
    """Check that a model is refused in one line that names the file and the remedy; return the line."""
    with pytest.raises(DataError) as caught:
        model_io.load_model(folder)
    line = str(caught.value)
    assert line.startswith(f"{folder / file}: ")
    assert len(line.splitlines()) == 1 and len(line) < len(str(folder)) + 400
    assert re.search("train (it|the model) again|train again", line)
    return line
