import numpy as np
import pytest
from factories import (
    MODEL_KINDS,
    UNCONSTRAINED,
    WINDOW,
    FunctionSampler,
    make_quantized_notes,
    make_tiny_model,
)

from pipeline.generation import engine, side_by_side
from pipeline.generation.sampling import Sampler
from pipeline.notes.quantize import PITCH, VELOCITY

PROMPT_LENGTHS = (3, 6, 20)
"""Shorter than a window, as long, and longer."""
MASKED = {
    **WINDOW,
    "input": "embedding",
    "embedding_dim": 6,
    "heads": "categorical",
    "head_dim": 4,
    "mask_active": True,
}


def make_samplers(count):
    return [Sampler(np.random.default_rng([5, k]), UNCONSTRAINED) for k in range(count)]


@pytest.mark.parametrize("length", PROMPT_LENGTHS)
@pytest.mark.parametrize("kind", [*MODEL_KINDS, MASKED])
def test_prompts_side_by_side_are_continued_as_one_by_one(kind, length):
    model = make_tiny_model(**kind)
    prompts = [make_quantized_notes(seed, length) for seed in range(4)]
    alone = [
        engine.generate_notes(model, prompt, 12, sampler)
        for prompt, sampler in zip(prompts, make_samplers(4), strict=True)
    ]
    together = side_by_side.continue_prompts(model, prompts, 12, make_samplers(4))
    assert [notes.tolist() for notes in together] == [notes.tolist() for notes in alone]
    assert together[0].dtype == np.int16


def test_a_model_without_velocity_plays_at_that_of_each_prompt():
    prompts = [make_quantized_notes(seed, 8) for seed in range(2)]
    for prompt, velocity in zip(prompts, (30, 90), strict=True):
        prompt[:, VELOCITY] = velocity
    played = side_by_side.continue_prompts(make_tiny_model(), prompts, 3, make_samplers(2))
    assert [set(notes[:, VELOCITY]) for notes in played] == [{30}, {90}]


def test_no_pitch_that_sounds_is_struck_by_a_sampler_that_takes_the_least_likely() -> None:
    def choose(feature: str, probs: np.ndarray) -> int:
        if feature == "pitch":
            return int(np.where(probs > 0, probs, np.inf).argmin())
        return {"step": 1, "duration": 900}[feature]

    prompts = [make_quantized_notes(seed, 6) for seed in range(2)]
    samplers = [FunctionSampler(choose) for _ in prompts]
    for notes in side_by_side.continue_prompts(make_tiny_model(**MASKED), prompts, 5, samplers):
        assert len(set(notes[:, PITCH].tolist())) == 5
