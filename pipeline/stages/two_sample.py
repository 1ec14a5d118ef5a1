"""Stage two_sample: can a classifier tell what the replicates of one architecture generate from real music?"""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from pipeline.config import Params
from pipeline.core import console, files, parallel, paths
from pipeline.dataset import replicates, windows
from pipeline.dataset.replicates import ReplicatePlan
from pipeline.generation import side_by_side
from pipeline.generation.sampling import make_sampler
from pipeline.models import model_io
from pipeline.notes.quantize import QuantizedNotes
from pipeline.sample_metrics import two_sample
from pipeline.sample_metrics.prompts import place_prompts
from pipeline.sample_metrics.two_sample import PromptPassages
from pipeline.stages.runner import run_stage

PARAM_SECTIONS = ("seed", "replicates", "generate", "two_sample", "compare")
"""What it reads of params.yaml."""
GROUP_SIZE = 20
"""Prompts of one replicate that one process continues at a time; does not depend on the number of cores."""


@dataclass(frozen=True)
class Prompt:
    """A place in a held-out piece."""

    number: int
    """From 1; with the seed it decides the random numbers."""
    replicate: int
    """Replicate that continues it, which did not train on the piece."""
    composition: str
    notes: QuantizedNotes
    """[P + 2N, 5] the prompt, the N notes that follow, and N more."""


@dataclass(frozen=True)
class HeldOutPiece:
    """A piece that some replicates did not train on."""

    replicates: Sequence[int]
    composition: str
    notes: QuantizedNotes


def run(params: Params, architecture: str) -> None:
    """Continue prompts of held-out pieces and tell the continuations from what follows in the pieces.

    The file is an empty table where fewer than two held-out compositions are long enough.
    """
    plan = replicates.make_plan(windows.load_windows(paths.WINDOWS), params.replicates)
    prompts = _choose_prompts(plan, params)
    path = paths.get_two_sample_path(architecture)
    if problem := _find_problem(params, prompts):
        console.log_message(f"two_sample {architecture}: {problem}")
    if len({prompt.composition for prompt in prompts}) < two_sample.MIN_COMPOSITIONS:
        files.write_text(path, "{}\n")
        return
    result = two_sample.compare_passages(
        _generate_passages(params, architecture, prompts), params.seed
    )
    values = {"requested_prompts": params.two_sample.num_prompts, **result}
    files.write_text(path, json.dumps(values, indent=1) + "\n")
    console.log_message(f"two_sample {architecture}: {two_sample.describe_result(result)}")


def _find_problem(params: Params, prompts: Sequence[Prompt]) -> str:
    """Return why there are fewer prompts than asked for and what to do, or an empty text."""
    num_compositions = len({prompt.composition for prompt in prompts})
    span = _count_span(params)
    if num_compositions < two_sample.MIN_COMPOSITIONS:
        return (
            f"not measured: {num_compositions} held-out compositions have a piece of {span:,} notes, and "
            f"{two_sample.MIN_COMPOSITIONS} are needed; hold out more pieces, or make two_sample.num_notes smaller"
        )
    if len(prompts) < params.two_sample.num_prompts:
        return (
            f"{len(prompts)} prompts instead of {params.two_sample.num_prompts}: held-out pieces have no room for more, "
            f"of {span:,} notes each; hold out more pieces, or make two_sample.num_notes smaller"
        )
    return ""


def _generate_passages(
    params: Params, architecture: str, prompts: Sequence[Prompt]
) -> list[PromptPassages]:
    """Return what follows each prompt, really and as the model of its replicate generates it."""
    groups = _group_prompts(prompts)
    generated = parallel.map_in_processes(partial(_continue_group, params, architecture), groups)
    return [
        _make_passages(params, prompt, notes)
        for group, continuations in zip(groups, generated, strict=True)
        for prompt, notes in zip(group, continuations, strict=True)
    ]


def _count_span(params: Params) -> int:
    """Return the notes that belong to a prompt: itself, the passage after it, and the real one after that."""
    return params.generate.prompt_notes + 2 * params.two_sample.num_notes


def _choose_prompts(plan: ReplicatePlan, params: Params) -> list[Prompt]:
    """Return prompts at even spacing in all held-out pieces; replicates that hold out the same pieces take turns."""
    pieces = _list_held_out_pieces(plan, params.compare.split)
    span = _count_span(params)
    lengths = [len(piece.notes) for piece in pieces]
    placed = place_prompts(lengths, params.two_sample.num_prompts, span)
    prompts: list[Prompt] = []
    for piece, starts in zip(pieces, placed, strict=True):
        for start in starts:
            replicate = piece.replicates[len(prompts) % len(piece.replicates)]
            notes = piece.notes[start : start + span]
            prompts.append(Prompt(len(prompts) + 1, replicate, piece.composition, notes))
    return prompts


def _list_held_out_pieces(plan: ReplicatePlan, split: str) -> list[HeldOutPiece]:
    """Return each held-out piece once: under cross-validation those of all replicates, else those of the split."""
    numbers = range(1, plan.count + 1)
    is_shared = plan.folds is None
    split = plan.get_deciding_split(split)
    pieces = []
    for replicate in [1] if is_shared else numbers:
        data = plan.select(replicate)
        holders = numbers if is_shared else [replicate]
        compositions = data.select_compositions(split)
        for composition, notes in zip(compositions, data.select_pieces(split), strict=True):
            pieces.append(HeldOutPiece(holders, composition, notes))
    return pieces


def _group_prompts(prompts: Sequence[Prompt]) -> list[list[Prompt]]:
    """Return prompts in groups of one replicate each."""
    by_replicate: dict[int, list[Prompt]] = {}
    for prompt in prompts:
        by_replicate.setdefault(prompt.replicate, []).append(prompt)
    return [
        group[first : first + GROUP_SIZE]
        for group in by_replicate.values()
        for first in range(0, len(group), GROUP_SIZE)
    ]


def _continue_group(
    params: Params, architecture: str, group: Sequence[Prompt]
) -> list[QuantizedNotes]:
    """Return what a replicate generates after each prompt of a group."""
    model = model_io.load_model(paths.get_replicate_dir(architecture, group[0].replicate))
    beginnings = [prompt.notes[: params.generate.prompt_notes] for prompt in group]
    samplers = []
    for prompt, beginning in zip(group, beginnings, strict=True):
        rng = np.random.default_rng([params.seed, prompt.number])
        samplers.append(make_sampler(model, beginning, params.generate.sampling, rng))
    num_notes = params.two_sample.num_notes
    return side_by_side.continue_prompts(model, beginnings, num_notes, samplers)


def _make_passages(params: Params, prompt: Prompt, generated: QuantizedNotes) -> PromptPassages:
    """Return the three passages of a prompt."""
    num_notes = params.two_sample.num_notes
    following = prompt.notes[params.generate.prompt_notes :]
    return PromptPassages(
        prompt.composition, following[:num_notes], following[num_notes:], generated
    )


if __name__ == "__main__":
    run_stage(run, PARAM_SECTIONS, *sys.argv[1:])
