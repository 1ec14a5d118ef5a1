import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from pipeline.models.residual_noise import GRID_EDGES, MIN_PROB, ResidualNoise, fit_noise, grid_bits

SCIPY = {"laplace": stats.laplace, "gaussian": stats.norm}
FAMILY = st.sampled_from(["laplace", "gaussian"])


@pytest.mark.parametrize("family", ["laplace", "gaussian"])
def test_cell_masses_are_those_of_scipy(family):
    cells = np.array([0, 1, 30, 49, 50, 51, 70, 120, 999, 1000], np.int16)
    low = np.where(cells == 0, -np.inf, (cells - 0.5) / 100)
    high = np.where(cells == 1000, np.inf, (cells + 0.5) / 100)
    for mean in (-0.02, 0.5, 0.503, 9.9, 11.0):
        density = SCIPY[family](mean, 0.13)
        right = (
            low > mean
        )  # the survival function is exact where the cumulative one has rounded to 1
        mass = np.where(
            right, density.sf(low) - density.sf(high), density.cdf(high) - density.cdf(low)
        )
        bits = grid_bits(np.full(len(cells), mean), cells, ResidualNoise(family, 0.13))
        assert bits == pytest.approx(-np.log2(np.maximum(mass, 1e-12)), abs=2e-3)


def test_a_cell_worked_by_hand():
    # A Laplace of scale 0.01 around the middle of a cell leaves exp(-1/2) outside its half cells.
    bits = grid_bits(np.array([0.5]), np.array([50], np.int16), ResidualNoise("laplace", 0.01))
    assert bits[0] == pytest.approx(-np.log2(1 - np.exp(-0.5)))


def test_bits_are_finite_far_from_the_mean():
    bits = grid_bits(np.array([0.0]), np.array([900], np.int16), ResidualNoise("gaussian", 1e-3))
    assert bits[0] == pytest.approx(-np.log2(MIN_PROB))


@given(family=FAMILY, scale=st.floats(1e-3, 10), mean=st.floats(-3, 15))
def test_the_cells_share_one_probability(family, scale, mean):
    cells = np.arange(1001, dtype=np.int16)
    assert np.exp2(
        -grid_bits(np.full(1001, mean), cells, ResidualNoise(family, scale))
    ).sum() == pytest.approx(1)


@given(family=FAMILY, scale=st.floats(1e-3, 10), seconds=st.floats(-20, 20))
def test_the_cumulative_share_is_that_of_scipy(family, scale, seconds):
    expected = SCIPY[family].cdf(seconds, scale=scale)
    assert ResidualNoise(family, scale).cdf(np.array([seconds]))[0] == pytest.approx(
        expected, abs=1e-12
    )


@pytest.mark.parametrize("family", ["laplace", "gaussian"])
@pytest.mark.parametrize("scale", [0.02, 0.4])
def test_a_fitted_spread_finds_family_and_scale(family, scale):
    rng = np.random.default_rng(0)
    mean = rng.uniform(4, 6, 4000)
    cells = np.rint(SCIPY[family].rvs(mean, scale, random_state=rng) * 100).astype(np.int16)
    spread = fit_noise(mean, cells)
    assert spread.family == family
    assert spread.scale == pytest.approx(scale, rel=0.06)


@pytest.mark.parametrize("offset", [0.0, 0.3])
def test_no_other_scale_costs_fewer_bits(offset):
    rng = np.random.default_rng(1)
    mean = rng.uniform(0, 1, 300)
    cells = np.clip(np.rint((mean + offset + 0.05 * rng.standard_t(2, 300)) * 100), 0, 1000).astype(
        np.int16
    )
    best = grid_bits(mean, cells, fit_noise(mean, cells)).mean()
    for family in ("laplace", "gaussian"):
        others = [
            grid_bits(mean, cells, ResidualNoise(family, s)).mean()
            for s in np.geomspace(1e-3, 10, 60)
        ]
        assert best <= min(others) + 1e-3


@given(
    family=FAMILY,
    scale=st.floats(1e-3, 10),
    mean=st.one_of(st.floats(-3, 15), st.sampled_from([0.005, 0.495])),
)
def test_the_masses_of_all_cells_are_those_of_each(family, scale, mean):
    spread = ResidualNoise(family, scale)
    masses = spread.grid_probs(mean)
    assert masses == pytest.approx(np.diff(spread.cdf(GRID_EDGES - mean)), abs=1e-15)
    assert masses.sum() == pytest.approx(1)
    assert (masses >= 0).all()
