"""Pairs of a listening test: equal lengths, no passage twice, real music on a random side."""

from collections import Counter

import numpy as np
import pytest
from factories import UNCONSTRAINED, make_pedal_notes, make_quantized_notes, make_tiny_model
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.errors import DataError
from pipeline.experiments import listen
from pipeline.experiments.listen import Contestant, Pair, TestLength
from pipeline.notes import quantize
from pipeline.notes.quantize import STEP, VELOCITY

LENGTH = TestLength(num_pairs=12, prompt_notes=8, seconds=2)
PIECES = {f"{seed}.mid": make_quantized_notes(seed, 400) for seed in range(3)}
WITH_VELOCITY = {
    "input": "embedding",
    "embedding_dim": 8,
    "model_velocity": True,
    "heads": "categorical",
    "head_dim": 8,
    "loss_on": "all",
    "stateful": True,
}


def make_contestants() -> dict[str, Contestant]:
    return {
        "plain": Contestant(make_tiny_model(), PIECES),
        "loud": Contestant(make_tiny_model(seed=1, **WITH_VELOCITY), PIECES),
    }


@pytest.fixture(scope="module")
def pairs() -> list[Pair]:
    return listen.make_pairs(make_contestants(), LENGTH, UNCONSTRAINED, seed=3)


def test_models_have_equal_numbers_of_pairs_and_pieces_take_turns(pairs: list[Pair]) -> None:
    assert Counter((pair.model, pair.piece) for pair in pairs) == {
        (model, piece): 2 for model in ("plain", "loud") for piece in PIECES
    }


def test_both_sides_have_equal_seconds_and_sound_no_longer(pairs: list[Pair]) -> None:
    for pair in pairs:
        assert len(pair.real)
        for side in (pair.real, pair.generated):
            assert (side["onset"] >= 0).all()
            assert (side["onset"] + side["duration"] <= LENGTH.seconds + 1e-9).all()
    assert sum(len(pair.generated) for pair in pairs) > len(pairs)


def test_the_real_side_is_how_the_piece_goes_on(pairs: list[Pair]) -> None:
    for pair in pairs:
        if pair.model != "loud":
            continue
        piece = quantize.dequantize(PIECES[pair.piece])
        heard = np.concatenate([pair.prompt, pair.real])
        (start,) = [
            start
            for start in range(len(piece))
            if np.array_equal(
                piece[["pitch", "velocity"]][start : start + len(heard)],
                heard[["pitch", "velocity"]],
            )
        ]
        passage = piece[start : start + len(heard)]
        join = LENGTH.prompt_notes
        assert pair.prompt["onset"] == pytest.approx(
            passage["onset"][:join] - passage["onset"][0], abs=1e-6
        )
        last = passage["onset"][join - 1]
        assert pair.real["onset"] == pytest.approx(passage["onset"][join:] - last, abs=1e-6)
        next_onset = piece["onset"][start + len(heard)]
        assert next_onset >= last + LENGTH.seconds - 1e-6, "no note is left out"


def test_no_passage_is_heard_twice(pairs: list[Pair]) -> None:
    columns = ["onset", "duration", "pitch"]
    spans = Counter((pair.piece, str(pair.prompt[columns].tolist())) for pair in pairs)
    assert set(spans.values()) == {1}


@given(st.integers(1, 30), st.integers(1, 5), st.integers(0, 400), st.integers(0, 9))
def test_passages_do_not_overlap(prompt: int, seconds: int, count: int, seed: int) -> None:
    notes = make_quantized_notes(seed, max(count, 1))
    numbered = notes.copy()
    numbered[:, VELOCITY] = np.arange(len(notes))
    passages = listen.cut_passages("a", numbered, TestLength(1, prompt, seconds))
    rows = [
        row
        for passage in passages
        for part in (passage.prompt, passage.continuation)
        for row in part[:, VELOCITY].tolist()
    ]
    assert rows == sorted(set(rows))
    assert all(len(passage.prompt) == prompt for passage in passages)
    assert all(len(passage.continuation) for passage in passages)


def test_a_long_rest_is_no_continuation() -> None:
    notes = make_quantized_notes(0, 40)
    notes[10, STEP] = 900
    passages = listen.cut_passages("a", notes, TestLength(1, 10, 2))
    assert passages
    assert passages[0].prompt[0].tolist() == notes[10].tolist()


def test_a_model_without_velocities_has_one_loudness_on_both_sides(pairs: list[Pair]) -> None:
    for pair in pairs:
        velocities = {
            *pair.prompt["velocity"].tolist(),
            *pair.real["velocity"].tolist(),
            *pair.generated["velocity"].tolist(),
        }
        assert (len(velocities) == 1) == (pair.model == "plain")


def test_the_real_side_is_random(pairs: list[Pair]) -> None:
    sides = {pair.is_real_first for pair in pairs}
    assert sides == {True, False}
    orders = [
        tuple(
            pair.is_real_first
            for pair in listen.make_pairs(make_contestants(), LENGTH, UNCONSTRAINED, seed)
        )
        for seed in range(4)
    ]
    assert len(set(orders)) > 1


@settings(max_examples=5)
@given(st.integers(0, 1000))
def test_equal_seeds_give_equal_pairs(seed: int) -> None:
    short = TestLength(num_pairs=2, prompt_notes=8, seconds=1)
    first, second = (
        listen.make_pairs(make_contestants(), short, UNCONSTRAINED, seed) for _ in range(2)
    )
    assert [pair.generated.tolist() for pair in first] == [
        pair.generated.tolist() for pair in second
    ]
    assert [(pair.model, pair.piece, pair.is_real_first) for pair in first] == [
        (pair.model, pair.piece, pair.is_real_first) for pair in second
    ]


def test_fewer_pairs_than_wanted_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    contestants = {"plain": Contestant(make_tiny_model(), {"a.mid": make_quantized_notes(0, 60)})}
    made = listen.make_pairs(contestants, LENGTH, UNCONSTRAINED, seed=0)
    assert 0 < len(made) < LENGTH.num_pairs
    assert f"{len(made)} pairs instead of 12" in capsys.readouterr().err


def test_a_model_without_any_pair_is_an_error() -> None:
    contestants = {"plain": Contestant(make_tiny_model(), {"a.mid": make_quantized_notes(0, 9)})}
    with pytest.raises(DataError, match=r"^plain: no pair; .*lower --seconds"):
        listen.make_pairs(contestants, LENGTH, UNCONSTRAINED, seed=0)
    few = TestLength(num_pairs=1, prompt_notes=8, seconds=2)
    with pytest.raises(DataError, match=r"^loud: no pair; --pairs 1 is less"):
        listen.make_pairs(make_contestants(), few, UNCONSTRAINED, seed=0)


def test_a_model_whose_time_stands_still_ends() -> None:
    model = make_tiny_model()
    still = {name: np.zeros_like(weight) for name, weight in model.weights.items()}
    frozen = type(model)("tiny", model.config, model.sequence_length, still, model.residual_noise)
    config = UNCONSTRAINED.model_copy(update={"time_temperature": 0.01})
    (pair,) = listen.make_pairs(
        {"frozen": Contestant(frozen, PIECES)}, TestLength(1, 8, 1), config, seed=0
    )
    assert 0 < len(pair.generated) <= listen.MAX_NOTES_PER_SECOND


def test_both_sides_have_a_pedal_only_if_the_model_has_it():
    pieces = {"one.mid": make_pedal_notes(1, 400)}
    length = TestLength(num_pairs=1, prompt_notes=20, seconds=2)
    models = [make_tiny_model(**WITH_VELOCITY, model_pedal=value) for value in (False, True)]
    without, with_pedal = (
        listen.make_pairs({"one": Contestant(model, pieces)}, length, UNCONSTRAINED, seed=3)[0]
        for model in models
    )
    for side in ("prompt", "real"):
        key_ends, ends = (getattr(pair, side)["duration"] for pair in (without, with_pedal))
        assert (ends >= key_ends).all() and (ends > key_ends).any()
        assert not getattr(with_pedal, side)["pedal"].any()
