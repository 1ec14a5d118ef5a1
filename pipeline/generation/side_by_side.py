"""Continue several prompts with one model.

Shapes: B prompts, P notes of a prompt, N notes of a continuation.
"""

from collections.abc import Sequence

import numpy as np

from pipeline.generation.engine import NoteSampler, generate_notes
from pipeline.generation.step_heads import make_step_heads
from pipeline.models.model_io import TrainedModel
from pipeline.models.numpy.network import Network
from pipeline.notes.quantize import (
    FEATURES,
    VELOCITY,
    QuantizedNotes,
    add_pedal_column,
    make_note,
)


def continue_prompts(
    model: TrainedModel,
    prompts: Sequence[QuantizedNotes],
    num_notes: int,
    samplers: Sequence[NoteSampler],
) -> list[QuantizedNotes]:
    """Return a continuation [N, 5] of each prompt [P, 5], all of which are equally long.

    A model with a window reads those of all prompts at once, which takes a third of the time. The last bits of what it
    reads depend on the number of prompts, so equal bytes need equal groups.
    """
    if model.config.stateful:
        return [
            generate_notes(model, prompt, num_notes, sampler)
            for prompt, sampler in zip(prompts, samplers, strict=True)
        ]
    return _continue_windows(
        model, np.stack([add_pedal_column(prompt) for prompt in prompts]), num_notes, samplers
    )


def _continue_windows(
    model: TrainedModel,
    prompts: QuantizedNotes,
    num_notes: int,
    samplers: Sequence[NoteSampler],
) -> list[QuantizedNotes]:
    """Continue prompts [B, P, 5] with a model that reads the last notes again for every note."""
    network, heads = Network(model.config, model.weights), make_step_heads(model)
    velocities = prompts[:, :, VELOCITY].mean(axis=1).astype(int).tolist()
    room = np.zeros((len(prompts), num_notes, len(FEATURES)), np.int16)
    notes = np.concatenate([prompts, room], axis=1)
    for position in range(prompts.shape[1], notes.shape[1]):
        first = max(0, position - model.sequence_length)
        contexts = network.forward_window(notes[:, first:position])
        for row, sampler in enumerate(samplers):
            note = make_note(velocities[row])
            context = contexts.select(row)
            distributions = heads.iterate_distributions(context, note, active_prob=0.0)
            notes[row, position] = sampler.sample_note(distributions, note)
    return list(notes[:, prompts.shape[1] :])
