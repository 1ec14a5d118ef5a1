"""A model plays on from a prompt, to a MIDI file and a piano roll."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline import encoding, midi, roll, streaming
from pipeline.encoding import DURATION, PITCH, STEP, VELOCITY, Codes
from pipeline.errors import MidiError
from pipeline.sampling import Sampler
from pipeline.sections import Generate
from pipeline.storage import Trained

MIDDLE_C = {STEP: 0, DURATION: 50, PITCH: 60, VELOCITY: 64}


@dataclass(frozen=True)
class Request:
    """What to play on from, how far, and by which seed."""

    prompt: Path | None
    notes: int
    seed: int | list[int]


def read_prompt(path: Path | None, notes: int) -> Codes:
    """Return the last notes of a MIDI file as codes [n, 4], n up to `notes`; of no file, one middle C.

    Raises:
        MidiError: the file cannot be read.
    """
    if path is None:
        return np.array([[MIDDLE_C[column] for column in range(4)]], np.int16)
    try:
        return encoding.encode(midi.read_notes(path.read_bytes(), "symusic"))[-notes:]
    except (OSError, MidiError) as error:
        raise MidiError(f"{path}: {error}; give a MIDI file with notes") from error


def write(model: Trained, request: Request, how: Generate, path: Path) -> None:
    """Play and write `path`, with a piano roll beside it."""
    play(model, read_prompt(request.prompt, how.prompt_notes), request, how, path)


def play(model: Trained, prompt: Codes, request: Request, how: Generate, path: Path) -> None:
    """Play on from a prompt [n, 4] and write both, the prompt first."""
    sampler = Sampler(np.random.default_rng(request.seed), how.sampling)
    sampler.hear(prompt)
    played = streaming.improvise(model, prompt, request.notes, sampler.choose)
    notes = encoding.decode(np.concatenate([prompt, played]))
    midi.write_notes(notes, path)
    roll.draw(notes, f"{model.architecture}: {path.stem} (prompt grey)", len(prompt), path.with_suffix(".png"))
