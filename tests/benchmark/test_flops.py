"""Multiply-adds, counted by hand for small models."""

from dataclasses import replace

import numpy as np
from models.numpy.test_network import network

from pipeline.benchmark import flops
from pipeline.config.schema import ATTENTION_HEAD_DIM, ModelConfig
from pipeline.models.model_io import TrainedModel


def model(length: int, heads: dict[str, tuple[int, int]], **body: object) -> TrainedModel:
    """Make a model of a body and heads, whose weights are not looked at."""
    made = network(**body)
    told = {f"{name}/kernel": np.zeros(shape, np.float32) for name, shape in heads.items()}
    return TrainedModel("small", made.config, length, {**made.weights, **told}, {})


REGRESSION = {"pitch": (5, 128), "step": (5, 1), "duration": (5, 1)}


def test_an_lstm_worked_by_hand():
    small = model(10, REGRESSION)
    body, heads = 3 * 20 + 5 * 20, 5 * 130
    assert flops.count_macs_per_note(small) == body + heads
    assert flops.count_macs_per_window(small) == 10 * body + heads


def test_a_dense_layer_is_asked_once_and_what_is_looked_up_costs_nothing():
    small = model(
        10, {"chain": (7, 16), "ahead": (256, 8)}, input="embedding", embedding_dim=6, dense_units=7
    )
    body = 256 * 6 + 6 * 20 + 5 * 20
    heads = 5 * 7 + 7 * 16 + 256 * 8
    assert flops.count_macs_per_note(small) == body + heads
    assert flops.count_macs_per_window(small) == 10 * body + heads


def test_attention_pays_for_each_pair_of_notes():
    small = model(3, {})
    changes = {
        "cell": "attention",
        "input": "embedding",
        "embedding_dim": 4,
        "units": [2 * ATTENTION_HEAD_DIM],
        "heads": "categorical",
    }
    block = ModelConfig.model_validate({**small.config.model_dump(), **changes})
    attends = replace(
        small,
        config=block,
        weights={"attention_1/inner/kernel": np.zeros((4, 6 * ATTENTION_HEAD_DIM), np.float32)},
    )
    products = 4 * 6 * ATTENTION_HEAD_DIM
    assert flops.count_macs_per_note(attends) == products + 2 * 128 * 2 * ATTENTION_HEAD_DIM
    assert (
        flops.count_macs_per_window(attends)
        == 3 * products + 2 * (1 + 2 + 3) * 2 * ATTENTION_HEAD_DIM
    )
    long = replace(attends, sequence_length=200)
    pairs = sum(min(place, 128) for place in range(1, 201))
    assert flops.count_macs_per_window(long) == 200 * products + 2 * pairs * 2 * ATTENTION_HEAD_DIM
