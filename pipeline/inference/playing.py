"""A model plays on from a prompt, to a MIDI file and a piano roll."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline import progress
from pipeline.errors import MidiError, printable
from pipeline.inference import streaming
from pipeline.inference.sampling import Sampler
from pipeline.inference.storage import Trained
from pipeline.music import chunks, encoding, midi
from pipeline.music.encoding import DURATION, PITCH, STEP, VELOCITY, Codes
from pipeline.sections import Sampling

FULL = int(midi.LONGEST_TICKS * midi.TICK / encoding.CELL)
"""The last cell of a MIDI file."""
LIMIT = f"{midi.LONGEST_TICKS * midi.TICK:,.3f} s"
MIDDLE_C = {STEP: 0, DURATION: 50, PITCH: 60, VELOCITY: 64}


AS_IT_IS = Sampling(
    temperature_pitch=1.0,
    temperature_time=1.0,
    top_p_pitch=1.0,
    top_p_time=1.0,
    key="chromatic",
    lowest=0,
    highest=127,
    polyphony=0,
    density=0,
)
"""Sampling that changes nothing of what a model says: for use outside a project, where no params.yaml is."""


@dataclass(frozen=True)
class Request:
    """What to play on from, how far, and by which seed."""

    prompt: Path | None
    notes: int
    seed: int | list[int]


def read_prompt(path: Path | None, pedal: bool = False) -> Codes:
    """Return the notes of a MIDI file as codes [n, 4], with or without the pedal; of no file, one middle C.

    Raises:
        MidiError: the file cannot be read.
    """
    if path is None:
        return np.array([[MIDDLE_C[column] for column in range(4)]], np.int16)
    try:
        return encoding.encode(midi.read_notes(chunks.read(path), "symusic", pedal))
    except (OSError, MidiError) as error:
        raise MidiError(f"{path}: {error}; give a MIDI file with notes") from error


def write(model: Trained, request: Request, how: Sampling, path: Path) -> None:
    """Play and write `path`, with a piano roll beside it."""
    play(model, read_prompt(request.prompt, model.pedal), request, how, path)


def play(model: Trained, prompt: Codes, request: Request, how: Sampling, path: Path) -> None:
    """Play on from a prompt [n, 4] and write both, the prompt first; where the file is full, say so and stop.

    Raises:
        DataError: the model says what is no probability.
    """
    from pipeline.music import roll  # loads matplotlib, which takes longer than to play

    sampler = Sampler(np.random.default_rng(request.seed), how)
    sampler.hear(prompt)
    with np.errstate(all="ignore"):  # numbers that are none are an error of the sampler, in one line
        played = streaming.improvise(model, prompt, request.notes, sampler.choose, FULL)
    if len(played) < request.notes:
        progress.say(f"{path}: full after {len(played):,} notes of {request.notes:,}; a MIDI file holds {LIMIT}")
    notes = encoding.decode(np.concatenate([prompt, played]))
    midi.write_notes(notes, path)
    title = printable(f"{model.architecture}: {path.stem} (prompt grey)")
    roll.draw(notes, title, len(prompt), path.with_suffix(".png"))
