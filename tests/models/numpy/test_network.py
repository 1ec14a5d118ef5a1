import copy

import numpy as np
import pytest
from factories import make_quantized_notes
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.config.schema import ModelConfig
from pipeline.models.numpy.layers import LSTM, rms_norm
from pipeline.models.numpy.network import Network, WindowNetwork
from pipeline.models.numpy.residual_blocks import MinGRUBlock
from pipeline.models.weight_shapes import weight_shapes
from pipeline.notes import active_notes, quantize
from pipeline.notes.quantize import DURATION, PITCH, STEP, VELOCITY

EMBEDDING = {"input": "embedding", "embedding_dim": 6}
BODIES = {
    "scalar lstm": {},
    "scalar lstms, dense": {"units": [5, 4], "dense_units": 7},
    "embedding lstm": {**EMBEDDING, "model_velocity": True},
    "mingru": {**EMBEDDING, "model_velocity": True, "cell": "mingru", "units": [5, 4]},
    "mingru, attention, convolution": {
        **EMBEDDING,
        "cell": ["mingru", "attention"],
        "units": [5, 32],
        "conv": 3,
        "span": 7,
    },
    "gated, dense": {**EMBEDDING, "cell": "mingru", "dense_units": 7},
}
BOTH_WAYS = {"cell": "bilstm", "stateful": False, "loss_on": "last"}


def make_config(**changes: object) -> ModelConfig:
    recipe = {
        "input": "scalar",
        "embedding_dim": 0,
        "model_velocity": False,
        "cell": "lstm",
        "learning_rate": 0.001,
        "units": [5],
    }
    recipe |= {
        "dropout": 0.0,
        "dense_units": 0,
        "output_dropout": 0.0,
        "heads": "categorical",
        "head_dim": 4,
    }
    return ModelConfig.model_validate({**recipe, "loss_on": "all", "stateful": True, **changes})


def make_network(seed: int = 0, **changes: object) -> Network:
    """Make a network of random weights."""
    block, rng = make_config(**changes), np.random.default_rng(seed)
    weights = {
        name: rng.normal(0, 0.5, shape).astype(np.float32)
        for name, shape in weight_shapes(block).items()
    }
    return Network(block, weights)


def compute_hidden(made: Network, notes: np.ndarray) -> np.ndarray:
    return made.forward(notes, made.initial_state(len(notes)))[0].hidden


def flatten_state(state: list) -> list[np.ndarray]:
    return [
        part
        for each in state
        if each is not None
        for part in (each if isinstance(each, tuple) else (each,))
    ]


def embed_notes(made: Network, notes: np.ndarray) -> np.ndarray:
    """Return what the layers read [T, D] of one piece [T, 4]: a sum of looked-up vectors and what sounds."""
    weights, tokens, parts = made.weights, quantize.token_ids(notes), []
    active, _ = active_notes.active_before_each(notes[None], active_notes.no_active_notes(1))
    for token, keys in zip(tokens, active_notes.active_features(active)[0], strict=True):
        vector = keys.astype(float) @ weights["sounding/kernel"] + weights["sounding/bias"]
        vector = vector + weights["step_embedding/embeddings"][token[STEP]]
        vector = vector + weights["duration_embedding/embeddings"][token[DURATION]]
        vector = vector + weights["pitch_embedding/embeddings"][token[PITCH]]
        if made.config.model_velocity:
            vector = vector + weights["velocity_embedding/embeddings"][token[VELOCITY]]
        parts.append(vector)
    return np.array(parts, np.float32)


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@settings(max_examples=20)
@given(seed=st.integers(0, 99), cuts=st.lists(st.integers(0, 25), max_size=3).map(sorted))
def test_reading_in_parts_is_reading_at_once(body, seed, cuts):
    made, notes = (
        make_network(**body),
        np.stack([make_quantized_notes(seed, 25), make_quantized_notes(seed + 100, 25)]),
    )
    whole, end = made.forward(notes, made.initial_state(2))
    state, parts = made.initial_state(2), []
    for part in np.split(notes, cuts, axis=1):
        context, state = made.forward(part, state)
        parts.append(context)
    hidden = np.concatenate([part.hidden for part in parts], axis=1)
    assert hidden == pytest.approx(whole.hidden, abs=1e-5)
    if whole.active is not None:
        active = np.concatenate([part.active for part in parts], axis=1)
        assert np.array_equal(active, whole.active)
    for actual, expected in zip(flatten_state(state), flatten_state(end), strict=True):
        assert actual == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_the_state_given_is_not_changed(body):
    made, notes = make_network(**body), make_quantized_notes(0, 20)[None]
    _, state = made.forward(notes[:, :10], made.initial_state(1))
    before = [part.copy() for part in flatten_state(state)]
    once, _ = made.forward(notes[:, 10:], state)
    assert all(
        np.array_equal(part, old) for part, old in zip(flatten_state(state), before, strict=True)
    )
    assert np.array_equal(made.forward(notes[:, 10:], state)[0].hidden, once.hidden)


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_window_is_a_piece_of_its_own_and_its_last_note_counts(body):
    made, notes = (
        make_network(**body),
        np.stack([make_quantized_notes(seed, 12) for seed in range(3)]),
    )
    together = made.forward_window(notes)
    for row in range(3):
        assert compute_hidden(made, notes[row : row + 1])[0, -1] == pytest.approx(
            together.hidden[row], abs=1e-5
        )


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_no_hidden_vector_knows_the_notes_after_it(body):
    made, notes = make_network(**body), make_quantized_notes(0, 20)[None]
    changed = np.concatenate([notes[:, :10], make_quantized_notes(9, 10)[None]], axis=1)
    assert compute_hidden(made, changed)[:, :10] == pytest.approx(
        compute_hidden(made, notes)[:, :10], abs=1e-6
    )
    assert not np.allclose(
        compute_hidden(made, changed)[:, 10:], compute_hidden(made, notes)[:, 10:], atol=1e-3
    )


@pytest.mark.parametrize("body", [EMBEDDING, {**EMBEDDING, "cell": "mingru"}])
def test_velocity_is_read_only_where_the_recipe_says_so(body):
    notes, louder = make_quantized_notes(0, 20)[None], make_quantized_notes(0, 20)[None]
    louder[..., VELOCITY] = 127
    assert np.array_equal(
        compute_hidden(make_network(**body), louder), compute_hidden(make_network(**body), notes)
    )
    reads = make_network(**body, model_velocity=True)
    assert not np.allclose(compute_hidden(reads, louder), compute_hidden(reads, notes), atol=1e-3)


def test_a_scalar_lstm_is_an_lstm_over_the_scaled_notes():
    made, notes = make_network(), make_quantized_notes(0, 20)[None]
    layer = LSTM(made.weights, "lstm_1")
    assert np.array_equal(
        compute_hidden(made, notes),
        layer.forward(quantize.scalar_features(notes), layer.initial_state(1))[0],
    )


@pytest.mark.parametrize("velocity", [True, False])
def test_an_embedding_is_the_sum_of_what_is_looked_up_and_what_sounds(velocity):
    made, notes = make_network(**EMBEDDING, model_velocity=velocity), make_quantized_notes(0, 20)
    layer = LSTM(made.weights, "lstm_1")
    expected, _ = layer.forward(embed_notes(made, notes)[None], layer.initial_state(1))
    assert compute_hidden(made, notes[None])[0] == pytest.approx(expected[0], abs=1e-4)


def test_gated_blocks_are_stacked_and_normed_before_a_dense_layer_that_cannot_be_negative():
    made, notes = (
        make_network(**{**BODIES["gated, dense"], "units": [5, 4]}),
        make_quantized_notes(0, 20),
    )
    x = embed_notes(made, notes)[None]
    for name in ("mingru_1", "mingru_2"):
        layer = MinGRUBlock(made.weights, name)
        x, _ = layer.forward(x, layer.initial_state(1))
    x = (
        rms_norm(x, made.weights["norm/scale"]) @ made.weights["dense/kernel"]
        + made.weights["dense/bias"]
    )
    hidden = compute_hidden(made, notes[None])[0]
    assert hidden == pytest.approx(np.maximum(x[0], 0), abs=1e-3)
    assert (hidden == 0).any()


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_heads_read_the_active_notes_after_each_note_that_note_included(body):
    made, notes = make_network(**body), make_quantized_notes(0, 30)
    context = made.forward(notes[None], made.initial_state(1))[0].select(0)
    width = made.config.dense_units or (
        made.config.embedding_dim if made.config.is_residual else made.config.units[-1]
    )
    assert context.hidden.shape == (30, width)
    if made.config.input == "scalar":
        assert context.active is None
        return
    onsets, ends = np.cumsum(notes[:, STEP].astype(int)), {}
    for note, now, active in zip(notes.tolist(), onsets.tolist(), context.active, strict=True):
        ends[note[PITCH]] = now + note[DURATION]
        expected = np.zeros(128)
        for key, end in ends.items():
            expected[key] = max(end - now, 0)
        assert np.array_equal(active, expected)


def test_the_backward_half_reads_the_window_from_its_end():
    made, notes = (
        make_network(**BOTH_WAYS),
        np.stack([make_quantized_notes(seed, 9) for seed in range(2)]),
    )
    forward, backward = (
        LSTM(made.weights, "bilstm_1_forward"),
        LSTM(made.weights, "bilstm_1_backward"),
    )
    x = quantize.scalar_features(notes)
    ahead, _ = forward.forward(x, forward.initial_state(2))
    back, _ = backward.forward(x[:, ::-1], backward.initial_state(2))
    assert made.forward_window(notes).hidden == pytest.approx(
        np.concatenate([ahead[:, -1], back[:, -1]], axis=1), abs=1e-6
    )


def test_a_second_layer_both_ways_reads_each_note_with_what_is_before_and_after_it():
    made, notes = (
        make_network(**BOTH_WAYS, **EMBEDDING, units=[5, 4], dense_units=3),
        make_quantized_notes(1, 9),
    )
    x = embed_notes(made, notes)[None]
    for number in (1, 2):
        forward, backward = (
            LSTM(made.weights, f"bilstm_{number}_{direction}")
            for direction in ("forward", "backward")
        )
        ahead, _ = forward.forward(x, forward.initial_state(1))
        back, _ = backward.forward(np.flip(x, 1), backward.initial_state(1))
        x, ends = (
            np.concatenate([ahead, np.flip(back, 1)], axis=2),
            np.concatenate([ahead, back], axis=2)[0, -1],
        )
    expected = np.maximum(ends @ made.weights["dense/kernel"] + made.weights["dense/bias"], 0)
    context = made.forward_window(notes[None]).select(0)
    assert context.hidden == pytest.approx(expected, abs=1e-4)
    _, active = active_notes.active_before_each(notes[None], active_notes.no_active_notes(1))
    assert np.array_equal(context.active, active[0])


def test_a_network_both_ways_has_nothing_to_carry():
    made = make_network(**BOTH_WAYS)
    assert made.forward_window(make_quantized_notes(0, 4)[None]).hidden.shape == (1, 10)


def test_a_window_as_memory_is_the_last_notes_read_anew():
    made, notes = make_network(**BOTH_WAYS), make_quantized_notes(0, 20)
    window = WindowNetwork(made, 6)
    state = window.initial_step_state()
    for count, part in ((4, notes[:4]), (5, notes[4:5]), (12, notes[5:12]), (20, notes[12:])):
        context = window.feed(part, state)
        assert np.array_equal(state[0], notes[max(count - 6, 0) : count])
        assert np.array_equal(context.hidden, made.forward_window(state[0][None]).hidden[0])


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@settings(max_examples=10)
@given(seed=st.integers(0, 99), cut=st.integers(1, 59))
def test_note_by_note_is_many_at_once(body, seed, cut):
    made, notes = make_network(seed, **body), make_quantized_notes(seed, 60)
    whole = compute_hidden(made, notes[None])
    state = made.initial_step_state()
    first = made.feed(notes[:cut], state).hidden
    assert first == pytest.approx(whole[0, cut - 1], abs=1e-5)
    rest = [made.step(note, state).hidden for note in notes[cut:]]
    assert np.array(rest) == pytest.approx(whole[0, cut:], abs=1e-5)


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_deep_copy_of_the_state_comes_back_to_it(body):
    made, notes = make_network(**body), make_quantized_notes(3, 20)
    state = made.initial_step_state()
    hidden = made.feed(notes[:10], state).hidden
    before, kept = hidden.copy(), copy.deepcopy(state)
    once = made.feed(notes[10:], state).hidden
    assert np.array_equal(made.feed(notes[10:], kept).hidden, once)
    assert np.array_equal(hidden, before), "a hidden vector is not changed by the notes after it"
    assert not np.array_equal(once, hidden)
