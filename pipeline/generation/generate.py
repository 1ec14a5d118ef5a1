"""A model plays on from a prompt, to a MIDI file and a piano roll."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.config.schema import SamplingConfig
from pipeline.core import console
from pipeline.core.errors import MidiError, sanitize_line
from pipeline.generation import engine
from pipeline.generation.sampling import Sampler
from pipeline.midi import reader, validate, writer
from pipeline.models.model_io import TrainedModel
from pipeline.notes import quantize
from pipeline.notes.quantize import DURATION, PITCH, STEP, VELOCITY, QuantizedNotes

MAX_FILE_CELLS = int(writer.MAX_TICKS * writer.TICK_SECONDS / quantize.GRID_SECONDS)
"""The last cell of a MIDI file."""
MAX_FILE_TEXT = f"{writer.MAX_TICKS * writer.TICK_SECONDS:,.3f} s"
MIDDLE_C = {STEP: 0, DURATION: 50, PITCH: 60, VELOCITY: 64}


UNCONSTRAINED = SamplingConfig(
    pitch_temperature=1.0,
    time_temperature=1.0,
    pitch_top_p=1.0,
    time_top_p=1.0,
    key="chromatic",
    min_pitch=0,
    max_pitch=127,
    max_polyphony=0,
    max_notes_per_second=0,
)
"""Sampling that changes nothing of what a model says: for use outside a project, where no params.yaml is."""


@dataclass(frozen=True)
class GenerationRequest:
    """What to play on from, how far, and by which seed."""

    prompt_path: Path | None
    num_notes: int
    seed: int | list[int]


def load_prompt(path: Path | None, sustain_pedal: bool = False) -> QuantizedNotes:
    """Return the notes of a MIDI file as codes [n, 4], with or without the pedal; of no file, one middle C.

    Raises:
        MidiError: the file cannot be read.
    """
    if path is None:
        return np.array([[MIDDLE_C[column] for column in range(4)]], np.int16)
    try:
        return quantize.quantize(
            reader.read_notes(validate.read_file(path), "symusic", sustain_pedal)
        )
    except (OSError, MidiError) as error:
        raise MidiError(f"{path}: {error}; give a MIDI file with notes") from error


def generate_from_prompt_file(
    model: TrainedModel, request: GenerationRequest, sampling_config: SamplingConfig, path: Path
) -> None:
    """Play and write `path`, with a piano roll beside it."""
    generate_file(
        model, load_prompt(request.prompt_path, model.sustain_pedal), request, sampling_config, path
    )


def generate_file(
    model: TrainedModel,
    prompt: QuantizedNotes,
    request: GenerationRequest,
    sampling_config: SamplingConfig,
    path: Path,
) -> None:
    """Play on from a prompt [n, 4] and write both, the prompt first; where the file is full, say so and stop.

    Raises:
        DataError: the model says what is no probability.
    """
    from pipeline.midi import piano_roll  # loads matplotlib, which takes longer than to play

    sampler = Sampler(np.random.default_rng(request.seed), sampling_config)
    sampler.observe(prompt)
    with np.errstate(
        all="ignore"
    ):  # numbers that are none are an error of the sampler, in one line
        played = engine.generate_notes(model, prompt, request.num_notes, sampler, MAX_FILE_CELLS)
    if len(played) < request.num_notes:
        console.log_message(
            f"{path}: full after {len(played):,} notes of {request.num_notes:,}; a MIDI file holds {MAX_FILE_TEXT}"
        )
    notes = quantize.dequantize(np.concatenate([prompt, played]))
    writer.write_notes(notes, path)
    title = sanitize_line(f"{model.architecture}: {path.stem} (prompt grey)")
    piano_roll.save_piano_roll(notes, title, len(prompt), path.with_suffix(".png"))
