"""What tests share: made-up music, tiny models, files."""

import io
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import mido
import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.benchmark.timing import BUSY
from pipeline.config.schema import DEFAULT_SAMPLING, ModelConfig
from pipeline.core import git
from pipeline.corpus.ingest_summary import (
    Damage,
    IngestSummary,
    InstrumentCount,
    ShortPiece,
    SplitCount,
)
from pipeline.corpus.manifest import LeftOut
from pipeline.dataset.sharded_notes import ShardedNotes
from pipeline.dataset.windows import WindowDataset
from pipeline.evaluation.bits import PieceScores
from pipeline.generation.step_heads import Distributions
from pipeline.models.model_io import TrainedModel
from pipeline.models.residual_noise import ResidualNoise
from pipeline.models.weight_shapes import weight_shapes
from pipeline.notes import note, quantize
from pipeline.notes.quantize import QuantizedNotes

UNCONSTRAINED = DEFAULT_SAMPLING.model_copy(update={"pitch_top_p": 1.0, "velocity_top_p": 1.0})
"""Sampling that does not change the distributions of a model."""
ROOT = Path(__file__).parent.parent
CARRIED, WINDOW = {"stateful": True}, {"stateful": False}
BOTH_WAYS = {"stateful": False, "cell": "bilstm"}
MODEL_KINDS = [
    CARRIED,
    WINDOW,
    BOTH_WAYS,
    {**CARRIED, "units": [8, 5], "dense_units": 6},
    {**BOTH_WAYS, "units": [8, 5]},
]


def make_music(seed: int, count: int) -> note.Notes:
    """Make notes [count] that a model can learn from: a random walk on a scale, with chords."""
    rng = np.random.default_rng(seed)
    scale = np.array([0, 2, 4, 5, 7, 9, 11])
    walk = np.clip(np.cumsum(rng.integers(-2, 3, count)) + 21, 7, 42)
    onset = np.cumsum(rng.choice([0.0, 0.12, 0.24, 0.5], count, p=[0.3, 0.4, 0.2, 0.1]))
    return note.make_notes(
        onset,
        rng.choice([0.1, 0.2, 0.45, 1.1], count),
        scale[walk % 7] + 12 * (walk // 7) + 24,
        rng.integers(30, 110, count),
    )


def make_busy(figures: Any) -> Any:
    """Return figures of stage benchmark as they are where the machine was too busy for any of them."""
    if not isinstance(figures, dict):
        return figures
    if figures.keys() & {"median", "median_us"}:
        return {**dict.fromkeys(figures), "reason": BUSY}
    return {name: make_busy(value) for name, value in figures.items()}


def make_pedal_midi() -> bytes:
    """Make a file of a C, whose key is up after 0.5 s and the pedal after 1 s, and of a D that sounds from then on."""
    # A second has 100 ticks; at 0 pedal down and C, at 50 C is let go, at 100 pedal up and D, at 150 its end.
    track = "00 FF 51 03 0F 42 40 00 B0 40 7F 00 90 3C 40 32 80 3C 00 32 B0 40 00 00 90 3E 40 32 80 3E 00 00 FF 2F 00"
    body = bytes.fromhex(track)
    return (
        bytes.fromhex("4D 54 68 64 00 00 00 06 00 00 00 01 00 64 4D 54 72 6B 00 00 00")
        + bytes([len(body)])
        + body
    )


class FunctionSampler:
    """Draws each feature by a function of its name and distribution."""

    recall_bonus = 0.0

    def __init__(self, choose: Callable[[str, np.ndarray], int]) -> None:
        self.choose = choose

    def sample_note(self, distributions: Distributions, note: list[int]) -> QuantizedNotes:
        for name, probs in distributions:
            note[quantize.FEATURES[name].column] = int(self.choose(name, probs))
        return np.array(note, np.int16)


def make_band_midi(*parts: tuple[int, int, str, int], num_notes: int = 10) -> bytes:
    """Make a file with one track for each part.

    Args:
        parts: channel from 0, program, track name and lowest pitch of each.
        num_notes: notes of each part, one after the other.
    """
    file = mido.MidiFile()
    for channel, program, name, pitch in parts:
        track = mido.MidiTrack([mido.MetaMessage("track_name", name=name)])
        track.append(mido.Message("program_change", channel=channel, program=program))
        for index in range(num_notes):
            key = {"channel": channel, "note": pitch + index}
            track.append(mido.Message("note_on", velocity=64, **key))
            track.append(mido.Message("note_off", time=120, **key))
        file.tracks.append(track)
    data = io.BytesIO()
    file.save(file=data)
    return data.getvalue()


def make_quantized_notes(seed: int, count: int) -> QuantizedNotes:
    """Make codes [count, 5] of such music."""
    return quantize.quantize(make_music(seed, count))


def make_pedal_notes(seed: int, count: int) -> QuantizedNotes:
    """Make codes [count, 5] of such music with a pedal that moves."""
    notes = make_music(seed, count)
    notes["pedal"] = np.random.default_rng([seed, 1]).integers(0, 3, count)
    return quantize.quantize(notes)


def make_window_dataset(
    pieces: Sequence[QuantizedNotes],
    splits: Sequence[str],
    *,
    sequence_length: int = 10,
    stride: int = 1,
    compositions: Sequence[str] | None = None,
    max_train_notes: int = 0,
) -> WindowDataset:
    """Make what the stage windows writes of pieces [n, 4] each, named 0.mid, 1.mid and so on; n of 0 is allowed.

    Args:
        pieces: at least one.
        splits: of each piece.
        sequence_length: notes in a window.
        stride: notes between the starts of windows.
        compositions: of each piece; left out, each piece is a composition.
        max_train_notes: training notes used at most.
    """
    names = [f"{number}.mid" for number in range(len(pieces))]
    ends = np.cumsum([len(piece) for piece in pieces])
    return WindowDataset(
        notes=ShardedNotes([np.concatenate(pieces)]),
        piece_ends=ends,
        splits=np.array(splits),
        piece_names=np.array(names),
        compositions=np.array(compositions if compositions is not None else names),
        sequence_length=sequence_length,
        stride=stride,
        max_train_notes=max_train_notes,
    )


def make_scores(bits_per_note: ArrayLike, num_notes: ArrayLike = 100) -> PieceScores:
    """Make scores of compositions of one piece each.

    Args:
        bits_per_note: [R, C] of each replicate and composition; not a number where that one was not scored.
        num_notes: [C] of each composition, or one number for all.
    """
    table = np.atleast_2d(np.asarray(bits_per_note, float))
    notes = np.broadcast_to(np.asarray(num_notes, np.int64), table.shape)
    replicates, columns = np.nonzero(~np.isnan(table))
    chosen = replicates, columns
    return PieceScores(
        replicates=replicates + 1,
        compositions=np.array([f"composition {column}" for column in columns]),
        piece_names=np.array([f"{column}.mid" for column in columns]),
        num_notes=notes[chosen],
        bits=np.outer(table[chosen] * notes[chosen], [0.5, 0.25, 0.25]),
    )


def run_git(*arguments: str) -> str:
    """Run Git in the working folder with an identity for commits; return what it prints, stripped."""
    identity = ("-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false")
    return git.run_git(*identity, *arguments).strip()


@contextmanager
def make_unreadable(path: Path) -> Iterator[None]:
    """Remove the permission to read a file; root becomes another user meanwhile, since modes do not stop root."""
    user = os.geteuid()
    path.chmod(0)
    try:
        if user == 0:
            os.seteuid(65534)
        yield
    finally:
        os.seteuid(user)
        path.chmod(0o644)


def make_tiny_model(length: int = 6, seed: int = 0, **changes: object) -> TrainedModel:
    """Make a model of random weights, as training would have left it."""
    recipe = {
        "input": "scalar",
        "heads": "regression",
        "loss_on": "last",
        "units": [8],
        "dense_units": 0,
    }
    recipe |= {"embedding_dim": 0, "model_velocity": False, "cell": "lstm", "head_dim": 0}
    recipe |= {"dropout": 0.0, "output_dropout": 0.0, "stateful": False, "learning_rate": 0.001}
    recipe |= changes
    block = ModelConfig.model_validate(recipe)
    rng = np.random.default_rng(seed)
    weights = {
        name: rng.normal(0, 0.7, shape).astype(np.float32)
        for name, shape in weight_shapes(block).items()
    }
    spread = {"step": ResidualNoise("laplace", 0.1), "duration": ResidualNoise("gaussian", 0.3)}
    spread = spread if block.heads == "regression" else {}
    return TrainedModel("tiny", block, length, weights, spread, {"seed": seed})


def draw_normal(*shape: int, seed: int = 0) -> NDArray[np.float32]:
    """Draw numbers of mean 0 and standard deviation 1; equal shapes and seeds give equal numbers."""
    return np.random.default_rng([seed, *shape]).normal(0, 1, shape).astype(np.float32)


def randomize_weights(network: Any, spread: float) -> None:
    """Give every weight of a Keras layer or model a random value, biases too: at zero, a swap of them has no effect.

    Args:
        network: has `trainable_variables`.
        spread: standard deviation of the values.
    """
    for number, variable in enumerate(network.trainable_variables):
        variable.assign(np.random.default_rng(number).normal(0, spread, variable.shape))


def make_ingest_summary(train: int = 800, validation: int = 100, test: int = 100) -> IngestSummary:
    """Make what ingest wrote of a corpus with so many notes in each split, of which much was left out."""
    counts = {"train": train, "validation": validation, "test": test}
    return IngestSummary(
        corpus="own",
        splits={
            name: SplitCount(pieces=min(notes, 2), notes=notes, seconds=1.25)
            for name, notes in counts.items()
        },
        files_left_out=[LeftOut(reason=".zip file: unzip it first", files=2, example="a.zip")],
        notes_left_out=[LeftOut(reason="drums (channel 10)", files=8, notes=4800)],
        instruments=[
            InstrumentCount(name="Piano", files=8, notes=600),
            InstrumentCount(name="Bass", files=7, notes=400),
        ],
        merged_files=7,
        max_instruments=2,
        shortest_pieces=[
            ShortPiece(member="jingle.mid", split="validation", notes=5),
            ShortPiece(member="song.mid", split="train", notes=400),
        ],
        damage=[Damage(cause="bytes after End of Track", count=3, files=2, example="b.mid")],
        near_duplicates=[],
    )
