"""The architectures in Keras, and their numpy twins: what is trained is what is scored and played."""

from itertools import product

import numpy as np
import pytest
import tensorflow as tf
from conftest import codes

from pipeline import sounding, streaming
from pipeline.network import Network
from pipeline.nn import architectures, heads
from pipeline.nn.architectures import Net
from pipeline.params import Params
from pipeline.recipes import Model
from pipeline.spread import Spread, cell_bits
from pipeline.storage import Trained

COUNTED = {
    "baseline": 84_354,
    "stacked": 480_130,
    "bidirectional": 168_578,
    "dense": 84_290,
    "hybrid": 480_066,
    "wide": 299_650,
}
SPREAD = {"step": Spread("laplace", 0.1), "duration": Spread("laplace", 0.2)}
COMBINED = [
    each
    for each in product(
        ("scalar", "embedding"), ("lstm", "gated"), ("regression", "categorical", "mixture"), (False, True)
    )
    if each[:2] != ("scalar", "gated") and not (each[2] == "regression" and each[3])
]


def block(project: Params, combined: tuple[str, str, str, bool], **other: object) -> Model:
    """Make a small block with two layers and a dense one."""
    kind, cell, told, velocity = combined
    changes = {
        "input": kind,
        "width": 12 if kind == "embedding" else 0,
        "velocity": velocity,
        "cell": cell,
        "units": [10, 7],
        "dense": 9,
        "heads": told,
        "chain": 0 if told == "regression" else 8,
        "memory": "carried",
    }
    return Model.model_validate({**project.model["baseline"].model_dump(), **changes, **other})


def shaken(model: Net, spread: float = 0.3) -> Net:
    """Give every weight a random value, biases too: at their zeros a wrong order of gates would go unseen."""
    for number, variable in enumerate(model.trainable_variables):
        variable.assign(np.random.default_rng(number).normal(0, spread, variable.shape))
    return model


def trained(model: Net, recipe: Model) -> Trained:
    return Trained("test", recipe, 40, architectures.weights(model), SPREAD)


def keras_bits(model: Net, notes: np.ndarray) -> np.ndarray:
    """Return the bits [T] of all notes [T + 1, 4] but the first, from the training losses of Keras."""
    left, _ = sounding.read(notes[None], sounding.start(1))
    wide = tf.constant(notes[None].astype(np.int32))
    hidden, _ = model.read(wide[:, :-1], tf.constant(left)[:, :-1], model.start(1), training=False)
    losses = model.losses_after(hidden, wide[:, 1:], tf.constant(left)[:, 1:])
    return {name: loss.numpy() for name, loss in losses.items()}


@pytest.mark.parametrize(("name", "count"), COUNTED.items())
def test_parameters_are_those_of_the_design(project: Params, name: str, count: int) -> None:
    model = architectures.build(project.model[name])
    assert sum(weight.size for weight in architectures.weights(model).values()) == count


def test_the_expressive_model_is_small_enough_to_ship(project: Params) -> None:
    weights = architectures.weights(architectures.build(project.model["expressive"]))
    assert 2 * sum(weight.size for weight in weights.values()) <= 2_000_000


@pytest.mark.parametrize("combined", COMBINED)
def test_numpy_tells_notes_as_keras_does(project: Params, combined: tuple[str, str, str, bool]) -> None:
    recipe = block(project, combined)
    model = shaken(architectures.build(recipe))
    notes = codes(5, 60)
    ours = streaming.bits(trained(model, recipe), [notes], 1)[0]
    theirs = keras_bits(model, notes)
    for column, name in enumerate(("pitch", "step", "duration", "velocity")[: ours.shape[1]]):
        if recipe.heads == "regression" and name != "pitch":
            continue
        # What Keras leaves out: that a bin spreads its mass over its cells.
        cells = notes[1:, {"step": 0, "duration": 1}.get(name, 0)]
        within = 0.0
        if recipe.heads == "categorical" and name in ("step", "duration"):
            within = np.log2(heads.encoding.BIN_WIDTHS)[heads.encoding.BIN_OF[cells]]
        within = 2.0 if name == "velocity" else within
        np.testing.assert_allclose(ours[:, column], theirs[name] / np.log(2) + within, atol=2e-4)


@pytest.mark.parametrize("name", COUNTED)
def test_windows_in_numpy_are_those_of_keras(project: Params, name: str) -> None:
    recipe = project.model[name]
    model = shaken(architectures.build(recipe), 0.1)
    notes = np.stack([codes(seed, 40) for seed in range(3)])
    hidden = Network(recipe, architectures.weights(model)).window(notes)
    wide = tf.constant(notes.astype(np.int32))
    theirs, _ = model.read(wide, tf.zeros([3, 40, 128], tf.int16), model.start(3), training=False)
    np.testing.assert_allclose(hidden, theirs[:, -1].numpy(), atol=1e-5)


def test_two_bidirectional_layers_read_in_one_order(project: Params) -> None:
    recipe = block(project, ("embedding", "lstm", "regression", False), bidirectional=True, memory="window")
    model = shaken(architectures.build(recipe))
    notes = np.stack([codes(seed, 12) for seed in range(3)])
    left, _ = sounding.read(notes, sounding.start(3))
    wide = tf.constant(notes.astype(np.int32))
    theirs, _ = model.read(wide, tf.constant(left), [], training=False)
    ours = Network(recipe, architectures.weights(model)).window(notes)[:, :9]
    np.testing.assert_allclose(ours, theirs[:, -1].numpy(), atol=1e-5)


def test_regression_bits_are_those_of_what_keras_says(project: Params) -> None:
    recipe = block(project, ("scalar", "lstm", "regression", False))
    model = shaken(architectures.build(recipe))
    notes = codes(8, 30)
    ours = streaming.bits(trained(model, recipe), [notes], 1)[0]
    wide = tf.constant(notes[None].astype(np.int32))
    hidden, _ = model.read(wide[:, :-1], tf.zeros([1, 29, 128]), model.start(1), training=False)
    said = model.heads.parts["step"](hidden)[0, :, 0].numpy().astype(float)
    np.testing.assert_allclose(ours[:, 1], cell_bits(said, notes[1:, 0], SPREAD["step"]), atol=1e-3)


@pytest.mark.parametrize("cell", ["lstm", "gated"])
def test_note_by_note_is_the_whole_at_once(project: Params, cell: str) -> None:
    recipe = block(project, ("embedding", cell, "categorical", True))
    network = Network(recipe, architectures.weights(shaken(architectures.build(recipe))))
    notes = codes(5, 200)
    whole, _ = network.read(notes[None], network.start(1))
    state = network.start(1)
    for place, note in enumerate(notes):
        hidden, state = network.read(note[None, None], state)
        np.testing.assert_allclose(hidden[0, 0], whole[0, place], atol=1e-4)


@pytest.mark.parametrize("cell", ["lstm", "gated"])
def test_a_segment_goes_on_where_the_one_before_ended(project: Params, cell: str) -> None:
    model = shaken(architectures.build(block(project, ("embedding", cell, "categorical", True))))
    notes = codes(5, 40)[None]
    left, _ = sounding.read(notes, sounding.start(1))
    wide = tf.constant(notes.astype(np.int32))
    whole, _ = model.read(wide, tf.constant(left), model.start(1), training=False)
    _, state = model.read(wide[:, :25], tf.constant(left)[:, :25], model.start(1), training=False)
    rest, _ = model.read(wide[:, 25:], tf.constant(left)[:, 25:], state, training=False)
    np.testing.assert_allclose(rest.numpy(), whole[:, 25:].numpy(), atol=1e-5)
