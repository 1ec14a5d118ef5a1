"""Multiply-adds, counted by hand for small models."""

from dataclasses import replace

import numpy as np
from factories import make_tiny_model

from pipeline.benchmark import flops
from pipeline.config.model_rules import ATTENTION_HEAD_DIM
from pipeline.config.schema import ModelConfig


def test_an_lstm_worked_by_hand():
    small = make_tiny_model(10, units=[5])
    body, heads = 3 * 20 + 5 * 20, 5 * 130
    assert flops.count_macs_per_note(small) == body + heads
    assert flops.count_macs_per_window(small) == 10 * body + heads


def test_a_dense_layer_is_asked_once_and_what_is_looked_up_costs_nothing():
    small = make_tiny_model(
        10,
        input="embedding",
        embedding_dim=6,
        units=[5],
        dense_units=7,
        heads="categorical",
        head_dim=4,
    )
    body = 256 * 6 + 6 * 20 + 5 * 20
    heads = 5 * 7 + 7 * 3 * 4 + 256 * 2 * 4 + 4 * (82 + 128 + 82)
    assert flops.count_macs_per_note(small) == body + heads
    assert flops.count_macs_per_window(small) == 10 * body + heads


def test_a_recurrence_before_attention_and_their_convolutions():
    small = make_tiny_model(
        10,
        input="embedding",
        embedding_dim=6,
        cell=["mingru", "attention"],
        units=[5, 32],
        conv=4,
        span=7,
        heads="categorical",
        head_dim=4,
    )
    dense = sum(6 * 3 * units + units * 6 + 6 * 12 + 12 * 6 for units in (5, 32))
    convolutions = 4 * 3 * (5 + 32)
    heads = 6 * 3 * 4 + 256 * 2 * 4 + 4 * (82 + 128 + 82)
    body = 256 * 6 + dense + convolutions
    assert flops.count_macs_per_note(small) == body + heads + 2 * 7 * 32
    pairs = sum(min(place, 7) for place in range(1, 11))
    assert flops.count_macs_per_window(small) == 10 * body + heads + 2 * pairs * 32


def test_attention_pays_for_each_pair_of_notes():
    small = make_tiny_model(3)
    changes = {
        "cell": "attention",
        "input": "embedding",
        "embedding_dim": 4,
        "units": [2 * ATTENTION_HEAD_DIM],
        "heads": "categorical",
        "head_dim": 4,
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


def test_copying_is_asked_once_and_hints_are_looked_up():
    changes = {"input": "embedding", "embedding_dim": 6, "units": [5]}
    changes |= {"heads": "categorical", "head_dim": 4}
    plain, copying = (make_tiny_model(10, **changes, recall=recall) for recall in (False, True))
    for count in (flops.count_macs_per_note, flops.count_macs_per_window):
        assert count(copying) == count(plain) + 4 * 2
