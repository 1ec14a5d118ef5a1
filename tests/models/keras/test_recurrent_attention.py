"""A recurrence followed by attention, each of its axes on and off: what is trained is what is scored and played."""

import numpy as np
import pytest
import tensorflow as tf
from factories import make_pedal_notes, make_tiny_model, randomize_weights

from pipeline.config import Params
from pipeline.generation.engine import Engine
from pipeline.models import scoring
from pipeline.models.keras import network
from pipeline.models.model_io import TrainedModel
from pipeline.models.weight_shapes import weight_shapes
from pipeline.notes import active_notes, quantize, recall
from pipeline.notes.quantize import FEATURES, QuantizedNotes

ALL_ON = {
    "input": "embedding",
    "embedding_dim": 12,
    "model_velocity": True,
    "model_pedal": True,
    "cell": ["mingru", "attention"],
    "units": [10, 32],
    "conv": 4,
    "span": 60,
    "heads": "categorical",
    "head_dim": 8,
    "pitch_head": "equivariant",
    "mask_active": True,
    "recall": True,
    "loss_on": "all",
    "stateful": True,
}
KINDS = {
    "all": {},
    "attention first": {"cell": ["attention", "mingru"], "units": [32, 10]},
    "no convolution over time": {"conv": 0},
    "dense pitch head": {"pitch_head": "dense"},
    "no mask": {"mask_active": False},
    "no recall": {"recall": False},
    "no pedal": {"model_pedal": False},
    "neither recall nor pedal": {"recall": False, "model_pedal": False},
    "recall with a dense pitch head": {"pitch_head": "dense", "mask_active": False},
    "mixture, lstm": {"heads": "mixture", "cell": "lstm", "units": [7], "conv": 0, "span": 128},
    "windows": {"stateful": False, "loss_on": "last"},
}
NOTES = make_pedal_notes(5, 400)


def make_pair(**changes: object) -> tuple[network.NoteModel, TrainedModel]:
    """Make a Keras network of random weights, and the model that is saved of it."""
    config = make_tiny_model(**{**ALL_ON, **changes}).config
    net = network.build_model(config)
    randomize_weights(net, 0.25)
    return net, TrainedModel("test", config, 40, network.named_weights(net), {})


def compute_keras_bits(
    net: network.NoteModel, segment: int, played: QuantizedNotes = NOTES
) -> np.ndarray:
    """Return the bits [N - 1, F] of the notes but the first, read in segments as in training; F features."""
    active, _ = active_notes.active_before_each(played[None], active_notes.no_active_notes(1))
    notes, active = tf.constant(played[None].astype(np.int32)), tf.constant(active)
    hints = tf.constant(recall.compute_hints(played[None]).astype(np.int32))
    state, parts = net.initial_state(1), []
    for begin in range(0, len(played) - 1, segment):
        read = slice(begin, min(begin + segment, len(played) - 1))
        after = slice(begin + 1, read.stop + 1)
        hidden, state = net.call(notes[:, read], active[:, read], state, False, hints[:, read])
        losses = net.compute_losses(hidden, notes[:, after], active[:, after], hints[:, read])
        names = [name for name in FEATURES if name in losses]
        parts.append(np.stack([losses[name].numpy() for name in names], axis=1))
    bits = np.concatenate(parts) / np.log(2)
    for column, feature in enumerate(FEATURES[name] for name in names):
        if not (net.config.heads == "mixture" and feature.is_time):
            tokens = feature.token[played[1:, feature.column]]
            bits[:, column] += np.log2(feature.token_widths)[tokens]
    return bits


@pytest.mark.parametrize("kind", KINDS)
def test_training_in_segments_scoring_and_play_have_equal_bits(kind: str) -> None:
    net, model = make_pair(**KINDS[kind])
    scored = scoring.score_pieces(model, [NOTES], 1)[0]
    if model.config.stateful:
        np.testing.assert_allclose(scored, compute_keras_bits(net, 48), atol=2e-4)
    engine = Engine(model)
    for position, note in enumerate(NOTES[:-1]):
        engine.feed(note[None])
        bits = engine.score_note(NOTES[position + 1])
        played = [bits[name] for name in FEATURES if name in bits]
        np.testing.assert_allclose(played, scored[position], atol=2e-4)


@pytest.mark.slow
def test_errors_in_play_do_not_grow_over_two_thousand_notes(project: Params) -> None:
    """Of the architecture as it is in params.yaml, which carries its state from the first note on."""
    config = project.model["recurrent_attention"]
    net, model = make_pair(**config.model_dump())
    notes = make_pedal_notes(6, 2000)
    expected = compute_keras_bits(net, 400, notes)
    engine = Engine(model)
    engine.feed(notes[:1])
    for note, bits in zip(notes[1:], expected, strict=True):
        played = engine.score_note(note)
        played_bits = [played[name] for name in FEATURES if name in played]
        np.testing.assert_allclose(played_bits, bits, atol=2e-4)
        engine.feed(note[None])


def test_weights_are_those_of_the_listed_shapes(project: Params) -> None:
    for changes in KINDS.values():
        config = make_tiny_model(**{**ALL_ON, **changes}).config
        built = network.named_weights(network.build_model(config))
        assert weight_shapes(config) == {name: weight.shape for name, weight in built.items()}
    shipped = weight_shapes(project.model["recurrent_attention"])
    assert sum(int(np.prod(shape)) for shape in shipped.values()) == 713_445


@pytest.mark.parametrize("kind", ["all", "dense pitch head"])
def test_a_note_has_a_proper_distribution_and_none_strikes_a_pitch_that_sounds(kind: str) -> None:
    _, model = make_pair(**KINDS[kind])
    heads = scoring.make_heads(model)
    for _, part, context in scoring.iterate_contexts(model, [NOTES], 1):
        notes = NOTES[part]
        pitch_probs = heads.distributions(context, notes)["pitch"]
        sounds = active_notes.advance(context.active, notes[:, quantize.STEP]) > 0
        np.testing.assert_allclose(pitch_probs.sum(1), 1, atol=1e-9)
        assert ((pitch_probs * sounds).sum(1) < 3e-4).all()
    engine = Engine(model)
    engine.feed(NOTES)
    note = [0, 0, 0, 0]
    for name, probs in engine.iterate_distributions(note):
        assert probs.sum() == pytest.approx(1, abs=1e-9)
        if name == "pitch":
            assert not probs[engine.context.active > 0].any()
            assert (engine.context.active > 0).any()


def test_memory_in_play_stays_the_same() -> None:
    _, model = make_pair()
    engine, sizes = Engine(model), set()
    for note in NOTES:
        engine.feed(note[None])
        arrays = [part for part in tf.nest.flatten(engine.state) if isinstance(part, np.ndarray)]
        sizes.add(sum(part.nbytes for part in arrays))
    assert len(sizes) == 1
