"""Stage generate: what one trained model plays on from held-out prompts, as MIDI and as piano rolls."""

import sys

from pipeline.config import Params
from pipeline.core import console, paths
from pipeline.dataset import windows
from pipeline.generation import generate
from pipeline.generation.generate import GenerationRequest
from pipeline.models import model_io
from pipeline.notes.quantize import QuantizedNotes
from pipeline.stages.runner import start

SECTIONS = ("seed", "generate", "compare")
"""What it reads of params.yaml."""


def run(params: Params, architecture: str) -> None:
    """Write the samples of a model: the prompt and what the model played after it."""
    model, data = model_io.load_model(paths.model(architecture)), windows.load_windows(paths.WINDOWS)
    how = params.generate
    prompts = _prompts(data.select_pieces(params.compare.split), how.samples, how.prompt_notes)
    for number, prompt in enumerate(console.track(prompts, f"generate {architecture}", how.samples), 1):
        # The random numbers of sample k depend on the seed and k alone.
        request = GenerationRequest(None, how.notes, [params.seed, number])
        generate.generate_file(model, prompt, request, how.sampling, paths.samples(architecture) / f"{number:02}.mid")


def _prompts(pieces: list[QuantizedNotes], samples: int, notes: int) -> list[QuantizedNotes]:
    """Return the first notes of pieces in turn; a piece that comes again gives a later passage."""
    turns = -(-samples // len(pieces))
    chosen = []
    for number in range(samples):
        piece, turn = pieces[number % len(pieces)], number // len(pieces)
        begin = turn * max(0, len(piece) - notes) // turns
        chosen.append(piece[begin : begin + notes])
    return chosen


if __name__ == "__main__":
    start(run, SECTIONS, *sys.argv[1:])
