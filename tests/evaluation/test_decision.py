from dataclasses import replace

import numpy as np
import pytest
from factories import make_scores, make_tiny_model

from pipeline.evaluation.bits import PieceScores
from pipeline.evaluation.decision import choose_architecture, find_tied
from pipeline.evaluation.results import Evaluation

NUM_REPLICATES, NUM_COMPOSITIONS = 3, 40
DIFFICULTY = np.random.default_rng(0).normal(12, 2, NUM_COMPOSITIONS)
"""Of each composition for every model [bits per note]."""


def score_pieces(mean: float, noise: float = 0.05) -> PieceScores:
    """Make scores `mean` bits per note above the difficulty; the noise of the compositions has the mean zero."""
    rng = np.random.default_rng([int(1000 * mean) + 5000, int(1000 * noise)])
    own = rng.normal(0, 1, (NUM_REPLICATES, NUM_COMPOSITIONS))
    return make_scores(DIFFICULTY + mean + noise * (own - own.mean()) / own.std())


def make_evaluation(
    name: str, mean: float, parameters: int, *, is_bidirectional: bool = False
) -> Evaluation:
    config = make_tiny_model(cell="bilstm" if is_bidirectional else "lstm").config
    return Evaluation(name, config, parameters, 1, [[{}]], score_pieces(mean))


NGRAMS = {"uniform": score_pieces(9.0), "trigram": score_pieces(2.0)}


def test_a_clear_winner_is_best_and_recommended():
    evaluations = [
        make_evaluation("baseline", 1.0, 10),
        make_evaluation("big", 0.0, 99),
        make_evaluation("small", 1.5, 5),
    ]
    decision = choose_architecture(evaluations, NGRAMS)
    assert (decision.reference, decision.best, decision.recommended) == ("baseline", "big", "big")
    assert decision.tied == []
    assert decision.ranked == ["big", "baseline", "small"]
    assert decision.groups == {"big": "a", "baseline": "b", "small": "c"}
    assert decision.not_better_than == {"baseline": [], "big": [], "small": []}


def test_of_those_tied_the_smallest_is_recommended():
    evaluations = [
        make_evaluation("baseline", 1.0, 5),
        make_evaluation("big", 0.0, 99),
        make_evaluation("small", 0.004, 20),
        make_evaluation("middle", 0.003, 50),
    ]
    decision = choose_architecture(evaluations, NGRAMS)
    assert (decision.best, decision.recommended) == ("big", "small")
    assert sorted(decision.tied) == ["middle", "small"]
    assert decision.groups == {"big": "a", "middle": "a", "small": "a", "baseline": "b"}


def test_the_best_is_recommended_where_a_rival_is_larger():
    evaluations = [make_evaluation("baseline", 0.0, 20), make_evaluation("big", 0.004, 99)]
    decision = choose_architecture(evaluations, NGRAMS)
    assert (decision.best, decision.recommended, decision.tied) == ("baseline", "baseline", ["big"])


def test_a_bidirectional_model_can_be_best_but_is_not_recommended():
    evaluations = [
        make_evaluation("baseline", 1.0, 5),
        make_evaluation("bidirectional", 0.0, 20, is_bidirectional=True),
        make_evaluation("big", 0.5, 99),
    ]
    decision = choose_architecture(evaluations, NGRAMS)
    assert (decision.best, decision.recommended, decision.tied) == ("bidirectional", "big", [])


def test_a_bidirectional_rival_is_tied_but_not_recommended():
    evaluations = [
        make_evaluation("baseline", 0.0, 50),
        make_evaluation("bidirectional", 0.004, 1, is_bidirectional=True),
    ]
    decision = choose_architecture(evaluations, NGRAMS)
    assert (decision.best, decision.recommended) == ("baseline", "baseline")
    assert decision.tied == ["bidirectional"]


def test_where_none_streams_the_best_is_recommended():
    evaluations = [
        make_evaluation("one", 0.5, 5, is_bidirectional=True),
        make_evaluation("two", 0.0, 20, is_bidirectional=True),
    ]
    decision = choose_architecture(evaluations, NGRAMS)
    assert (decision.reference, decision.best, decision.recommended) == ("one", "two", "two")


def test_ngrams_that_are_not_clearly_beaten_are_named():
    ngrams = {
        "uniform": score_pieces(9.0),
        "unigram": score_pieces(0.004, 0.06),
        "trigram": score_pieces(-1.0),
    }
    evaluations = [make_evaluation("baseline", 0.0, 5), make_evaluation("big", -2.0, 9)]
    assert choose_architecture(evaluations, ngrams).not_better_than == {
        "baseline": ["unigram", "trigram"],
        "big": [],
    }


def test_differences_to_the_reference_are_those_planted():
    evaluations = [make_evaluation("baseline", 0.5, 5), make_evaluation("big", 0.0, 9)]
    differences = choose_architecture(evaluations, NGRAMS).vs_reference
    assert list(differences) == ["baseline", "big", "uniform", "trigram"]
    means = [estimate.mean for estimate in differences.values()]
    assert means == pytest.approx([0, -0.5, 8.5, 1.5])
    assert differences["baseline"].interval.includes_zero
    interval = differences["big"].interval
    assert interval.low < -0.5 < interval.high < 0


def test_the_order_of_architectures_does_not_decide():
    evaluations = [
        make_evaluation("baseline", 1.0, 5),
        make_evaluation("big", 0.0, 99),
        make_evaluation("small", 0.004, 20),
    ]
    decision = choose_architecture(evaluations, NGRAMS)
    reverse = choose_architecture(evaluations[::-1], NGRAMS)
    for name in ("best", "recommended", "tied", "groups", "ranked", "decimals"):
        assert getattr(decision, name) == getattr(reverse, name), name


def test_ties_of_one_model_are_those_of_its_pairs():
    evaluations = [
        make_evaluation("baseline", 1.0, 5),
        make_evaluation("big", 0.0, 99),
        make_evaluation("small", 0.004, 20),
    ]
    pairs = choose_architecture(evaluations, NGRAMS).pairs
    assert find_tied("big", pairs) == ["small"]
    assert find_tied("small", pairs) == ["big"]
    assert find_tied("baseline", pairs) == []


def test_models_that_were_scored_on_one_composition_are_tied_and_the_smallest_is_recommended():
    evaluations = [
        replace(evaluation, scores=evaluation.scores.select(np.arange(120) == 0))
        for evaluation in (make_evaluation("baseline", 0.065, 5), make_evaluation("big", 0.0, 9))
    ]
    decision = choose_architecture(evaluations, {"uniform": evaluations[0].scores})
    assert (decision.best, decision.tied) == ("big", ["baseline"])
    assert decision.groups == {"big": "a", "baseline": "a"}
    assert decision.not_better_than == {"baseline": ["uniform"], "big": ["uniform"]}
    assert decision.recommended == "baseline"
    assert np.isnan(decision.vs_reference["big"].interval.low)
