"""The distributions that a note is drawn from against those that notes are scored with."""

import numpy as np
import pytest
from factories import CARRIED, make_pedal_notes, make_quantized_notes, make_tiny_model

from pipeline.generation.step_heads import make_step_heads
from pipeline.models import scoring
from pipeline.notes.quantize import FEATURES

EMBEDDING = {**CARRIED, "input": "embedding", "embedding_dim": 8, "loss_on": "all"}
KINDS = {
    "regression": CARRIED,
    "categorical, scalar": {**CARRIED, "heads": "categorical", "head_dim": 5},
    "categorical": {**EMBEDDING, "heads": "categorical", "head_dim": 5, "model_velocity": True},
    "pedal": {
        **EMBEDDING,
        "heads": "categorical",
        "head_dim": 5,
        "model_velocity": True,
        "model_pedal": True,
    },
    "mixture": {**EMBEDDING, "heads": "mixture", "head_dim": 5},
    "mask": {**EMBEDDING, "heads": "categorical", "head_dim": 5, "mask_active": True},
    "equivariant, mask": {
        **EMBEDDING,
        "heads": "mixture",
        "head_dim": 5,
        "pitch_head": "equivariant",
        "mask_active": True,
    },
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_distributions_of_one_note_are_those_of_scoring(kind):
    model, piece = make_tiny_model(**kind), make_pedal_notes(4, 20)
    heads, step_heads = scoring.make_heads(model), make_step_heads(model)
    for _, part, context in scoring.iterate_contexts(model, [piece], 1):
        expected = heads.distributions(context, piece[part])
        for row, note in enumerate(piece[part].tolist()):
            known = [0, 0, 0, 0, 0]
            for name, probs in step_heads.iterate_distributions(context.select(row), known):
                assert probs == pytest.approx(expected[name][row], rel=1e-4, abs=1e-6)
                known[FEATURES[name].column] = note[FEATURES[name].column]


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_features_come_in_the_order_of_generation(kind):
    model = make_tiny_model(**kind)
    _, _, context = next(scoring.iterate_contexts(model, [make_quantized_notes(4, 9)], 1))
    distributions = make_step_heads(model).iterate_distributions(context.select(0), [0, 0, 0, 1, 0])
    names = [name for name, _ in distributions]
    expected = ["step", "pitch", "duration", "velocity", "pedal"]
    assert names == expected[: 3 + model.config.model_velocity + model.config.model_pedal]


def test_the_context_is_not_changed():
    model = make_tiny_model(**KINDS["categorical"])
    _, _, context = next(scoring.iterate_contexts(model, [make_quantized_notes(4, 9)], 1))
    hidden, active = context.hidden.copy(), context.active.copy()
    list(make_step_heads(model).iterate_distributions(context.select(0), [9, 9, 9, 9, 2]))
    assert np.array_equal(context.hidden, hidden)
    assert np.array_equal(context.active, active)


@pytest.mark.parametrize("kind", ["mask", "equivariant, mask"])
def test_active_pitches_can_be_forbidden_and_the_others_keep_their_ratios(kind):
    model, piece = make_tiny_model(**KINDS[kind]), make_quantized_notes(4, 40)
    _, _, contexts = next(scoring.iterate_contexts(model, [piece], 1))
    heads, context, step = make_step_heads(model), contexts.select(-1), 1
    scored, played = (
        dict(heads.iterate_distributions(context, [step, 0, 0, 0], **changes))["pitch"]
        for changes in ({}, {"active_prob": 0.0})
    )
    sounds = context.active > step
    assert sounds.any()
    assert not played[sounds].any()
    assert scored[sounds].all()
    assert played[~sounds] == pytest.approx(scored[~sounds] / scored[~sounds].sum())
