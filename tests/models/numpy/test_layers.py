"""Each layer against its formula, written out note by note and unit by unit in float64."""

import copy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from pipeline.config.model_rules import ATTENTION_HEAD_DIM, DEFAULT_SPAN
from pipeline.models.numpy import layers
from pipeline.models.numpy.layers import LSTM
from pipeline.models.numpy.residual_blocks import AttentionBlock, MinGRUBlock

WIDTH, UNITS = 5, 4


def make_lstm_weights(seed: int, width: int = WIDTH, units: int = UNITS) -> dict[str, np.ndarray]:
    shapes = {
        "kernel": (width, 4 * units),
        "recurrent_kernel": (units, 4 * units),
        "bias": (4 * units,),
    }
    rng = np.random.default_rng(seed)
    return {
        f"lstm_1/{name}": rng.normal(0, 0.7, shape).astype(np.float32)
        for name, shape in shapes.items()
    }


def make_block_weights(
    seed: int, name: str, width: int = WIDTH, units: int = UNITS
) -> dict[str, np.ndarray]:
    """Make the weights of a residual block; those of attention are half as large, so that no note has all the weight."""
    shapes = {
        "inner/kernel": (width, 3 * units),
        "inner/bias": (3 * units,),
        "outer/kernel": (units, width),
    }
    shapes |= {
        "up/kernel": (width, 2 * width),
        "up/bias": (2 * width,),
        "down/kernel": (2 * width, width),
    }
    shapes |= {"norm1/scale": (width,), "norm2/scale": (width,)}
    shapes |= (
        {"distance": (units // ATTENTION_HEAD_DIM, DEFAULT_SPAN)}
        if name.startswith("attention")
        else {}
    )
    rng, spread = np.random.default_rng(seed), 0.35 if name.startswith("attention") else 0.7
    return {
        f"{name}/{part}": rng.normal(0, spread, shape).astype(np.float32)
        for part, shape in shapes.items()
    }


def make_gated_weights(seed: int) -> dict[str, np.ndarray]:
    return make_block_weights(seed, "mingru_1")


def make_attention_weights(seed: int) -> dict[str, np.ndarray]:
    return make_block_weights(seed, "attention_1", units=2 * ATTENTION_HEAD_DIM)


LAYERS = {
    "lstm": lambda seed: LSTM(make_lstm_weights(seed), "lstm_1"),
    "mingru": lambda seed: MinGRUBlock(make_gated_weights(seed), "mingru_1"),
    "attention": lambda seed: AttentionBlock(make_attention_weights(seed), "attention_1"),
}


def make_inputs(seed: int, batch: int, count: int) -> np.ndarray:
    return np.random.default_rng([seed, 1]).normal(0, 1, (batch, count, WIDTH)).astype(np.float32)


def list_parts(state) -> list[np.ndarray]:
    return list(state) if isinstance(state, tuple) else [state]


def compute_lstm(
    weights: dict[str, np.ndarray], x: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return outputs [T, U] and the last hidden and cell vector of one piece x [T, D]."""
    kernel, recurrent, bias = (
        weights[f"lstm_1/{name}"].astype(float) for name in ("kernel", "recurrent_kernel", "bias")
    )
    units = len(recurrent)
    h, c, out = np.zeros(units), np.zeros(units), []
    for note in x.astype(float):
        new_h = np.empty(units)
        for unit in range(units):
            i, f, g, o = (
                note @ kernel[:, gate * units + unit]
                + h @ recurrent[:, gate * units + unit]
                + bias[gate * units + unit]
                for gate in range(4)
            )
            c[unit] = special.expit(f) * c[unit] + special.expit(i) * np.tanh(g)
            new_h[unit] = special.expit(o) * np.tanh(c[unit])
        h = new_h
        out.append(h)
    return np.array(out), h, c


def normalize(x: np.ndarray, scale: np.ndarray) -> np.ndarray:
    return x / np.sqrt((x * x).sum() / len(x) + 1e-6) * scale


def compute_gated(weights: dict[str, np.ndarray], x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return outputs [T, D] and the last state [U] of one piece x [T, D]."""
    of = {name.partition("/")[2]: value.astype(float) for name, value in weights.items()}
    units = len(of["outer/kernel"])
    h, out = np.zeros(units), []
    for note in x.astype(float):
        inner = normalize(note, of["norm1/scale"]) @ of["inner/kernel"] + of["inner/bias"]
        keep, new, gate = special.expit(inner[:units]), inner[units : 2 * units], inner[2 * units :]
        h = keep * h + (1 - keep) * new
        out.append(compute_block_output(of, note, h * gate * special.expit(gate)))
    return np.array(out), h


def compute_block_output(
    of: dict[str, np.ndarray], note: np.ndarray, mixed: np.ndarray
) -> np.ndarray:
    """Return the output [D] of a residual block for one note."""
    middle = note + mixed @ of["outer/kernel"]
    up = normalize(middle, of["norm2/scale"]) @ of["up/kernel"] + of["up/bias"]
    return middle + (up * special.expit(1.702 * up)) @ of["down/kernel"]


def compute_attention(weights: dict[str, np.ndarray], x: np.ndarray) -> np.ndarray:
    """Return outputs [T, D] of one piece x [T, D]: each note attends to itself and the 127 before it, head by head."""
    of = {name.partition("/")[2]: value.astype(float) for name, value in weights.items()}
    inner = [
        normalize(note, of["norm1/scale"]) @ of["inner/kernel"] + of["inner/bias"]
        for note in x.astype(float)
    ]
    queries, keys, values = np.split(np.array(inner), 3, axis=1)
    out = []
    for t, note in enumerate(x.astype(float)):
        seen, mixed = np.arange(max(0, t - 127), t + 1), []
        for number, distance in enumerate(of["distance"]):
            columns = slice(32 * number, 32 * (number + 1))
            scores = keys[seen, columns] @ queries[t, columns] / np.sqrt(32) + distance[t - seen]
            mixed.append(special.softmax(scores) @ values[seen, columns])
        out.append(compute_block_output(of, note, np.concatenate(mixed)))
    return np.array(out)


def test_an_lstm_is_its_formula():
    weights, x = make_lstm_weights(0), make_inputs(0, 2, 30)
    out, (h, c) = LSTM(weights, "lstm_1").forward(x, LSTM(weights, "lstm_1").initial_state(2))
    for row in range(2):
        expected, last_h, last_c = compute_lstm(weights, x[row])
        assert out[row] == pytest.approx(expected, abs=1e-5)
        assert h[row] == pytest.approx(last_h, abs=1e-5)
        assert c[row] == pytest.approx(last_c, abs=1e-5)


def test_a_gated_block_is_its_formula():
    weights, x = make_gated_weights(0), make_inputs(0, 2, 30)
    out, state = MinGRUBlock(weights, "mingru_1").forward(
        x, MinGRUBlock(weights, "mingru_1").initial_state(2)
    )
    for row in range(2):
        expected, last = compute_gated(weights, x[row])
        assert out[row] == pytest.approx(expected, abs=1e-4)
        assert state[row] == pytest.approx(last, abs=1e-5)


def test_attention_is_its_formula_and_forgets_what_lies_beyond_its_span():
    layer, x = LAYERS["attention"](0), make_inputs(0, 2, 300)
    out, _ = layer.forward(x, layer.initial_state(2))
    for row in range(2):
        assert out[row] == pytest.approx(
            compute_attention(make_attention_weights(0), x[row]), abs=1e-4
        )


@pytest.mark.parametrize(
    "cuts", [[1], [127], [128], [129], [100, 200], [1, 2, 3, 131], list(range(1, 300))]
)
def test_attention_keeps_from_part_to_part_what_it_still_sees(cuts):
    layer, x = LAYERS["attention"](1), make_inputs(1, 1, 300)
    whole, end = layer.forward(x, layer.initial_state(1))
    state, parts = layer.initial_state(1), []
    for part in np.split(x, cuts, axis=1):
        out, state = layer.forward(part, state)
        parts.append(out)
    assert np.concatenate(parts, axis=1) == pytest.approx(whole, abs=1e-5)
    assert state == pytest.approx(end, abs=1e-5)
    assert state.shape == (1, DEFAULT_SPAN - 1, 4 * ATTENTION_HEAD_DIM)


@pytest.mark.parametrize("kind", LAYERS)
@given(seed=st.integers(0, 99), count=st.integers(1, 12), data=st.data())
def test_reading_in_two_parts_is_reading_at_once(kind, seed, count, data):
    layer, x = LAYERS[kind](seed), make_inputs(seed, 2, count)
    cut = data.draw(st.integers(0, count))
    whole, end = layer.forward(x, layer.initial_state(2))
    first, between = layer.forward(x[:, :cut], layer.initial_state(2))
    second, last = layer.forward(x[:, cut:], between)
    assert np.concatenate([first, second], axis=1) == pytest.approx(whole, abs=1e-5)
    for actual, expected in zip(list_parts(last), list_parts(end), strict=True):
        assert actual == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("kind", LAYERS)
def test_pieces_side_by_side_do_not_hear_each_other(kind):
    layer, x = LAYERS[kind](1), make_inputs(1, 3, 9)
    together, _ = layer.forward(x, layer.initial_state(3))
    for row in range(3):
        assert layer.forward(x[row : row + 1], layer.initial_state(1))[0][0] == pytest.approx(
            together[row], abs=1e-6
        )


@pytest.mark.parametrize("kind", LAYERS)
def test_reading_leaves_notes_and_state_as_they_were(kind):
    layer, x = LAYERS[kind](2), make_inputs(2, 1, 4)
    state = layer.initial_state(1)
    layer.forward(x, state)
    assert np.array_equal(x, make_inputs(2, 1, 4))
    assert not any(part.any() for part in list_parts(state))


@pytest.mark.parametrize("kind", LAYERS)
def test_all_stays_in_single_precision(kind):
    layer = LAYERS[kind](2)
    out, state = layer.forward(make_inputs(2, 1, 4), layer.initial_state(1))
    assert {out.dtype, *(part.dtype for part in list_parts(state))} == {np.dtype(np.float32)}


def test_a_layer_takes_the_weights_of_its_name():
    other = {
        name.replace("mingru_1", "mingru_10"): value + 1
        for name, value in make_gated_weights(3).items()
    }
    assert (
        MinGRUBlock({**other, **make_gated_weights(3)}, "mingru_1").weights.keys()
        == MinGRUBlock(make_gated_weights(3), "mingru_1").weights.keys()
    )
    layer = MinGRUBlock({**other, **make_gated_weights(3)}, "mingru_1")
    assert np.array_equal(layer.weights["up/bias"], make_gated_weights(3)["mingru_1/up/bias"])


@given(st.floats(-1e4, 1e4, width=32))
def test_sigmoid_is_that_of_scipy(x):
    assert layers.sigmoid(np.float32([x]))[0] == pytest.approx(special.expit(x), abs=1e-6)


@given(st.floats(-1e4, 1e4, width=32))
def test_gelu_is_by_its_definition_and_near_the_slow_form(x):
    result = layers.quick_gelu(np.float32([x]))[0]
    assert result == pytest.approx(
        x * special.expit(1.702 * x), rel=1e-5, abs=1e-3 if x < -5 else 1e-6
    )
    assert result == pytest.approx(x * stats.norm.cdf(x), abs=0.021, rel=1e-5)


@given(seed=st.integers(0, 999), loud=st.sampled_from([1e-2, 1.0, 1e4]))
def test_rms_norm_is_by_its_definition(seed, loud):
    rng = np.random.default_rng(seed)
    x, scale = (
        (loud * rng.normal(0, 1, (2, 3, 6))).astype(np.float32),
        rng.normal(0, 1, 6).astype(np.float32),
    )
    result = layers.rms_norm(x, scale)
    assert result[1, 2] == pytest.approx(
        normalize(x[1, 2].astype(float), scale), rel=1e-5, abs=1e-6
    )
    plain = layers.rms_norm(x, np.ones(6, np.float32))
    if loud >= 1:
        assert np.square(plain).mean(axis=-1) == pytest.approx(np.ones((2, 3)), rel=1e-3)


def test_rms_norm_of_nothing_is_nothing():
    assert not layers.rms_norm(np.zeros((1, 4), np.float32), np.ones(4, np.float32)).any()


STEPS = {
    "lstm": (LSTM, make_lstm_weights, 60),
    "mingru": (MinGRUBlock, make_gated_weights, 60),
    "attention": (AttentionBlock, make_attention_weights, 3 * DEFAULT_SPAN),
}


@pytest.mark.parametrize("name", STEPS)
@settings(max_examples=10)
@given(seed=st.integers(0, 1000))
def test_note_by_note_is_many_at_once(name, seed):
    make_layer, make_weights, count = STEPS[name]
    weights = make_weights(seed)
    x = np.random.default_rng(seed).normal(0, 1, (count, WIDTH)).astype(np.float32)
    before = {key: value.copy() for key, value in weights.items()}
    layer = make_layer(weights, f"{name}_1")
    state = layer.initial_step_state()
    steps = np.array([layer.step(note, state).copy() for note in x])
    whole, _ = layer.forward(x[None], layer.initial_state(1))
    assert steps == pytest.approx(whole[0], abs=2e-5)
    assert all(np.array_equal(value, before[key]) for key, value in weights.items()), (
        "the weights given are not changed"
    )


@pytest.mark.parametrize("name", STEPS)
def test_a_deep_copy_of_the_state_comes_back_to_it(name):
    make_layer, make_weights, count = STEPS[name]
    layer = make_layer(make_weights(3), f"{name}_1")
    x = np.random.default_rng(4).normal(0, 1, (count, 5)).astype(np.float32)
    state = layer.initial_step_state()
    for note in x[:-5]:
        layer.step(note, state)
    kept = copy.deepcopy(state)
    once = [layer.step(note, state).copy() for note in x[-5:]]
    again = [layer.step(note, kept).copy() for note in x[-5:]]
    assert np.array_equal(once, again)
    assert not np.array_equal(once[-1], layer.step(x[-1], layer.initial_step_state()))


@pytest.mark.parametrize("name", STEPS)
def test_a_note_leaves_what_it_was_given(name):
    make_layer, make_weights, _ = STEPS[name]
    layer = make_layer(make_weights(3), f"{name}_1")
    x = np.random.default_rng(4).normal(0, 1, 5).astype(np.float32)
    given_x = x.copy()
    layer.step(x, layer.initial_step_state())
    assert np.array_equal(x, given_x)


@given(st.lists(st.floats(-50, 50, width=32), min_size=1, max_size=9))
def test_gelu_is_that_of_many_notes_to_scale(values):
    x = np.array(values, np.float32)
    result = layers.scaled_quick_gelu(x * np.float32(layers.QUICK_GELU_SCALE)) / (
        2 * layers.QUICK_GELU_SCALE
    )
    assert result == pytest.approx(layers.quick_gelu(x), rel=1e-5, abs=1e-6)


@given(st.lists(st.floats(-50, 50, width=32), min_size=1, max_size=9))
def test_over_rms_is_that_of_the_norm(values):
    x = np.array(values, np.float32)
    plain = layers.rms_norm(x, np.ones(len(x), np.float32))
    assert x * layers.inverse_rms(x) == pytest.approx(plain, rel=1e-5, abs=1e-6)
