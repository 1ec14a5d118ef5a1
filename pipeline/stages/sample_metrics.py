"""Stage sample_metrics: musical statistics of samples of one trained model, beside held-out music."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.config import Params
from pipeline.core import console, files, paths
from pipeline.dataset import replicates
from pipeline.dataset.replicates import HeldOutData
from pipeline.dataset.windows import WindowDataset
from pipeline.evaluation import results
from pipeline.generation import side_by_side
from pipeline.generation.sampling import make_sampler
from pipeline.models import model_io
from pipeline.notes.quantize import QuantizedNotes
from pipeline.sample_metrics import compare
from pipeline.sample_metrics.compare import ReferenceMusic
from pipeline.sample_metrics.continuations import PromptContinuations
from pipeline.sample_metrics.prompts import place_prompts
from pipeline.stages.runner import run_stage

PARAM_SECTIONS = ("seed", "replicates", "generate", "sample_metrics", "compare")
"""What it reads of params.yaml."""


@dataclass(frozen=True)
class PlacedPrompt:
    """A place in a held-out piece."""

    composition: str
    notes: QuantizedNotes
    """[P, 5]."""
    following: QuantizedNotes
    """The notes of the piece after the prompt; 2N or fewer, where samples have N."""


def run(params: Params, architecture: str) -> None:
    """Generate samples from prompts at different places of held-out pieces, and measure them.

    The file is an empty table where the corpus is too short to measure against.
    """
    held_out_data = replicates.load_first_replicate(
        paths.WINDOWS, params.replicates, params.compare.split
    )
    data = held_out_data.dataset
    if problem := _find_length_problem(data, held_out_data.split):
        console.log_message(f"samples of {architecture} are not measured: {problem}")
        files.write_text(paths.get_sample_metrics_path(architecture), "{}\n")
        return
    pieces = held_out_data.select_pieces()
    held_out = compare.cut_reference_passages(pieces, params.sample_metrics.num_notes)
    num_notes = len(held_out[0])
    _log_lengths(params, pieces, num_notes)
    prompts = _choose_prompts(params, held_out_data, num_notes)
    samples = _continue_prompts(params, architecture, prompts, num_notes)
    music = ReferenceMusic(
        held_out,
        pieces,
        data.select_pieces("train"),
        data.select_piece_names("train"),
        _pair_with_real(prompts, samples),
    )
    values = compare.compare_samples(samples, music, params.seed)
    files.write_text(
        paths.get_sample_metrics_path(architecture), results.format_compact_json(values)
    )


def _pair_with_real(
    prompts: Sequence[PlacedPrompt], samples: Sequence[QuantizedNotes]
) -> list[PromptContinuations]:
    """Return samples with what really follows their prompts, where the pieces go on for as many notes."""
    return [
        PromptContinuations(prompt.composition, prompt.notes, sample, prompt.following)
        for prompt, sample in zip(prompts, samples, strict=True)
        if len(prompt.following) >= len(sample)
    ]


def _log_lengths(params: Params, pieces: Sequence[QuantizedNotes], num_notes: int) -> None:
    """Say which pieces are too short for a passage, and that samples are shorter than asked for."""
    num_short = sum(len(piece) < num_notes for piece in pieces)
    if num_short:
        console.log_message(
            f"{num_short:,} held-out pieces are shorter than {num_notes:,} notes and give no passage"
        )
    if num_notes < params.sample_metrics.num_notes:
        console.log_message(
            f"no held-out piece has {params.sample_metrics.num_notes:,} notes, so samples have {num_notes:,} too"
        )


def _choose_prompts(params: Params, held_out: HeldOutData, num_notes: int) -> list[PlacedPrompt]:
    """Return a prompt for each sample, no note of which is in another: two samples of one prompt say what one does.

    Where the pieces have room for it, no two share a note of what follows them either.
    """
    pieces = held_out.select_pieces()
    compositions = held_out.dataset.select_compositions(held_out.split)
    lengths = [len(piece) for piece in pieces]
    num_samples = params.sample_metrics.num_samples
    prompt_notes = min(params.generate.prompt_notes, num_notes)
    placed = place_prompts(lengths, num_samples, prompt_notes + num_notes)
    if sum(map(len, placed)) < num_samples:
        placed = place_prompts(lengths, num_samples, prompt_notes)
    prompts = []
    for piece, composition, starts in zip(pieces, compositions, placed, strict=True):
        for start in starts:
            join = start + prompt_notes
            following = piece[join : join + 2 * num_notes]
            prompts.append(PlacedPrompt(composition, piece[start:join], following))
    if len(prompts) < num_samples:
        console.log_message(
            f"held-out pieces have room for {len(prompts)} prompts of {prompt_notes} notes, so there are "
            f"{len(prompts)} samples instead of {num_samples}"
        )
    return prompts


def _continue_prompts(
    params: Params, architecture: str, prompts: Sequence[PlacedPrompt], num_notes: int
) -> list[QuantizedNotes]:
    """Return a sample after each prompt; as in generate, the random numbers of each depend on seed and number alone."""
    model = model_io.load_model(paths.get_model_dir(architecture))
    beginnings = [prompt.notes for prompt in prompts]
    samplers = []
    for number, beginning in enumerate(beginnings, 1):
        rng = np.random.default_rng([params.seed, number])
        samplers.append(make_sampler(model, beginning, params.generate.sampling, rng))
    return side_by_side.continue_prompts(model, beginnings, num_notes, samplers)


def _find_length_problem(data: WindowDataset, split: str) -> str:
    """Return why samples cannot be measured against this corpus and what to do, or an empty text."""
    for name in (split, "train"):
        if problem := compare.find_length_problem(data.select_pieces(name)):
            return f"the split {name} has {problem}; give a longer piece this split in the manifest"
    return ""


if __name__ == "__main__":
    run_stage(run, PARAM_SECTIONS, *sys.argv[1:])
