"""The exported note against the numpy engine."""

import warnings
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from factories import make_pedal_notes, randomize_weights

from pipeline.config import Params
from pipeline.core.errors import DataError
from pipeline.export import tflite
from pipeline.generation.step_heads import make_step_heads
from pipeline.models.keras import network
from pipeline.models.model_io import TrainedModel
from pipeline.models.numpy.autoregressive_heads import to_distribution
from pipeline.models.numpy.heads import Context
from pipeline.models.numpy.network import Network
from pipeline.models.residual_noise import ResidualNoise
from pipeline.notes.pitch_ages import MAX_AGE
from pipeline.notes.quantize import FEATURES, PEDAL, VELOCITY, make_note

KINDS = {
    "stacked": {},
    "expressive": {},
    "gated": {},
    "gated, mask": {"mask_active": True},
    "gated, pedal": {"model_pedal": True},
    "recurrent_attention": {"span": 200},
    "recurrent_attention, no recall": {"span": 200, "recall": False, "model_pedal": False},
    "gated, attention": {"cell": ["mingru", "attention"], "conv": 4, "span": 200},
    "hybrid": {"units": [12, 8], "dense_units": 6},
    "baseline": {
        "input": "embedding",
        "embedding_dim": 12,
        "units": [9],
        "heads": "mixture",
        "head_dim": 8,
    },
}


def make_trained_model(project: Params, name: str, **changes: object) -> TrainedModel:
    """Make a model of random weights, biases too."""
    block = project.model[name.partition(",")[0]].model_copy(update={"stateful": True, **changes})
    net = network.build_model(block)
    randomize_weights(net, 0.1)
    spread = dict.fromkeys(("step", "duration"), ResidualNoise("laplace", 0.1))
    return TrainedModel(name, block, 25, network.named_weights(net), spread)


def open_model(data: bytes) -> tf.lite.Interpreter:
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", UserWarning
        )  # TensorFlow warns that its interpreter moves to another package
        return tf.lite.Interpreter(model_content=data)


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_two_thousand_notes_are_those_of_the_engine(project: Params, name: str) -> None:
    model = make_trained_model(project, name, **KINDS[name])
    lite = open_model(tflite.convert_to_tflite(model))
    feed, outputs = lite.get_signature_runner("feed"), lite.get_signature_runner("outputs")
    state = {
        key: np.zeros(about["shape"], np.float32)
        for key, about in feed.get_input_details().items()
        if key not in ("note", "hint")
    }
    body = Network(model.config, model.weights)
    before, notes = body.initial_step_state(), make_pedal_notes(3, 2000)
    notes = notes[:, : PEDAL + model.config.model_pedal]
    for number, note in enumerate(notes):
        expected = body.step(note, before)
        state = feed(note=note[None].astype(np.int32), **get_hint(expected), **state)
        hidden = state.pop("hidden")
        np.testing.assert_allclose(hidden[0], flatten_context(expected), atol=1e-5)
        if number % 100 == 0:
            check_outputs(model, outputs, expected, notes[(number + 1) % len(notes)])


def flatten_context(context: Context) -> np.ndarray:
    """Return what the heads read as the file has it: one vector, without the hint, and ages up to `MAX_AGE`."""
    if context.ages is not None:
        context = context._replace(ages=np.minimum(context.ages, MAX_AGE))
    parts = [np.atleast_1d(part) for part in context._replace(hints=None) if part is not None]
    return np.concatenate(parts, dtype=np.float32)


def get_hint(context: Context) -> dict[str, np.ndarray]:
    """Return the hint after a note as the file takes it, where the model reads hints."""
    return {} if context.hints is None else {"hint": np.array([context.hints], np.int32)}


def check_outputs(model: TrainedModel, runner: object, context: Context, note: np.ndarray) -> None:
    """Compare each feature, given those before it, with the distribution that the engine draws from."""
    known = make_note(int(note[VELOCITY]))[: len(note)]
    hidden = flatten_context(context)
    for name, probs in make_step_heads(model).iterate_distributions(context, known):
        note_so_far = np.array([known], np.int32)
        outputs = runner(hidden=hidden[None], note=note_so_far, **get_hint(context))[name][0]
        if model.config.heads == "regression" and name != "pitch":
            expected = model.residual_noise[name].grid_probs(float(outputs[0]))
        else:
            expected = to_distribution(name, outputs, model.config.heads == "mixture")
        np.testing.assert_allclose(expected, probs, atol=1e-5)
        known[FEATURES[name].column] = int(note[FEATURES[name].column])


@pytest.mark.parametrize("name", ["stacked", "bidirectional"])
def test_what_has_no_state_is_refused(project: Params, name: str, tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=f"its last 25 notes again .* model.{name}.stateful=true"
    ) as refused:
        tflite.write_tflite(
            TrainedModel(name, project.model[name], 25, {}, {}), tmp_path / "out.tflite"
        )
    assert ("cell=lstm" in str(refused.value)) == (name == "bidirectional")
    assert not list(tmp_path.iterdir())
