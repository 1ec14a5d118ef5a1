"""The model of a page beside the model in NumPy, in Chromium."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from factories import ROOT, UNCONSTRAINED, make_pedal_notes, make_tiny_model
from playwright.sync_api import Page

from pipeline.config import load_params
from pipeline.config.schema import SamplingConfig
from pipeline.export.web_model import make_web_model, make_web_sampling
from pipeline.generation.engine import Engine
from pipeline.generation.sampling import Sampler
from pipeline.models import model_io
from pipeline.models.model_io import TrainedModel
from pipeline.models.numpy.network import Network
from pipeline.models.scoring import make_heads
from pipeline.models.time_limits import TimeLimits
from pipeline.notes.quantize import FEATURES, PITCH, QuantizedNotes, list_generated_features

pytestmark = pytest.mark.slow  # a browser
NUM_NOTES = 500
LEAST_LOG = -1e6
"""For the logarithm of 0, which is the probability of velocity 0."""
RESIDUAL = {
    **{"input": "embedding", "embedding_dim": 32, "heads": "categorical", "head_dim": 16},
    **{"model_velocity": True, "stateful": True, "loss_on": "all"},
}


def read_config(name: str) -> dict[str, Any]:
    """Return a model of params.yaml."""
    return load_params(ROOT / "params.yaml").model[name].model_dump()


MODELS: dict[str, dict[str, Any]] = {
    "maestro": {},
    "mingru": {"cell": "mingru", "units": [24, 24]},
    "mixed": {"cell": ["mingru", "attention"], "units": [24, 32], "conv": 4, "span": 50},
    "masked": {"cell": "attention", "units": [64], "span": 40, "mask_active": True},
    "recurrent_attention": read_config("recurrent_attention"),
    "equivariant": {"cell": "mingru", "units": [16], "pitch_head": "equivariant"},
    "pedal": {"cell": "mingru", "units": [16], "model_pedal": True},
    "no velocity": {"cell": "attention", "units": [32], "model_velocity": False},
}
LOG_PROBS = """async ([blob, notes]) => {
  const { NoteModel } = await import("/model.js");
  const model = new NoteModel(blob);
  model.feed(notes[0]);
  const rows = [];
  for (const note of notes.slice(1)) {
    model.sampleNote((feature, probs) => {
      rows.push(Array.from(probs, Math.log).map((value) => Math.max(value, -1e6)));
      return note[feature.column];
    }, note[3]);
    model.feed(note);
  }
  return JSON.stringify(rows);
}"""
"""Returns one text: as numbers, Playwright would need minutes for a million of them."""
GENERATE = """async ([blob, settings, prompt, count, numbers]) => {
  const { NoteModel } = await import("/model.js");
  const { Sampler } = await import("/sampler.js");
  const model = new NoteModel(blob);
  let index = 0;
  const sampler = new Sampler(settings, () => numbers[index++]);
  for (const note of prompt) {
    model.feed(note);
    sampler.observe(note);
  }
  return Array.from({ length: count }, () => model.generateNote(sampler, 70));
}"""
WORK = """async (messages) => {
  const worker = new Worker("/modelWorker.js", { type: "module" });
  const answers = [];
  for (const message of messages) {
    const answer = new Promise((resolve) => (worker.onmessage = (event) => resolve(event.data)));
    worker.postMessage(message);
    answers.push(await answer);
  }
  worker.terminate();
  return answers;
}"""


def make_model(name: str) -> TrainedModel:
    if name == "maestro":
        return model_io.load_model(model_io.find_model(name))
    model = make_tiny_model(**{**RESIDUAL, **MODELS[name]})
    # As trained weights: the logits of random ones of this scale are far beyond those of any model.
    scale = 0.1 if model.config.embedding_dim > 32 else 0.3
    weights = {key: scale * value for key, value in model.weights.items()}
    return TrainedModel("tiny", model.config, 6, weights, {}, {})


def compute_log_probs(model: TrainedModel, notes: QuantizedNotes) -> list[np.ndarray]:
    """Return the log probabilities [V] of each head for each note but the first, by the float32 engine that plays."""
    engine, rows = Engine(model), []
    engine.feed(notes[:1])
    for note in notes[1:]:
        context, values = engine.context, note.tolist()
        assert context is not None
        rows += [probs for _, probs in engine.heads.iterate_distributions(context, values)]
        engine.feed(note[None])
    return take_logs(rows)


def compute_float64_log_probs(model: TrainedModel, notes: QuantizedNotes) -> list[np.ndarray]:
    """Return the same by the network that scores, with all weights and sums as float64."""
    weights = {name: weight.astype(np.float64) for name, weight in model.weights.items()}
    wide = replace(model, weights=weights)
    network = Network(wide.config, wide.weights)
    context, _ = network.forward(notes[None, :-1], network.initial_state(1))
    assert context.hidden.dtype == np.float64
    distributions = make_heads(wide).distributions(context.select(0), notes[1:])
    names = list_features(model)
    return take_logs([distributions[name][row] for row in range(len(notes) - 1) for name in names])


def list_features(model: TrainedModel) -> tuple[str, ...]:
    """Return the names of what the heads of a model generate, in order."""
    return list_generated_features(model.config.model_velocity, model.config.model_pedal)


def make_repeating_notes(count: int) -> QuantizedNotes:
    """Make notes [count, 5] of a phrase that comes back in four keys, with a pedal that moves."""
    phrase = make_pedal_notes(3, 120)
    repeated = np.tile(phrase, (1 + count // len(phrase), 1))[:count]
    repeated[:, PITCH] += np.repeat([0, 3, -2, 5, 0], len(phrase))[:count].astype(np.int16)
    return repeated


def take_logs(rows: list[np.ndarray]) -> list[np.ndarray]:
    with np.errstate(divide="ignore"):
        return [np.maximum(np.log(row), LEAST_LOG) for row in rows]


@pytest.mark.parametrize("name", MODELS)
def test_the_log_probabilities_of_each_head_are_those_of_numpy(
    script_page: Page, name: str
) -> None:
    model, notes = make_model(name), make_repeating_notes(NUM_NOTES + 1)
    rows = json.loads(script_page.evaluate(LOG_PROBS, [make_web_model(model), notes.tolist()]))
    exact, played = compute_float64_log_probs(model, notes), compute_log_probs(model, notes)
    assert len(rows) == len(exact) == len(played) == len(list_features(model)) * NUM_NOTES
    differences = [np.abs(row - other) for row, other in zip(rows, exact, strict=True)]
    # The engine sums in float32: its own rounding is up to 5e-5 of a log probability of -9.
    relative = [
        np.abs(row - other) / np.maximum(np.abs(other), 1)
        for row, other in zip(rows, played, strict=True)
    ]
    largest, largest_relative = np.concatenate(differences).max(), np.concatenate(relative).max()
    print(f"{name}: {largest:.1e} to float64, {largest_relative:.1e} of the engine's, relative")
    assert largest < 1e-5
    assert largest_relative < 1e-5


SAMPLINGS = {
    "plain": {},
    "temperature and top-p": {"limit_times": False}
    | {"pitch_temperature": 0.8, "time_temperature": 1.2}
    | {"pitch_top_p": 0.9, "time_top_p": 0.95}
    | {"velocity_temperature": 1.5, "velocity_top_p": 0.8},
    "recall bonus": {"recall_bonus": 2.5},
    "constraints": {"key": "F# minor", "min_pitch": 40, "max_pitch": 80}
    | {"max_polyphony": 3, "max_notes_per_second": 6},
}


@pytest.mark.parametrize("name", ["maestro", "masked", "pedal", "recurrent_attention"])
@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_equal_random_numbers_give_the_notes_of_the_engine(
    script_page: Page, name: str, sampling: str
) -> None:
    model, count = replace(make_model(name), time_limits=TimeLimits(30, 60)), 150
    config = SamplingConfig.model_validate({**UNCONSTRAINED.model_dump(), **SAMPLINGS[sampling]})
    prompt = np.tile(make_pedal_notes(5, 20), (2, 1))  # what comes back gives hints
    engine = Engine(model)
    sampler = Sampler(np.random.default_rng(7), config, model.time_limits)
    engine.feed(prompt)
    sampler.observe(prompt)
    expected = [engine.sample(sampler, 70).tolist() for _ in range(count)]
    numbers = np.random.default_rng(7).random(len(FEATURES) * count).tolist()
    argument = [
        make_web_model(model),
        make_web_sampling(model, config),
        prompt.tolist(),
        count,
        numbers,
    ]
    assert script_page.evaluate(GENERATE, argument) == expected
    assert (max(duration for _, duration, *_ in expected) <= 60) == config.limit_times


def test_a_worker_answers_each_message(script_page: Page) -> None:
    model = make_model("mingru")
    blob, settings = make_web_model(model), make_web_sampling(model, UNCONSTRAINED)
    low = {**settings, "pitches": [40]}
    answers = script_page.evaluate(
        WORK,
        [
            {"type": "generate", "count": 1, "velocity": 70, "id": 1},
            {"type": "load", "blob": {**blob, "format": 0}, "settings": settings},
            {"type": "load", "blob": blob, "settings": settings},
            {"type": "generate", "count": 1, "velocity": 70},
            {"type": "feed", "notes": [[0, 10, 60, 80]]},
            {"type": "generate", "count": 5, "velocity": 70, "id": 6},
            {"type": "settings", "settings": low},
            {"type": "generate", "count": 2, "velocity": 70},
            {"type": "draw", "velocity": 70},
            {"type": "draw", "velocity": 70, "earliestStep": 900},
            {"type": "reset"},
            {"type": "generate", "count": 1, "velocity": 70},
        ],
    )
    kinds = "error error ready error fed notes changed notes note note resetDone error"
    assert [answer["type"] for answer in answers] == kinds.split()
    assert answers[0]["id"] == 1
    assert answers[0]["message"] == "model: generate came before load; load a model first"
    assert "format 0, but this page reads 2" in answers[1]["message"]
    assert "feed a prompt of one note or more" in answers[3]["message"]
    assert len(answers[5]["notes"]) == 5
    assert [note[2] for note in answers[7]["notes"]] == [40, 40]
    assert answers[8]["note"][2] == 40
    assert answers[9]["note"][0] >= 900


def test_weights_that_are_cut_are_refused(script_page: Page) -> None:
    blob = make_web_model(make_model("mingru"))
    cut = {**blob, "weights": blob["weights"][:-8]}
    message = script_page.evaluate(
        """async (blob) => {
          const { NoteModel } = await import("/model.js");
          try { new NoteModel(blob); } catch (error) { return error.message; }
        }""",
        cut,
    )
    assert "bytes of weights" in message
    assert "export the model again" in message
