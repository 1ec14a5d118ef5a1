"""The architectures in Keras, and their numpy twins: what is trained is what is scored and played."""

from itertools import product
from typing import get_args

import numpy as np
import pytest
import tensorflow as tf
from factories import make_pedal_notes, make_quantized_notes, randomize_weights
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.config import Params
from pipeline.config.model_rules import DEFAULT_SPAN, CellName
from pipeline.config.schema import ModelConfig
from pipeline.generation import engine as streaming
from pipeline.models import scoring
from pipeline.models.keras import heads
from pipeline.models.keras import network as architectures
from pipeline.models.keras.network import NoteModel
from pipeline.models.model_io import TrainedModel
from pipeline.models.numpy import residual_blocks
from pipeline.models.numpy.network import Network
from pipeline.models.residual_noise import ResidualNoise, grid_bits
from pipeline.models.weight_shapes import weight_shapes
from pipeline.notes import active_notes
from pipeline.notes.quantize import FEATURES

COUNTED = {
    "baseline": 84_354,
    "stacked": 480_130,
    "bidirectional": 168_578,
    "dense": 84_290,
    "hybrid": 480_066,
    "wide": 299_650,
}
SPREAD = {"step": ResidualNoise("laplace", 0.1), "duration": ResidualNoise("laplace", 0.2)}
STATEFUL_CELLS = [cell for cell in get_args(CellName) if cell != "bilstm"]
COMBINED = [
    each
    for each in product(
        ("scalar", "embedding"),
        STATEFUL_CELLS,
        ("regression", "categorical", "mixture"),
        (False, True),
    )
    if (each[0] == "embedding" or each[1] not in architectures.RESIDUAL_BLOCKS)
    and not (each[2] == "regression" and each[3])
]
LONG = 2 * DEFAULT_SPAN + 50
"""Notes of a piece that is longer than the span of attention."""


def make_block(
    project: Params, combined: tuple[str, str, str, bool], **other: object
) -> ModelConfig:
    """Make a small block with two layers and a dense one."""
    kind, cell, head_kind, velocity = combined
    changes = {
        "input": kind,
        "embedding_dim": 12 if kind == "embedding" else 0,
        "model_velocity": velocity,
        "cell": cell,
        "units": [64, 32] if cell == "attention" else [10, 7],
        "dense_units": 9,
        "heads": head_kind,
        "head_dim": 0 if head_kind == "regression" else 8,
        "stateful": True,
    }
    return ModelConfig.model_validate(
        {**project.model["baseline"].model_dump(), **changes, **other}
    )


def build_random_model(config: ModelConfig, spread: float = 0.3) -> NoteModel:
    """Build a model and give every weight a random value."""
    model = architectures.build_model(config)
    randomize_weights(model, spread)
    return model


def make_trained_model(model: NoteModel, recipe: ModelConfig) -> TrainedModel:
    return TrainedModel("test", recipe, 40, architectures.named_weights(model), SPREAD)


def compute_keras_nats(model: NoteModel, notes: np.ndarray) -> np.ndarray:
    """Return the nats [T] of all notes [T + 1, 5] but the first, from the training losses of Keras."""
    active, _ = active_notes.active_before_each(notes[None], active_notes.no_active_notes(1))
    wide = tf.constant(notes[None].astype(np.int32))
    hidden, _ = model.call(
        wide[:, :-1], tf.constant(active)[:, :-1], model.initial_state(1), training=False
    )
    losses = model.compute_losses(hidden, wide[:, 1:], tf.constant(active)[:, 1:])
    return {name: loss.numpy() for name, loss in losses.items()}


@pytest.mark.parametrize(("name", "count"), COUNTED.items())
def test_parameters_are_those_of_the_design(project: Params, name: str, count: int) -> None:
    model = architectures.build_model(project.model[name])
    assert sum(weight.size for weight in architectures.named_weights(model).values()) == count


def test_the_expressive_model_is_small_enough_to_ship(project: Params) -> None:
    weights = architectures.named_weights(architectures.build_model(project.model["expressive"]))
    assert 2 * sum(weight.size for weight in weights.values()) <= 2_000_000


def test_attention_has_the_parameters_of_the_recurrence_it_is_beside(project: Params) -> None:
    counts = [
        sum(
            weight.size
            for weight in architectures.named_weights(
                architectures.build_model(project.model[name])
            ).values()
        )
        for name in ("expressive", "gated")
    ]
    assert counts[1] == pytest.approx(counts[0], rel=0.05)


def check_shapes(recipe: ModelConfig) -> None:
    """Compare the listed shapes of weights with those that Keras builds."""
    built = architectures.named_weights(architectures.build_model(recipe))
    assert weight_shapes(recipe) == {name: weight.shape for name, weight in built.items()}


@pytest.mark.slow
def test_a_model_on_disk_is_asked_for_the_weights_that_training_leaves(project: Params) -> None:
    for recipe in project.model.values():
        check_shapes(recipe)


@pytest.mark.slow
@settings(max_examples=30)
@given(
    combined=st.sampled_from(COMBINED),
    units=st.lists(st.sampled_from([32, 64, 96]), min_size=1, max_size=3),
    dense=st.sampled_from([0, 9]),
    both_ways=st.booleans(),
)
def test_so_are_models_of_any_other_block(
    project: Params,
    combined: tuple[str, str, str, bool],
    units: list[int],
    dense: int,
    both_ways: bool,
) -> None:
    both = {"cell": "bilstm", "stateful": False} if both_ways and combined[1] == "lstm" else {}
    check_shapes(make_block(project, combined, units=units, dense_units=dense, **both))


@pytest.mark.parametrize("combined", COMBINED)
def test_bits_in_numpy_are_those_of_keras(
    project: Params, combined: tuple[str, str, str, bool]
) -> None:
    recipe = make_block(project, combined)
    model = build_random_model(recipe)
    notes = make_quantized_notes(5, LONG if recipe.cell == "attention" else 60)
    numpy_bits = scoring.score_pieces(make_trained_model(model, recipe), [notes], 1)[0]
    expected = compute_keras_nats(model, notes)
    for column, name in enumerate(("pitch", "step", "duration", "velocity")[: numpy_bits.shape[1]]):
        if recipe.heads == "regression" and name != "pitch":
            continue
        # Keras does not count that a bin spreads its mass over its cells.
        cells = notes[1:, {"step": 0, "duration": 1}.get(name, 0)]
        within = 0.0
        if recipe.heads == "categorical" and name in ("step", "duration"):
            within = np.log2(heads.quantize.TIME_TOKEN_WIDTHS)[heads.quantize.TIME_TOKEN[cells]]
        within = 2.0 if name == "velocity" else within
        np.testing.assert_allclose(
            numpy_bits[:, column], expected[name] / np.log(2) + within, atol=2e-4
        )


@pytest.mark.parametrize("kind", ["scalar", "embedding"])
def test_bits_of_the_pedal_in_numpy_are_those_of_keras(project: Params, kind: str) -> None:
    recipe = make_block(project, (kind, "lstm", "categorical", True), model_pedal=True)
    check_shapes(recipe)
    model, notes = build_random_model(recipe), make_pedal_notes(5, 60)
    scored = scoring.score_pieces(make_trained_model(model, recipe), [notes], 1)[0]
    nats = compute_keras_nats(model, notes)["pedal"]
    assert scored.shape == (59, 5)
    np.testing.assert_allclose(scored[:, 4], nats / np.log(2), atol=2e-4)
    up = np.where([[False] * 4 + [True]], 0, notes).astype(np.int16)
    assert not np.allclose(
        scored[:, 4], compute_keras_nats(model, up)["pedal"] / np.log(2), atol=0.01
    )


def test_a_model_without_the_pedal_reads_none(project: Params) -> None:
    recipe = make_block(project, ("embedding", "lstm", "mixture", True))
    model, notes = build_random_model(recipe), make_pedal_notes(5, 60)
    assert not any("pedal" in name for name in architectures.named_weights(model))
    scored = scoring.score_pieces(make_trained_model(model, recipe), [notes], 1)[0]
    without = scoring.score_pieces(make_trained_model(model, recipe), [notes[:, :4]], 1)[0]
    assert np.array_equal(scored, without)
    nats, nats_without = compute_keras_nats(model, notes), compute_keras_nats(model, notes[:, :4])
    assert all(np.array_equal(nats[name], nats_without[name]) for name in nats)


@pytest.mark.parametrize("name", COUNTED)
def test_windows_in_numpy_are_those_of_keras(project: Params, name: str) -> None:
    recipe = project.model[name]
    model = build_random_model(recipe, 0.1)
    notes = np.stack([make_quantized_notes(seed, 40) for seed in range(3)])
    hidden = Network(recipe, architectures.named_weights(model)).forward_window(notes).hidden
    wide = tf.constant(notes.astype(np.int32))
    expected, _ = model.call(
        wide, tf.zeros([3, 40, 128], tf.int16), model.initial_state(3), training=False
    )
    np.testing.assert_allclose(hidden, expected[:, -1].numpy(), atol=1e-5)


def test_two_bidirectional_layers_read_in_one_order(project: Params) -> None:
    recipe = make_block(
        project, ("embedding", "lstm", "regression", False), cell="bilstm", stateful=False
    )
    model = build_random_model(recipe)
    notes = np.stack([make_quantized_notes(seed, 12) for seed in range(3)])
    active, _ = active_notes.active_before_each(notes, active_notes.no_active_notes(3))
    wide = tf.constant(notes.astype(np.int32))
    expected, _ = model.call(wide, tf.constant(active), [], training=False)
    hidden = Network(recipe, architectures.named_weights(model)).forward_window(notes).hidden[:, :9]
    np.testing.assert_allclose(hidden, expected[:, -1].numpy(), atol=1e-5)


def test_regression_bits_are_those_of_the_means_of_keras(project: Params) -> None:
    recipe = make_block(project, ("scalar", "lstm", "regression", False))
    model = build_random_model(recipe)
    notes = make_quantized_notes(8, 30)
    bits = scoring.score_pieces(make_trained_model(model, recipe), [notes], 1)[0]
    wide = tf.constant(notes[None].astype(np.int32))
    hidden, _ = model.call(
        wide[:, :-1], tf.zeros([1, 29, 128]), model.initial_state(1), training=False
    )
    step_means = model.heads.output_layers["step"](hidden)[0, :, 0].numpy().astype(float)
    np.testing.assert_allclose(
        bits[:, 1], grid_bits(step_means, notes[1:, 0], SPREAD["step"]), atol=1e-3
    )


@pytest.mark.slow
@pytest.mark.parametrize("cell", STATEFUL_CELLS)
def test_note_by_note_is_the_whole_at_once(project: Params, cell: str) -> None:
    recipe = make_block(project, ("embedding", cell, "categorical", True))
    network = Network(recipe, architectures.named_weights(build_random_model(recipe)))
    notes = make_quantized_notes(5, LONG)
    whole, _ = network.forward(notes[None], network.initial_state(1))
    state = network.initial_state(1)
    for place, note in enumerate(notes):
        context, state = network.forward(note[None, None], state)
        np.testing.assert_allclose(context.hidden[0, 0], whole.hidden[0, place], atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cell", "cut", "count"),
    [
        *((cell, 25, 40) for cell in STATEFUL_CELLS),
        ("attention", DEFAULT_SPAN, LONG),
        ("attention", 200, LONG),
    ],
)
def test_a_segment_continues_from_the_state_of_the_one_before(
    project: Params, cell: str, cut: int, count: int
) -> None:
    model = build_random_model(make_block(project, ("embedding", cell, "categorical", True)))
    notes = make_quantized_notes(5, count)[None]
    active, _ = active_notes.active_before_each(notes, active_notes.no_active_notes(1))
    wide = tf.constant(notes.astype(np.int32))
    whole, _ = model.call(wide, tf.constant(active), model.initial_state(1), training=False)
    _, state = model.call(
        wide[:, :cut], tf.constant(active)[:, :cut], model.initial_state(1), training=False
    )
    rest, _ = model.call(wide[:, cut:], tf.constant(active)[:, cut:], state, training=False)
    np.testing.assert_allclose(rest.numpy(), whole[:, cut:].numpy(), atol=1e-5)


def test_attention_in_segments_is_attention_in_play_and_reaches_as_far_as_its_span(
    project: Params,
) -> None:
    """The state after each segment of training is that of play; one block sees 128 notes, and no further."""
    recipe = make_block(project, ("embedding", "attention", "categorical", True), units=[64])
    model = build_random_model(recipe)
    layer, keras_layer = (
        residual_blocks.AttentionBlock(architectures.named_weights(model), "attention_1"),
        model.recurrent_layers[0],
    )
    x = np.random.default_rng(0).normal(0, 1, (2, 3 * DEFAULT_SPAN, 12)).astype(np.float32)
    state, carried = layer.initial_state(2), keras_layer.initial_state(2)
    for begin in range(0, 3 * DEFAULT_SPAN, 48):
        whole, carried = keras_layer(tf.constant(x[:, begin : begin + 48]), carried)
        for t in range(48):
            out, state = layer.forward(x[:, begin + t : begin + t + 1], state)
            np.testing.assert_allclose(out[:, 0], whole[:, t].numpy(), atol=1e-4)
        assert state.shape == (2, min(begin + 48, DEFAULT_SPAN - 1), 128)
        np.testing.assert_allclose(state, carried.numpy(), atol=1e-5)
    changed = x.copy()
    changed[:, 100] += 1
    one, other = (layer.forward(notes, layer.initial_state(2))[0] for notes in (x, changed))
    differs = (np.abs(one - other) > 1e-6).any(axis=(0, 2))
    assert np.flatnonzero(differs).tolist() == list(range(100, 100 + DEFAULT_SPAN))


EVERY = {
    **{name: {} for name in (*COUNTED, "gated", "expressive")},
    "gated, mixture": {"heads": "mixture"},
    "gated, no velocity": {"model_velocity": False},
    "gated, pedal": {"model_pedal": True},
    "expressive, mixture, no velocity": {"heads": "mixture", "model_velocity": False},
    "stacked, embedding, categorical": {
        "input": "embedding",
        "embedding_dim": 32,
        "heads": "categorical",
        "head_dim": 16,
    },
}


@pytest.mark.slow
@pytest.mark.parametrize("name", EVERY)
def test_two_thousand_notes_played_one_by_one_are_those_of_keras(
    project: Params, name: str
) -> None:
    """Hidden vectors and bits of the engine, note by note, are those of Keras and of scoring for all notes at once."""
    recipe = project.model[name.split(",")[0]].model_copy(update=EVERY[name])
    if not recipe.is_bidirectional:
        recipe = recipe.model_copy(update={"stateful": True})
    net = build_random_model(recipe, 0.1)
    model, notes = make_trained_model(net, recipe), make_pedal_notes(6, 2000)
    keras_hidden = (
        _read_windows_in_keras(net, notes, model.sequence_length)
        if recipe.is_bidirectional
        else _read_whole_in_keras(net, notes)
    )
    engine, bits, first = streaming.Engine(model), [], len(notes) - len(keras_hidden)
    for place, note in enumerate(notes[:-1]):
        engine.feed(note[None])
        if place >= first:
            np.testing.assert_allclose(
                engine.context.hidden, keras_hidden[place - first], atol=1e-5
            )
        bits.append(_score_note(engine, notes[place + 1]))
    np.testing.assert_allclose(bits, scoring.score_pieces(model, [notes], 1)[0], atol=1e-3)


def _read_whole_in_keras(net: NoteModel, notes: np.ndarray) -> np.ndarray:
    """Return the hidden vectors [N, H] of all notes read at once."""
    active, _ = active_notes.active_before_each(notes[None], active_notes.no_active_notes(1))
    # As a graph, Keras loops over notes in a tenth of the time; the other cells loop in Python and would be unrolled.
    read = tf.function(net.call) if net.config.cell == "lstm" else net.call
    hidden, _ = read(
        tf.constant(notes[None].astype(np.int32)),
        tf.constant(active),
        net.initial_state(1),
        training=False,
    )
    return hidden[0].numpy()


def _read_windows_in_keras(net: NoteModel, notes: np.ndarray, length: int) -> np.ndarray:
    """Return the hidden vectors after each note that ends a whole window, all windows side by side."""
    ends = np.arange(length, len(notes) + 1)
    windows = notes[ends[:, None] - length + np.arange(length)]
    hidden, _ = net.call(tf.constant(windows.astype(np.int32)), None, [], training=False)
    return hidden[:, -1].numpy()


def _score_note(engine: streaming.Engine, note: np.ndarray) -> list[float]:
    """Return the bits of the note that comes, by the masses that its parts would be drawn from."""
    bits = engine.score_note(note)
    return [bits[name] for name in FEATURES if name in bits]
