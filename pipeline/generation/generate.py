"""A model plays on from a prompt, to a MIDI file and a piano roll."""

from dataclasses import dataclass
from math import inf
from pathlib import Path

import numpy as np

from pipeline.config.schema import SamplingConfig
from pipeline.core import console
from pipeline.core.errors import MidiError, ParamsError, describe_error, sanitize_line
from pipeline.generation import engine
from pipeline.generation.sampling import make_sampler
from pipeline.midi import reader, writer
from pipeline.models.model_io import TrainedModel
from pipeline.notes import quantize
from pipeline.notes.note import PEDAL_UP
from pipeline.notes.quantize import (
    DURATION,
    FEATURES,
    PEDAL,
    PITCH,
    STEP,
    VELOCITY,
    QuantizedNotes,
)

MAX_FILE_CELLS = int(writer.MAX_TICKS * writer.TICK_SECONDS / quantize.GRID_SECONDS)
"""The last cell of a MIDI file."""
MAX_FILE_TEXT = f"{writer.MAX_TICKS * writer.TICK_SECONDS:,.3f} s"
WHOLE_FILE = (0.0, inf)
"""Range of onsets [s]."""
MIDDLE_C = {STEP: 0, DURATION: 50, PITCH: 60, VELOCITY: 64, PEDAL: 0}


@dataclass(frozen=True)
class GenerationRequest:
    """What to continue, how far, by which seed, and whether the prompt is written too."""

    prompt_path: Path | None
    num_notes: int
    seed: int | list[int]
    prompt_range: tuple[float, float] = WHOLE_FILE
    """Onsets of the prompt file that are the prompt: from, itself included, and up to [s]."""
    writes_prompt: bool = True


def load_prompt(
    path: Path | None,
    sustain_pedal: bool = False,
    onset_range: tuple[float, float] = WHOLE_FILE,
) -> QuantizedNotes:
    """Return the notes of a MIDI file as codes [n, 5]; of no file, one middle C.

    Args:
        path: the file.
        sustain_pedal: whether notes sound on while the pedal is down.
        onset_range: the first onset that is read and the first that is not [s].

    Raises:
        MidiError: the file cannot be read.
        ParamsError: no note starts in the range.
    """
    if path is None:
        return np.array([[MIDDLE_C[column] for column in range(len(FEATURES))]], np.int16)
    try:
        notes = reader.read_file_notes(path, sustain_pedal)
    except (OSError, MidiError) as error:
        raise MidiError(f"{path}: {describe_error(error)}; give a MIDI file with notes") from error
    first, end = onset_range
    selected = notes[(notes["onset"] >= first) & (notes["onset"] < end)]
    if not len(selected):
        raise ParamsError(
            f"{path}: no note starts {_format_range(first, end)}; its notes start from "
            f"{notes['onset'].min():.1f} s to {notes['onset'].max():.1f} s"
        )
    return quantize.quantize(selected)


def _format_range(first: float, end: float) -> str:
    """Return a range of onsets [s] in words."""
    return f"at {first:g} s or later" if end == inf else f"from {first:g} s up to {end:g} s"


def generate_from_prompt_file(
    model: TrainedModel, request: GenerationRequest, sampling_config: SamplingConfig, path: Path
) -> None:
    """Generate and write `path`, with a piano roll beside it."""
    prompt = load_prompt(request.prompt_path, model.sustain_pedal, request.prompt_range)
    generate_file(model, prompt, request, sampling_config, path)


def generate_file(
    model: TrainedModel,
    prompt: QuantizedNotes,
    request: GenerationRequest,
    sampling_config: SamplingConfig,
    path: Path,
) -> None:
    """Continue a prompt [n, 5] and write both, the prompt first; where the file is full, say so and stop.

    Raises:
        DataError: the model says what is no probability.
        MidiError: the prompt alone does not fit into the file.
    """
    from pipeline.midi import piano_roll  # loads Pillow, which other uses of this module lack

    prompt_cells = int(prompt[1:, STEP].sum(dtype=np.int64))
    if request.writes_prompt and prompt_cells > MAX_FILE_CELLS:
        raise MidiError(
            f"the prompt is longer than the {MAX_FILE_TEXT} of a MIDI file; give --prompt-start or --no-prompt"
        )
    rng = np.random.default_rng(request.seed)
    sampler = make_sampler(model, prompt, sampling_config, rng)
    end = MAX_FILE_CELLS + (0 if request.writes_prompt else prompt_cells)
    with np.errstate(
        all="ignore"
    ):  # numbers that are none are an error of the sampler, in one line
        played = engine.generate_notes(model, prompt, request.num_notes, sampler, end)
    if len(played) < request.num_notes:
        console.log_message(
            f"{path}: full after {len(played):,} notes of {request.num_notes:,}; a MIDI file holds {MAX_FILE_TEXT}"
        )
    shown_prompt = prompt if request.writes_prompt else prompt[:0]
    notes = quantize.dequantize(np.concatenate([quantize.add_pedal_column(shown_prompt), played]))
    if not model.config.model_pedal:
        # A model that does not know the pedal writes none for its prompt either.
        notes["pedal"] = PEDAL_UP
    writer.write_notes(notes, path)
    remark = " (prompt gray)" if request.writes_prompt else ""
    title = sanitize_line(f"{model.architecture}: {path.stem}{remark}")
    piano_roll.save_piano_roll(notes, title, len(shown_prompt), path.with_suffix(".png"))
