import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from pipeline.models import logistic_mixture
from pipeline.models.logistic_mixture import NUM_COMPONENTS, NUM_OUTPUTS

CELLS = np.arange(1001)
LIKELY = st.integers(0, 2**32 - 1).map(
    lambda seed: (
        np.random.default_rng(seed).normal(0, 2, NUM_OUTPUTS)
        + np.repeat([0, 2, -1], NUM_COMPONENTS)
    )
)
"""Outputs as a model in training might have them."""
WILD = st.lists(st.floats(-1e3, 1e3, width=32), min_size=NUM_OUTPUTS, max_size=NUM_OUTPUTS)


def convert_to_floats(outputs) -> np.ndarray:
    return np.asarray(outputs, np.float32)


def make_outputs(mean: float, log_scale: float) -> np.ndarray:
    """Return outputs [24] of which only the first component has weight."""
    return convert_to_floats(np.concatenate([[0] + [-1e4] * 7, [mean] * 8, [log_scale] * 8]))


def stretch_seconds(seconds: np.ndarray) -> np.ndarray:
    return np.log1p(seconds / 0.03)


def compute_masses(outputs: np.ndarray) -> np.ndarray:
    """Return the mass of every cell [1001] by scipy, from whichever tail is exact."""
    logits, means, scales = np.split(outputs.astype(float), 3)
    edges = np.concatenate([[-np.inf], stretch_seconds((np.arange(1000) + 0.5) / 100), [np.inf]])
    total = np.zeros(1001)
    for weight, mean, scale in zip(
        special.softmax(logits), means, np.exp(np.clip(scales, -7, 3)), strict=True
    ):
        density = stats.logistic(mean, scale)
        left, right = np.diff(density.cdf(edges)), -np.diff(density.sf(edges))
        total += weight * np.where(edges[:-1] > mean, right, left)
    return total


@settings(max_examples=15)
@given(LIKELY)
def test_masses_are_those_of_scipy_on_the_stretched_axis(outputs):
    outputs = convert_to_floats(outputs)
    expected = compute_masses(outputs)
    assert logistic_mixture.grid_probs(outputs) == pytest.approx(expected, rel=1e-6, abs=1e-13)
    seen = expected > 1e-280
    assert logistic_mixture.grid_log_probs(outputs, CELLS)[seen] == pytest.approx(
        np.log(expected[seen]), abs=1e-6
    )


@given(WILD)
def test_masses_are_probabilities_whatever_the_outputs(outputs):
    mass = logistic_mixture.grid_probs(convert_to_floats(outputs))
    assert mass.shape == (1001,)
    assert (mass >= 0).all()
    assert mass.sum() == pytest.approx(1, abs=1e-9)


@settings(max_examples=40)
@given(WILD)
def test_log_masses_are_those_of_the_masses(outputs):
    log_probs = logistic_mixture.grid_log_probs(
        np.broadcast_to(convert_to_floats(outputs), (1001, NUM_OUTPUTS)), CELLS
    )
    assert np.isfinite(log_probs).all()
    assert np.exp(log_probs).sum() == pytest.approx(1, abs=1e-9)
    assert np.exp(log_probs) == pytest.approx(
        logistic_mixture.grid_probs(convert_to_floats(outputs)), abs=1e-12
    )


@pytest.mark.parametrize("log_scale", [-7.0, -2.0, 3.0])
@pytest.mark.parametrize("mean", [-500.0, -5.0, 2.0, 6.0, 500.0])
def test_log_masses_are_right_where_masses_have_long_been_zero(mean, log_scale):
    # Far out, a logistic falls as exp(-z): log mass = -z + log(1 - exp(-width)) on the side of its tail.
    log_probs, scale = (
        logistic_mixture.grid_log_probs(make_outputs(mean, log_scale), CELLS),
        np.exp(log_scale),
    )
    edges = stretch_seconds((np.arange(1000) + 0.5) / 100)
    low, high = (edges[:-1] - mean) / scale, (edges[1:] - mean) / scale
    above, below = low > 40, high < -40
    shut = np.log(-np.expm1(low - high))
    assert log_probs[1:-1][above] == pytest.approx((-low + shut)[above], rel=1e-9)
    assert log_probs[1:-1][below] == pytest.approx((high + shut)[below], rel=1e-9)


@pytest.mark.parametrize(("mean", "cell"), [(-500.0, 0), (500.0, 1000)])
def test_what_lies_beyond_the_grid_falls_to_its_last_cells(mean, cell):
    assert logistic_mixture.grid_log_probs(
        make_outputs(mean, 0.0), np.array(cell)
    ) == pytest.approx(0, abs=1e-12)
    assert logistic_mixture.grid_probs(make_outputs(mean, 0.0))[cell] == pytest.approx(1)


@pytest.mark.parametrize(("wild", "limit"), [(-50.0, -7.0), (50.0, 3.0)])
def test_a_scale_beyond_its_limits_is_the_limit(wild, limit):
    assert np.array_equal(
        logistic_mixture.grid_probs(make_outputs(2.0, wild)),
        logistic_mixture.grid_probs(make_outputs(2.0, limit)),
    )
    assert np.array_equal(
        logistic_mixture.grid_log_probs(make_outputs(2.0, wild), CELLS),
        logistic_mixture.grid_log_probs(make_outputs(2.0, limit), CELLS),
    )


def test_a_cell_worked_by_hand():
    # A logistic of scale s has tanh(h / 2 s) of its mass within h on either side.
    low, high = np.log1p(0.495 / 0.03), np.log1p(0.505 / 0.03)
    outputs = make_outputs((low + high) / 2, np.log(0.01))
    assert logistic_mixture.grid_probs(outputs)[50] == pytest.approx(
        np.tanh((high - low) / 4 / 0.01), rel=1e-5
    )


def test_components_are_weighed_by_softmax():
    outputs = np.stack([make_outputs(1.0, -2.0), make_outputs(4.0, -1.0), make_outputs(1.0, -2.0)])
    outputs[2, 1], outputs[2, NUM_COMPONENTS + 1], outputs[2, 2 * NUM_COMPONENTS + 1] = (
        np.log(3),
        4.0,
        -1.0,
    )
    first, second, both = (logistic_mixture.grid_probs(each) for each in outputs)
    assert both == pytest.approx(first / 4 + 3 * second / 4, abs=1e-7)


@given(LIKELY, st.lists(st.integers(0, 1000), min_size=1, max_size=5))
def test_bits_are_of_the_cells_that_came(outputs, cells):
    several = convert_to_floats(np.stack([outputs + place for place in range(len(cells))]))
    bits = logistic_mixture.grid_bits(several, np.array(cells, np.int16))
    expected = [
        logistic_mixture.grid_log_probs(one, np.array(cell)) / -np.log(2)
        for one, cell in zip(several, cells, strict=True)
    ]
    assert bits == pytest.approx(np.array(expected))
