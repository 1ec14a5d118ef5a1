"""Stage generate: samples of one trained model from held-out prompts, as MIDI and as piano rolls."""

import sys
from collections.abc import Sequence

from pipeline.config import Params
from pipeline.core import console, paths
from pipeline.dataset import replicates
from pipeline.generation import generate
from pipeline.generation.generate import GenerationRequest
from pipeline.models import model_io
from pipeline.notes.quantize import QuantizedNotes
from pipeline.stages.runner import run_stage

PARAM_SECTIONS = ("seed", "replicates", "generate", "compare")
"""What it reads of params.yaml."""


def run(params: Params, architecture: str) -> None:
    """Write the samples of a model: each prompt and its continuation."""
    model = model_io.load_model(paths.get_model_dir(architecture))
    data = replicates.load_first_replicate(paths.WINDOWS, params.replicates, params.compare.split)
    config = params.generate
    pieces = data.select_pieces()
    prompts = _choose_prompts(pieces, config.num_samples, config.prompt_notes)
    progress = console.track_progress(prompts, f"generate {architecture}", config.num_samples)
    for number, prompt in enumerate(progress, 1):
        # The random numbers of sample k depend on the seed and k alone.
        request = GenerationRequest(None, config.num_notes, [params.seed, number])
        path = paths.get_samples_dir(architecture) / f"{number:02}.mid"
        generate.generate_file(model, prompt, request, config.sampling, path)


def _choose_prompts(
    pieces: Sequence[QuantizedNotes], num_samples: int, prompt_notes: int
) -> list[QuantizedNotes]:
    """Return the first notes of pieces in turn; a piece that comes again gives a later passage."""
    turns = -(-num_samples // len(pieces))
    chosen = []
    for number in range(num_samples):
        piece, turn = pieces[number % len(pieces)], number // len(pieces)
        begin = turn * max(0, len(piece) - prompt_notes) // turns
        chosen.append(piece[begin : begin + prompt_notes])
    return chosen


if __name__ == "__main__":
    run_stage(run, PARAM_SECTIONS, *sys.argv[1:])
