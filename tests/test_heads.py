import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

from pipeline import heads
from pipeline.encoding import COLUMN, HEADS, VELOCITY
from pipeline.heads import RegressionHeads, Spread

SCIPY = {"laplace": stats.laplace, "gaussian": stats.norm}
FAMILY = st.sampled_from(["laplace", "gaussian"])
SPREADS = st.builds(Spread, FAMILY, st.floats(1e-3, 10))
MEANS = st.floats(-3, 15)


def outputs(step: float, duration: float, spread: dict[str, Spread], seed: int = 0) -> RegressionHeads:
    """Make heads that say these times whatever is hidden."""
    rng = np.random.default_rng(seed)
    weights = {"pitch/kernel": rng.normal(0, 1, (4, 128)), "pitch/bias": rng.normal(0, 2, 128)}
    for name, value in (("step", step), ("duration", duration)):
        weights |= {f"{name}/kernel": np.zeros((4, 1)), f"{name}/bias": np.array([value])}
    return RegressionHeads({name: weight.astype(np.float32) for name, weight in weights.items()}, spread)


@pytest.mark.parametrize("family", ["laplace", "gaussian"])
def test_cell_masses_are_those_of_scipy(family):
    cells = np.array([0, 1, 30, 49, 50, 51, 70, 120, 999, 1000], np.int16)
    low = np.where(cells == 0, -np.inf, (cells - 0.5) / 100)
    high = np.where(cells == 1000, np.inf, (cells + 0.5) / 100)
    for mean in (-0.02, 0.5, 0.503, 9.9, 11.0):
        density = SCIPY[family](mean, 0.13)
        right = low > mean  # the survival function is exact where the cumulative one has rounded to 1
        mass = np.where(right, density.sf(low) - density.sf(high), density.cdf(high) - density.cdf(low))
        bits = heads.cell_bits(np.full(len(cells), mean), cells, Spread(family, 0.13))
        assert bits == pytest.approx(-np.log2(np.maximum(mass, 1e-12)), abs=2e-3)


def test_a_cell_worked_by_hand():
    # A Laplace of scale 0.01 around the middle of a cell leaves exp(-1/2) outside its half cells.
    bits = heads.cell_bits(np.array([0.5]), np.array([50], np.int16), Spread("laplace", 0.01))
    assert bits[0] == pytest.approx(-np.log2(1 - np.exp(-0.5)))


def test_bits_stay_finite_far_from_what_was_said():
    bits = heads.cell_bits(np.array([0.0]), np.array([900], np.int16), Spread("gaussian", 1e-3))
    assert bits[0] == pytest.approx(-np.log2(1e-12))


@given(step=MEANS, duration=MEANS, first=SPREADS, second=SPREADS)
def test_probabilities_sum_to_one_and_none_is_negative(step, duration, first, second):
    masses = outputs(step, duration, {"step": first, "duration": second}).masses(np.ones(4, np.float32))
    assert {name: mass.shape for name, mass in masses.items()} == {
        "pitch": (128,),
        "step": (1001,),
        "duration": (1001,),
    }
    for mass in masses.values():
        assert mass.sum() == pytest.approx(1)
        assert (mass >= 0).all()


@given(
    step=MEANS,
    duration=MEANS,
    first=SPREADS,
    second=SPREADS,
    cells=st.tuples(st.integers(0, 1000), st.integers(0, 1000)),
    pitch=st.integers(0, 127),
)
def test_bits_are_those_of_the_masses_that_are_drawn_from(step, duration, first, second, cells, pitch):
    said = outputs(step, duration, {"step": first, "duration": second})
    hidden, code = np.ones(4, np.float32), np.array([*cells, pitch, 64], np.int16)
    drawn_from = {}
    said.draw(hidden, lambda head, mass: drawn_from.setdefault(head, mass).argmax(), 64)
    expected = [-np.log2(max(drawn_from[head][code[COLUMN[head]]], 1e-12)) for head in HEADS]
    assert said.bits(hidden[None], code[None])[0] == pytest.approx(expected, abs=1e-3)


def test_each_choice_goes_to_its_column():
    chosen = {"pitch": 61, "step": 7, "duration": 300}
    said = outputs(0.1, 0.2, dict.fromkeys(("step", "duration"), Spread("laplace", 0.1)))
    code = said.draw(np.ones(4, np.float32), lambda head, mass: chosen[head], 99)
    assert {head: code[COLUMN[head]] for head in HEADS} == chosen
    assert code[VELOCITY] == 99
    assert code.dtype == np.int16


@given(logits=st.lists(st.floats(-1e4, 1e4, width=32), min_size=1, max_size=20))
def test_softmax_is_that_of_scipy(logits):
    assert heads.softmax(np.array(logits, np.float32)) == pytest.approx(special.softmax(logits))


@pytest.mark.parametrize("family", ["laplace", "gaussian"])
@pytest.mark.parametrize("scale", [0.02, 0.4])
def test_a_fitted_spread_finds_family_and_scale(family, scale):
    rng = np.random.default_rng(0)
    mean = rng.uniform(4, 6, 4000)
    cells = np.rint(SCIPY[family].rvs(mean, scale, random_state=rng) * 100).astype(np.int16)
    spread = heads.fit_spread(mean, cells)
    assert spread.family == family
    assert spread.scale == pytest.approx(scale, rel=0.06)


@pytest.mark.parametrize("offset", [0.0, 0.3])
def test_no_other_scale_costs_fewer_bits(offset):
    rng = np.random.default_rng(1)
    mean = rng.uniform(0, 1, 300)
    cells = np.clip(np.rint((mean + offset + 0.05 * rng.standard_t(2, 300)) * 100), 0, 1000).astype(np.int16)
    best = heads.cell_bits(mean, cells, heads.fit_spread(mean, cells)).mean()
    for family in ("laplace", "gaussian"):
        others = [heads.cell_bits(mean, cells, Spread(family, s)).mean() for s in np.geomspace(1e-3, 10, 60)]
        assert best <= min(others) + 1e-3


def test_each_head_gets_the_spread_of_its_own_residuals():
    rng = np.random.default_rng(2)
    said = outputs(1.0, 2.0, {})
    codes = np.zeros((2000, 4), np.int16)
    codes[:, COLUMN["step"]] = 100 + np.rint(rng.normal(0, 5, 2000))
    codes[:, COLUMN["duration"]] = 200 + np.rint(rng.laplace(0, 20, 2000))
    said.fit(np.ones((2000, 4), np.float32), codes)
    assert (said.spread["step"].family, said.spread["duration"].family) == ("gaussian", "laplace")
    assert said.spread["step"].scale == pytest.approx(0.05, rel=0.1)
    assert said.spread["duration"].scale == pytest.approx(0.2, rel=0.1)
