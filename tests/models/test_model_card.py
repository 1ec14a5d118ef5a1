"""Cards with impossible values and a valid checksum: all are refused in one line."""

import json

import numpy as np
import pytest
from factories import make_tiny_model
from models.conftest import CHAIN, check_refused, edit_card

from pipeline.core.errors import DataError
from pipeline.models import model_card, model_io
from pipeline.models.model_io import BUNDLED, CARD
from pipeline.models.residual_noise import ResidualNoise

DEEP = 200_000


def test_a_card_is_read_as_it_was_written(folder):
    card, model = model_card.read_card(folder / CARD), make_tiny_model()
    assert (card.architecture, card.config, card.sequence_length) == ("tiny", model.config, 6)
    assert card.noise_by_feature == {
        "step": ResidualNoise("laplace", 0.1),
        "duration": ResidualNoise("gaussian", 0.3),
    }
    assert card.provenance == {"seed": 0}
    assert model_card.with_checksum(card.model_dump()) == (folder / CARD).read_text()


def make_older(folder, card_format, **provenance):
    """Make the card one that was written before configs had a learning rate."""
    card = json.loads((folder / CARD).read_text())
    del card["config"]["learning_rate"]
    card |= {"format": card_format, "provenance": provenance}
    (folder / CARD).write_text(model_card.with_checksum(card))


@pytest.mark.parametrize(
    ("provenance", "rate"),
    [
        (
            {"train": {"windowed": {"learning_rate": 0.02}, "stateful": {"learning_rate": 0.03}}},
            0.02,
        ),
        ({"train": {"last": {"learning_rate": 0.02}, "every": {"learning_rate": 0.03}}}, 0.02),
        ({"train": {"windowed": {}}}, 0.001),
        ({"train": [0.02]}, 0.001),
        ({}, 0.001),
    ],
)
def test_the_learning_rate_of_an_older_card_is_that_of_its_provenance(folder, provenance, rate):
    make_older(folder, 3, **provenance)
    assert model_card.read_card(folder / CARD).config.learning_rate == rate


def test_a_card_of_today_needs_a_learning_rate(folder):
    make_older(folder, model_card.FORMAT)
    assert "edited by hand (config.learning_rate" in check_refused(folder, CARD)


@pytest.mark.parametrize("rate", [0, 0.0, 2.0, "0.1", np.nan, True])
def test_a_learning_rate_that_is_none_is_refused(folder, rate):
    make_older(folder, 3, train={"windowed": {"learning_rate": rate}})
    assert "edited by hand (config.learning_rate" in check_refused(folder, CARD)


def test_the_bundled_model_has_the_rate_it_was_trained_at():
    assert model_card.read_card(BUNDLED / "maestro" / CARD).config.learning_rate == 0.012


def test_cards_are_far_smaller_than_the_largest():
    cards = [path.stat().st_size for path in BUNDLED.glob(f"*/{CARD}")]
    assert cards and max(cards) < model_card.MAX_BYTES / 20


@pytest.mark.parametrize(
    "change",
    [
        *(
            {"sequence_length": each}
            for each in (-1, 0, 4097, 10**400, "x", "6", 1.5, 6.0, None, np.nan, np.inf, True, [6])
        ),
        *(
            {"provenance": each}
            for each in (
                None,
                [],
                "seed",
                3,
                {"sustain_pedal": "no"},
                {"sustain_pedal": 0},
                {"sustain_pedal": None},
            )
        ),
        *(
            {"architecture": each}
            for each in (None, 3, "", "a/b", "../a", "A", "a\n", "a" * 65, ["tiny"], {})
        ),
        *(
            {"residual_noise": each}
            for each in ({}, {"step": {"family": "laplace", "scale": 0.1}}, [], None)
        ),
        *({"config": each} for each in ([], "lstm", {"cell": "lstm"})),
        *({"parameters": each} for each in (None, "1554", 1554.0, True)),
        *({"weights_sha256": each} for each in (None, 3, [])),
        {"history_sha256": None},
        {"more": 1},
        {"m" * 50_000: 1},
        {"format": 3.0},
        {"grid_cells": 1001.0},
    ],
    ids=lambda change: str(change)[:40],
)
def test_a_card_that_says_what_no_card_can_is_refused(folder, change):
    edit_card(folder, **change)
    assert "edited by hand (" in check_refused(folder, CARD)


@pytest.mark.parametrize(
    "scale", [0, -1, 0.0, 5e-324, 1e308, np.nan, np.inf, None, "0.1", True, [], 10**400]
)
def test_a_spread_that_is_none_is_refused(folder, scale):
    noise = {"family": "laplace", "scale": scale}
    for spread in (
        {"step": noise, "duration": {"family": "laplace", "scale": 0.1}},
        {"step": noise, "duration": noise},
    ):
        edit_card(folder, residual_noise=spread)
        assert "edited by hand (residual_noise" in check_refused(folder, CARD)


@pytest.mark.parametrize("change", [{"family": "cauchy"}, {"family": None}, {"more": 1}])
def test_a_spread_of_another_family_is_refused(folder, change):
    noise = {"family": "laplace", "scale": 0.1}
    edit_card(folder, residual_noise={"step": {**noise, **change}, "duration": noise})
    assert "edited by hand (residual_noise.step" in check_refused(folder, CARD)


def test_a_spread_of_what_has_none_is_refused(folder, tmp_path):
    noise = {"family": "laplace", "scale": 0.1}
    edit_card(folder, residual_noise={"step": noise, "duration": noise, "pitch": noise})
    check_refused(folder, CARD)
    model_io.save_model(make_tiny_model(**CHAIN), tmp_path / "chain")
    edit_card(tmp_path / "chain", residual_noise={"step": noise, "duration": noise})
    check_refused(tmp_path / "chain", CARD)


@pytest.mark.parametrize(
    "text",
    [
        "[" * DEEP,
        "[" * 60_000,
        '{"format": 2, "origin": ' + "[" * 400 + "]" * 400 + "}",
        '{"a":' * 12_000,
        " " * DEEP,
    ],
    ids=["200,000 deep", "60,000 deep", "400 deep", "12,000 deep", "200,000 spaces"],
)
def test_a_card_that_is_nested_or_long_beyond_all_measure_is_refused(folder, text):
    (folder / CARD).write_text(text)
    with pytest.raises(
        DataError, match=r"model\.json: torn or edited by hand.*train again|no model here"
    ):
        model_io.load_model(folder)


def test_a_nest_within_a_card_is_refused(folder):
    text = (folder / CARD).read_text()
    deep = "[" * 5_000 + "]" * 5_000
    (folder / CARD).write_text(text.replace('"seed": 0', f'"seed": {deep}'))
    assert "no card is nested as deep" in check_refused(folder, CARD)


def test_of_a_card_no_more_is_read_than_a_card_can_have(folder):
    with (folder / CARD).open("r+b") as file:
        file.truncate(2**40)
    assert "no card has over 65,536 bytes" in check_refused(folder, CARD)
