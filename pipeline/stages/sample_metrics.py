"""Stage sample_metrics: musical statistics of samples of one trained model, beside held-out music."""

import sys
from collections.abc import Sequence

import numpy as np

from pipeline.config import Params
from pipeline.core import console, files, paths
from pipeline.dataset import replicates
from pipeline.dataset.windows import WindowDataset
from pipeline.evaluation import results
from pipeline.generation import side_by_side
from pipeline.generation.sampling import make_sampler
from pipeline.models import model_io
from pipeline.notes.quantize import QuantizedNotes
from pipeline.sample_metrics import compare
from pipeline.sample_metrics.compare import ReferenceMusic
from pipeline.sample_metrics.prompts import place_prompts
from pipeline.stages.runner import run_stage

PARAM_SECTIONS = ("seed", "replicates", "generate", "sample_metrics", "compare")
"""What it reads of params.yaml."""


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
    prompts = _choose_prompts(params, pieces, num_notes)
    samples = _continue_prompts(params, architecture, prompts, num_notes)
    music = ReferenceMusic(
        held_out, pieces, data.select_pieces("train"), data.select_piece_names("train")
    )
    files.write_text(
        paths.get_sample_metrics_path(architecture),
        results.format_compact_json(compare.compare_samples(samples, music)),
    )


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


def _choose_prompts(
    params: Params, pieces: Sequence[QuantizedNotes], num_notes: int
) -> list[QuantizedNotes]:
    """Return a prompt for each sample, no note of which is in another: two samples of one prompt say what one does."""
    num_samples = params.sample_metrics.num_samples
    prompt_notes = min(params.generate.prompt_notes, num_notes)
    placed = place_prompts([len(piece) for piece in pieces], num_samples, prompt_notes)
    prompts = [
        piece[start : start + prompt_notes]
        for piece, starts in zip(pieces, placed, strict=True)
        for start in starts
    ]
    if len(prompts) < num_samples:
        console.log_message(
            f"held-out pieces have room for {len(prompts)} prompts of {prompt_notes} notes, so there are "
            f"{len(prompts)} samples instead of {num_samples}"
        )
    return prompts


def _continue_prompts(
    params: Params, architecture: str, prompts: Sequence[QuantizedNotes], num_notes: int
) -> list[QuantizedNotes]:
    """Return a sample after each prompt; as in generate, the random numbers of each depend on seed and number alone."""
    model = model_io.load_model(paths.get_model_dir(architecture))
    samplers = []
    for number, prompt in enumerate(prompts, 1):
        rng = np.random.default_rng([params.seed, number])
        samplers.append(make_sampler(model, prompt, params.generate.sampling, rng))
    return side_by_side.continue_prompts(model, prompts, num_notes, samplers)


def _find_length_problem(data: WindowDataset, split: str) -> str:
    """Return why samples cannot be measured against this corpus and what to do, or an empty text."""
    for name in (split, "train"):
        if problem := compare.find_length_problem(data.select_pieces(name)):
            return f"the split {name} has {problem}; give a longer piece this split in the manifest"
    return ""


if __name__ == "__main__":
    run_stage(run, PARAM_SECTIONS, *sys.argv[1:])
