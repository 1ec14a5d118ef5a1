"""Stage sample_metrics: musical statistics of long samples of one trained model, beside held-out music."""

import sys

import numpy as np

from pipeline.config import Params
from pipeline.core import console, files, paths
from pipeline.dataset import replicates
from pipeline.dataset.windows import WindowDataset
from pipeline.evaluation import results
from pipeline.generation import engine
from pipeline.generation.sampling import Sampler
from pipeline.models import model_io
from pipeline.sample_metrics import compare
from pipeline.sample_metrics.compare import ReferenceMusic
from pipeline.stages.runner import run_stage

PARAM_SECTIONS = ("seed", "replicates", "generate", "sample_metrics", "compare")
"""What it reads of params.yaml."""


def run(params: Params, architecture: str) -> None:
    """Generate samples from held-out prompts, longer than those to listen to, and measure them.

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
    model = model_io.load_model(paths.get_model_dir(architecture))
    config, pieces = params.sample_metrics, held_out_data.select_pieces()
    held_out = compare.cut_reference_passages(pieces, config.num_notes)
    num_short = sum(len(piece) < len(held_out[0]) for piece in pieces)
    if num_short:
        console.log_message(
            f"{num_short:,} held-out pieces are shorter than {len(held_out[0]):,} notes and give no passage"
        )
    notes = len(held_out[0])
    if notes < config.num_notes:
        console.log_message(
            f"no held-out piece has {config.num_notes:,} notes, so samples have {notes:,} too"
        )
    chosen = (
        np.arange(config.num_samples) * max(1, len(held_out) // config.num_samples) % len(held_out)
    )
    samples = []
    label = f"sample_metrics {architecture}"
    progress = console.track_progress(chosen, label, config.num_samples)
    for number, index in enumerate(progress, 1):
        prompt = held_out[index][: params.generate.prompt_notes]
        # As in generate, the random numbers of sample k depend on the seed and k alone.
        sampler = Sampler(np.random.default_rng([params.seed, number]), params.generate.sampling)
        sampler.observe(prompt)
        samples.append(engine.generate_notes(model, prompt, notes, sampler))
    music = ReferenceMusic(
        held_out, pieces, data.select_pieces("train"), data.select_piece_names("train")
    )
    files.write_text(
        paths.get_sample_metrics_path(architecture),
        results.format_compact_json(compare.compare_samples(samples, music)),
    )


def _find_length_problem(data: WindowDataset, split: str) -> str:
    """Return why samples cannot be measured against this corpus and what to do, or an empty text."""
    for name in (split, "train"):
        if problem := compare.find_length_problem(data.select_pieces(name)):
            return f"the split {name} has {problem}; give a longer piece this split in the manifest"
    return ""


if __name__ == "__main__":
    run_stage(run, PARAM_SECTIONS, *sys.argv[1:])
