"""Stage generate: what one trained model plays on from held-out prompts, as MIDI and as piano rolls."""

import sys

from pipeline import paths, progress
from pipeline.corpora import windows
from pipeline.inference import playing, storage
from pipeline.inference.playing import Request
from pipeline.music.encoding import Codes
from pipeline.params import Params
from pipeline.stages import start

SECTIONS = ("seed", "generate", "compare")
"""What it reads of params.yaml."""


def run(params: Params, architecture: str) -> None:
    """Write the samples of a model: the prompt and what the model played after it."""
    model, data = storage.load(paths.model(architecture)), windows.load(paths.WINDOWS)
    how = params.generate
    prompts = _prompts(data.pieces(params.compare.split), how.samples, how.prompt_notes)
    for number, prompt in enumerate(progress.track(prompts, f"generate {architecture}", how.samples), 1):
        # The random numbers of sample k depend on the seed and k alone.
        request = Request(None, how.notes, [params.seed, number])
        playing.play(model, prompt, request, how.sampling, paths.samples(architecture) / f"{number:02}.mid")


def _prompts(pieces: list[Codes], samples: int, notes: int) -> list[Codes]:
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
