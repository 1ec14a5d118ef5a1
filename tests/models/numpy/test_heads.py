import numpy as np
import pytest
from factories import FunctionSampler
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

from pipeline.generation.step_heads import RegressionStepHeads
from pipeline.models.numpy import heads
from pipeline.models.numpy.heads import Context, RegressionHeads
from pipeline.models.residual_noise import ResidualNoise
from pipeline.notes.quantize import FEATURES, SCORED_FEATURES, VELOCITY

FAMILY = st.sampled_from(["laplace", "gaussian"])
SPREADS = st.builds(ResidualNoise, FAMILY, st.floats(1e-3, 10))
MEANS = st.floats(-3, 15)


def make_heads(
    step: float, duration: float, spread: dict[str, ResidualNoise], seed: int = 0
) -> RegressionHeads:
    """Make heads that predict these times for any hidden vector."""
    rng = np.random.default_rng(seed)
    weights = {"pitch/kernel": rng.normal(0, 1, (4, 128)), "pitch/bias": rng.normal(0, 2, 128)}
    for name, value in (("step", step), ("duration", duration)):
        weights |= {f"{name}/kernel": np.zeros((4, 1)), f"{name}/bias": np.array([value])}
    return RegressionHeads(
        {name: weight.astype(np.float32) for name, weight in weights.items()}, spread
    )


@given(step=MEANS, duration=MEANS, first=SPREADS, second=SPREADS)
def test_probabilities_sum_to_one_and_none_is_negative(step, duration, first, second):
    masses = make_heads(step, duration, {"step": first, "duration": second}).distributions_of_one(
        np.ones(4, np.float32)
    )
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
def test_bits_are_those_of_the_masses_that_are_drawn_from(
    step, duration, first, second, cells, pitch
):
    regression_heads = make_heads(step, duration, {"step": first, "duration": second})
    hidden, code = np.ones(4, np.float32), np.array([*cells, pitch, 64], np.int16)
    drawn_from = dict(
        RegressionStepHeads(regression_heads).iterate_distributions(Context(hidden, None), [])
    )
    expected = [
        -np.log2(max(drawn_from[head][code[FEATURES[head].column]], 1e-12))
        for head in SCORED_FEATURES
    ]
    assert regression_heads.bits(Context(hidden[None], None), code[None])[0] == pytest.approx(
        expected, abs=1e-3
    )


def test_each_choice_goes_to_its_column():
    chosen = {"pitch": 61, "step": 7, "duration": 300}
    regression_heads = make_heads(
        0.1, 0.2, dict.fromkeys(("step", "duration"), ResidualNoise("laplace", 0.1))
    )
    note = [0, 0, 0, 99]
    context = Context(np.ones(4, np.float32), None)
    distributions = RegressionStepHeads(regression_heads).iterate_distributions(context, note)
    code = FunctionSampler(lambda head, mass: chosen[head]).sample_note(distributions, note)
    assert {head: code[FEATURES[head].column] for head in SCORED_FEATURES} == chosen
    assert code[VELOCITY] == 99
    assert code.dtype == np.int16


@given(logits=st.lists(st.floats(-1e4, 1e4, width=32), min_size=1, max_size=20))
def test_softmax_is_that_of_scipy(logits):
    logits = np.array(logits, np.float32)
    assert heads.softmax(logits) == pytest.approx(special.softmax(logits.astype(float)))
    assert heads.softmax_1d(logits) == pytest.approx(heads.softmax(logits), rel=1e-14)


def test_each_head_gets_the_spread_of_its_own_residuals():
    rng = np.random.default_rng(2)
    regression_heads = make_heads(1.0, 2.0, {})
    codes = np.zeros((2000, 4), np.int16)
    codes[:, FEATURES["step"].column] = 100 + np.rint(rng.normal(0, 5, 2000))
    codes[:, FEATURES["duration"].column] = 200 + np.rint(rng.laplace(0, 20, 2000))
    regression_heads.fit_noise(np.ones((2000, 4), np.float32), codes)
    assert (
        regression_heads.residual_noise["step"].family,
        regression_heads.residual_noise["duration"].family,
    ) == (
        "gaussian",
        "laplace",
    )
    assert regression_heads.residual_noise["step"].scale == pytest.approx(0.05, rel=0.1)
    assert regression_heads.residual_noise["duration"].scale == pytest.approx(0.2, rel=0.1)
