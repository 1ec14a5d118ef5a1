"""The seed's architectures in Keras, and their numpy twins."""

import numpy as np
import pytest
from conftest import codes

from pipeline import encoding
from pipeline.heads import RegressionHeads
from pipeline.network import Network
from pipeline.nn import architectures
from pipeline.params import Params

COUNTED = {
    "baseline": 84_354,
    "stacked": 480_130,
    "bidirectional": 168_578,
    "dense": 84_290,
    "hybrid": 480_066,
    "wide": 299_650,
}


@pytest.mark.parametrize(("name", "count"), COUNTED.items())
def test_parameters_are_those_of_the_design(project: Params, name: str, count: int) -> None:
    model = architectures.build(project.model[name])
    assert model.count_params() == count
    assert sum(weight.size for weight in architectures.weights(model).values()) == count


@pytest.mark.parametrize("name", COUNTED)
def test_numpy_gives_what_keras_gives(project: Params, name: str) -> None:
    block = project.model[name]
    model = architectures.build(block)
    for variable in model.trainable_variables:
        # Biases too: at their zeros a wrong order of gates would go unseen.
        variable.assign(np.random.default_rng(variable.shape[-1]).normal(0, 0.15, variable.shape))
    weights = architectures.weights(model)
    notes = np.stack([codes(seed, 60) for seed in range(3)])
    hidden = Network(block, weights).window(notes)
    ours = RegressionHeads(weights, {}).outputs(hidden)
    theirs = model(encoding.scalar(notes), training=False)
    for head, said in ours.items():
        np.testing.assert_allclose(said, theirs[head].numpy(), atol=1e-5)


def test_a_real_piece_note_by_note_gives_the_windows_own_outputs(project: Params) -> None:
    block = project.model["stacked"]
    model = architectures.build(block)
    network = Network(block, architectures.weights(model))
    notes = codes(5, 200)
    state = network.start(1)
    for end, note in enumerate(notes, 1):
        hidden, state = network.read(note[None, None], state)
        if end % 20 == 0:
            window = network.window(notes[None, :end])[0]
            np.testing.assert_allclose(hidden[0, 0], window, atol=1e-5)
