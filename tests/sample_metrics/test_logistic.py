"""Logistic regression against a general minimizer."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import optimize

from pipeline.sample_metrics import logistic


def make_rows(seed: int, shift: float) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Make 60 rows of 5 features with different scales, two of them correlated; one class lies `shift` further."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(60, 5))
    is_second = rng.random(60) < 0.4
    values[is_second] += shift
    values[:, 4] = values[:, 3] + rng.normal(0, 0.1, 60)
    return values * [1, 10, 0.01, 5, 5] + [3, -2, 0, 100, 0], is_second


def minimize_loss(
    values: NDArray[np.float64], is_second: NDArray[np.bool_], penalty: float
) -> NDArray[np.float64]:
    """Return the weights at which scipy finds the smallest loss."""
    inputs = (values - values.mean(axis=0)) / values.std(axis=0)

    def loss(weights: NDArray[np.float64]) -> float:
        probs = 1 / (1 + np.exp(-(inputs @ weights[:-1] + weights[-1])))
        likelihood = np.where(is_second, probs, 1 - probs)
        return float(-np.log(likelihood).sum() + penalty * (weights[:-1] ** 2).sum() / 2)

    result = optimize.minimize(loss, np.zeros(values.shape[1] + 1), method="BFGS", tol=1e-9)
    return np.asarray(result.x)


@pytest.mark.parametrize("penalty", [0.3, 1.0, 20.0])
@pytest.mark.parametrize("shift", [0.0, 0.5, 3.0])
def test_the_weights_are_those_of_scipy(shift: float, penalty: float) -> None:
    values, is_second = make_rows(1, shift)
    model = logistic.fit_logistic(values, is_second, penalty)
    assert model.weights == pytest.approx(minimize_loss(values, is_second, penalty), abs=2e-4)


def test_scores_are_log_odds_of_new_rows() -> None:
    values, is_second = make_rows(2, 1.0)
    model = logistic.fit_logistic(values, is_second)
    new, _ = make_rows(3, 0.0)
    standardized = (new - values.mean(axis=0)) / values.std(axis=0)
    expected = standardized @ model.weights[:-1] + model.weights[-1]
    assert model.compute_scores(new) == pytest.approx(expected)


def test_a_class_that_one_feature_decides_and_a_constant_feature_give_finite_weights() -> None:
    values = np.column_stack([np.arange(40.0) ** 3, np.full(40, 7.0)])
    model = logistic.fit_logistic(values, np.arange(40) >= 20)
    assert np.isfinite(model.weights).all()
    assert model.weights[1] == 0
    scores = model.compute_scores(values)
    assert (np.diff(scores) > 0).all()
    assert scores[:20].max() < scores[20:].min()
