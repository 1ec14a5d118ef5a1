from dataclasses import replace

import numpy as np
import pytest
from factories import make_tiny_model

from pipeline.config.schema import CompareConfig
from pipeline.evaluation.bits import PieceScores
from pipeline.evaluation.decision import choose_architecture
from pipeline.evaluation.results import Evaluation

HOW = CompareConfig(split="validation", max_notes=0, bootstrap_resamples=300)
ROWS, NOTES = 60, 100
HARD = np.random.default_rng(0).normal(12, 2, ROWS)
"""How hard each piece is for every model [bits per note]."""


def scores(mean: float, noise: float = 0.05) -> PieceScores:
    """Score pieces `mean` bits per note worse than they are hard; the mean of the noise is zero."""
    rng = np.random.default_rng([int(1000 * mean) + 5000, int(1000 * noise)])
    own = rng.normal(0, 1, ROWS)
    bits = NOTES * (HARD + mean + noise * (own - own.mean()) / own.std())
    return PieceScores(
        np.arange(ROWS).astype(str), np.full(ROWS, NOTES), np.outer(bits, [0.5, 0.25, 0.25])
    )


def model(name: str, mean: float, parameters: int, *, both_ways: bool = False) -> Evaluation:
    return Evaluation(
        name,
        make_tiny_model(cell="bilstm" if both_ways else "lstm").config,
        parameters,
        1,
        [{}],
        scores(mean),
    )


FLOORS = {"uniform": scores(9.0), "trigram": scores(2.0)}


def test_a_clear_winner_is_best_and_recommended():
    made = choose_architecture(
        [model("baseline", 1.0, 10), model("big", 0.0, 99), model("small", 1.5, 5)], FLOORS, HOW, 1
    )
    assert (made.reference, made.best, made.recommended) == ("baseline", "big", "big")
    assert made.tied == []
    assert made.not_better_than == {"baseline": [], "big": [], "small": []}


def test_of_those_too_close_the_smallest_is_recommended():
    found = [
        model("baseline", 1.0, 5),
        model("big", 0.0, 99),
        model("small", 0.004, 20),
        model("middle", 0.003, 50),
    ]
    made = choose_architecture(found, FLOORS, HOW, 1)
    assert (made.best, made.recommended) == ("big", "small")
    assert sorted(made.tied) == ["middle", "small"]


def test_the_best_is_recommended_where_a_rival_is_larger():
    made = choose_architecture(
        [model("baseline", 0.0, 20), model("big", 0.004, 99)], FLOORS, HOW, 1
    )
    assert (made.best, made.recommended, made.tied) == ("baseline", "baseline", ["big"])


def test_a_bidirectional_model_can_be_best_but_is_not_recommended():
    found = [
        model("baseline", 1.0, 5),
        model("bidirectional", 0.0, 20, both_ways=True),
        model("big", 0.5, 99),
    ]
    made = choose_architecture(found, FLOORS, HOW, 1)
    assert (made.best, made.recommended, made.tied) == ("bidirectional", "big", [])


def test_a_bidirectional_rival_is_close_but_not_recommended():
    made = choose_architecture(
        [model("baseline", 0.0, 50), model("bidirectional", 0.004, 1, both_ways=True)],
        FLOORS,
        HOW,
        1,
    )
    assert (made.best, made.recommended, made.tied) == ("baseline", "baseline", ["bidirectional"])


def test_where_none_streams_the_best_is_recommended():
    found = [model("one", 0.5, 5, both_ways=True), model("two", 0.0, 20, both_ways=True)]
    made = choose_architecture(found, FLOORS, HOW, 1)
    assert (made.reference, made.best, made.recommended) == ("one", "two", "two")


def test_floors_that_are_not_clearly_beaten_are_named():
    floors = {"uniform": scores(9.0), "unigram": scores(0.004, 0.06), "trigram": scores(-1.0)}
    found = [model("baseline", 0.0, 5), model("big", -2.0, 9)]
    assert choose_architecture(found, floors, HOW, 1).not_better_than == {
        "baseline": ["unigram", "trigram"],
        "big": [],
    }


def test_differences_against_the_reference_are_those_planted():
    made = choose_architecture([model("baseline", 0.5, 5), model("big", 0.0, 9)], FLOORS, HOW, 1)
    against = made.vs_reference
    assert list(against) == ["baseline", "big", "uniform", "trigram"]
    assert [each.mean for each in against.values()] == pytest.approx([0, -0.5, 8.5, 1.5])
    assert against["baseline"].includes_zero
    assert not against["big"].includes_zero
    assert against["big"].low < -0.5 < against["big"].high < 0


def test_the_order_of_architectures_does_not_decide():
    found = [model("baseline", 1.0, 5), model("big", 0.0, 99), model("small", 0.004, 20)]
    one, two = (
        choose_architecture(found, FLOORS, HOW, 1),
        choose_architecture(found[::-1], FLOORS, HOW, 1),
    )
    assert (one.best, one.recommended, one.tied) == (two.best, two.recommended, two.tied)


def test_models_that_were_scored_on_one_row_are_tied_and_the_smallest_is_recommended():
    evaluations = []
    for evaluation in (model("baseline", 0.065, 5), model("big", 0.0, 9)):
        scores = evaluation.scores
        one_row = PieceScores(scores.piece_names[:1], scores.num_notes[:1], scores.bits[:1])
        evaluations.append(replace(evaluation, scores=one_row))
    ngram_scores = {"uniform": evaluations[0].scores}
    decision = choose_architecture(evaluations, ngram_scores, HOW, 1)
    assert (decision.best, decision.tied) == ("big", ["baseline"])
    assert decision.not_better_than == {"baseline": [], "big": []}, "too few notes to say"
    assert decision.recommended == "baseline"
    assert np.isnan(decision.vs_reference["big"].low)
