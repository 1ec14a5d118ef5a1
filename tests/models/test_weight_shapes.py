"""The shapes of the weights of a block. `tests/models/keras/test_network.py` tests that Keras builds these."""

import json

import numpy as np
import pytest
from factories import make_tiny_model

from pipeline.config.schema import ModelConfig
from pipeline.models.model_card import upgrade_card
from pipeline.models.model_io import BUNDLED
from pipeline.models.weight_shapes import weight_shapes


def test_a_layer_and_regression_heads_by_hand():
    assert weight_shapes(make_tiny_model(units=[8]).config) == {
        "lstm_1/kernel": (3, 32),
        "lstm_1/recurrent_kernel": (8, 32),
        "lstm_1/bias": (32,),
        "pitch/kernel": (8, 128),
        "pitch/bias": (128,),
        "step/kernel": (8, 1),
        "step/bias": (1,),
        "duration/kernel": (8, 1),
        "duration/bias": (1,),
    }


def test_what_comes_after_layers_that_read_both_ways_is_twice_as_wide():
    shapes = weight_shapes(make_tiny_model(units=[8, 5], cell="bilstm", dense_units=6).config)
    assert shapes["bilstm_2_backward/kernel"] == (16, 20)
    assert shapes["dense/kernel"] == (10, 6)
    assert shapes["step/kernel"] == (6, 1)


@pytest.mark.parametrize(
    "card", sorted(BUNDLED.glob("*/model.json")), ids=lambda card: card.parent.name
)
def test_a_shipped_model_has_exactly_these(card):
    fields = json.loads(card.read_text("utf-8"))
    with np.load(card.with_name("weights.npz")) as arrays:
        assert weight_shapes(ModelConfig.model_validate(upgrade_card(fields)["config"])) == {
            name: arrays[name].shape for name in arrays.files
        }
