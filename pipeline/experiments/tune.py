"""Study `tune`: the learning rate of each architecture, searched on training pieces only.

Every architecture gets the same grid of rates and the same budget. Some whole training compositions are held out and
decide between the rates; pieces of validation and test are not read. For the architectures of the page of opinions there
is one more run, with the rate and the loss weight of the page.

Shapes: P pieces.
"""

import contextlib
import hashlib
import io
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.config import Params
from pipeline.config.schema import ModelConfig, ReplicatesConfig
from pipeline.core import console, files, parallel, paths
from pipeline.core.errors import DataError
from pipeline.dataset import replicates, windows
from pipeline.dataset.windows import PieceNotes, WindowDataset
from pipeline.notes.quantize import SCORED_FEATURES

NAME = "tune"
"""Of this study; it has no file in studies/."""
LEARNING_RATES = (0.0005, 0.001, 0.002, 0.004, 0.008, 0.016)
PAGE_LEARNING_RATE = 0.001
"""Of every architecture of the page of opinions."""
PAGE_PITCH_WEIGHT = 0.05
"""Loss weight of pitch that the page starts from."""
HELD_OUT_STRIDE = 5
"""One of this many training compositions is held out."""
MAX_SCORED_NOTES = 40_000
"""Held-out notes scored at most, the beginnings of all pieces alike."""


@dataclass(frozen=True)
class TuneRun:
    """One training of the search."""

    architecture: str
    learning_rate: float
    pitch_weight: float
    """Loss weight of pitch."""
    is_of_page: bool = False
    """Whether it is trained as the page of opinions says, and not a run of the grid."""


@dataclass(frozen=True)
class TuneScore:
    """What a run reached on the held-out training compositions, in bits per note."""

    bits_per_note: float
    pitch: float
    step: float
    duration: float


def list_grid_runs(params: Params) -> list[TuneRun]:
    """Return the runs of the search: each architecture at each rate."""
    pitch_weight = params.train.loss_weights.pitch
    return [
        TuneRun(name, rate, pitch_weight)
        for name in params.architectures
        for rate in LEARNING_RATES
    ]


def list_page_runs(params: Params, page_architectures: Sequence[str]) -> list[TuneRun]:
    """Return one run as the page says for each of its architectures."""
    return [
        TuneRun(name, PAGE_LEARNING_RATE, PAGE_PITCH_WEIGHT, is_of_page=True)
        for name in params.architectures
        if name in page_architectures
    ]


def choose_held_out(num_notes: Mapping[str, int]) -> list[str]:
    """Return the compositions to hold out: short and long ones, with about a fifth of the notes.

    They are a systematic sample: one of five in order of their number of notes, from the start that comes closest to a
    fifth of the notes.

    Args:
        num_notes: of each training composition.

    Raises:
        DataError: there is only one composition.
    """
    if len(num_notes) < 2:
        raise DataError(
            f"the corpus has {len(num_notes)} training compositions, so none can be held out; add music"
        )
    ordered = sorted(num_notes, key=lambda name: (num_notes[name], name))
    target = sum(num_notes.values()) / HELD_OUT_STRIDE
    samples = [
        ordered[start::HELD_OUT_STRIDE] for start in range(min(HELD_OUT_STRIDE, len(ordered)))
    ]
    return min(samples, key=lambda names: abs(sum(num_notes[name] for name in names) - target))


def load_training_pieces(params: Params) -> WindowDataset:
    """Return the training pieces of the corpus, split anew into `train` and `validation`."""
    dataset = windows.load_windows(paths.WINDOWS)
    own_splits = ReplicatesConfig(count=1, scheme="seeds")
    corpus = replicates.make_plan(dataset, own_splits).select(1)
    return split_training_pieces(corpus)


def split_training_pieces(dataset: WindowDataset) -> WindowDataset:
    """Split the training pieces of a corpus into `train` and `validation`; the other pieces are unused."""
    is_used = dataset.splits == "train"
    compositions = dataset.compositions[is_used]
    lengths = (dataset.piece_ends - dataset.piece_starts)[is_used]
    num_notes: dict[str, int] = dict.fromkeys(compositions.tolist(), 0)
    for composition, length in zip(compositions.tolist(), lengths.tolist(), strict=True):
        num_notes[composition] += length
    is_held_out = np.isin(compositions, choose_held_out(num_notes))
    splits = np.full(len(dataset.splits), replicates.UNUSED, "<U10")
    splits[is_used] = np.where(is_held_out, "validation", "train")
    return replace(dataset, splits=splits)


def hash_dataset(dataset: WindowDataset) -> str:
    """Return the sha256 of all that training and scoring read of the pieces, as if there were no others."""
    digest = hashlib.sha256(str(dataset.sequence_length).encode())
    used = np.flatnonzero(dataset.splits != replicates.UNUSED)
    for piece in used.tolist():
        digest.update(dataset.pieces[piece].tobytes())
    lengths = (dataset.piece_ends - dataset.piece_starts)[used]
    ends = np.cumsum(lengths)
    digest.update(ends.tobytes())
    is_training = dataset.splits[used] == "train"
    for start, end in zip((ends - lengths)[is_training], ends[is_training], strict=True):
        # Of 32 bits, as in the keys of committed results.
        starts = np.arange(start, end - dataset.sequence_length, dataset.stride, dtype=np.int64)
        digest.update(starts.astype(np.int32).tobytes())
    digest.update("\n".join(dataset.splits[used].tolist()).encode())
    return digest.hexdigest()


def apply_run(params: Params, run: TuneRun) -> Params:
    """Return the parameters with the values of a run."""
    config = params.get_model_config(run.architecture)
    config = config.model_copy(update={"learning_rate": run.learning_rate})
    weights = params.train.loss_weights.model_copy(update={"pitch": run.pitch_weight})
    train = params.train.model_copy(update={"loss_weights": weights})
    return params.model_copy(
        update={"model": {**params.model, run.architecture: config}, "train": train}
    )


def compute_run_key(params: Params, run: TuneRun, data_sha256: str) -> str:
    """Return the name of a run: a hash of its recipe, budget, seed and data."""
    applied = apply_run(params, run)
    config: ModelConfig = applied.model[run.architecture]
    recipe: dict[str, Any] = {
        "architecture": run.architecture,
        "seed": params.seed,
        "train": applied.train.model_dump(exclude={"workers"}),  # each run is of one process
        "model": config.model_dump(),
        "data_sha256": data_sha256,
    }
    return hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:16]


def get_kept_dir() -> Path:
    """Return where finished runs wait until all are done."""
    return paths.get_checkpoint_dir() / "tune"


def load_kept_score(key: str) -> TuneScore | None:
    """Return the score of a finished run, or None where there is none, or no whole one."""
    try:
        values = json.loads((get_kept_dir() / f"{key}.json").read_text(encoding="utf-8"))
        return TuneScore(**values)
    except (OSError, ValueError, TypeError):
        return None


def remove_kept_scores() -> None:
    """Forget all finished runs, so that they run again."""
    shutil.rmtree(get_kept_dir(), ignore_errors=True)


def run_all(runs: Mapping[str, TuneRun], params: Params, num_processes: int) -> None:
    """Train runs in parallel processes, one thread each; each keeps its score when it ends.

    Args:
        runs: by key.
        params: of the project.
        num_processes: at most so many at once; 0 is one a core.
    """
    items = [(number, key, run) for number, (key, run) in enumerate(runs.items(), 1)]
    train = partial(_train_and_keep, params, len(runs))
    parallel.map_in_processes(train, items, num_processes)


def _train_and_keep(params: Params, total: int, item: tuple[int, str, TuneRun]) -> None:
    number, key, run = item
    dataset = load_training_pieces(params)
    with contextlib.redirect_stderr(io.StringIO()):  # the lines of its epochs
        score = train_run(params, run, dataset, key)
    text = json.dumps(asdict(score))
    files.write_text(get_kept_dir() / f"{key}.json", text + "\n")
    console.log_message(
        f"tune [{number}/{total}] {run.architecture}, learning rate {run.learning_rate:g}, "
        f"pitch weight {run.pitch_weight:g}: {score.bits_per_note:.3f} bits per note"
    )


def select_scored_pieces(dataset: WindowDataset) -> PieceNotes:
    """Return the held-out notes that decide between the rates, by piece."""
    return windows.sample_beginnings(dataset.select_pieces("validation"), MAX_SCORED_NOTES)


def train_run(params: Params, run: TuneRun, dataset: WindowDataset, key: str) -> TuneScore:
    """Train one run, and score the held-out notes with the model of its best epoch."""
    # Here, so that the parent does not load TensorFlow.
    from pipeline.models import scoring
    from pipeline.training import trainer

    applied = apply_run(params, run)
    trainer.set_determinism(params.seed, params.train.num_threads)
    folder = paths.get_checkpoint_dir() / f"tune-{key}"
    model = trainer.train_model(trainer.TrainingJob(run.architecture, applied, dataset, folder))
    shutil.rmtree(folder)
    pieces = select_scored_pieces(dataset)
    scored = scoring.score_pieces(model, pieces, params.evaluate.batch_size)
    means = np.concatenate(scored).mean(axis=0)[: len(SCORED_FEATURES)]
    by_feature = dict(zip(SCORED_FEATURES, map(float, means), strict=True))
    return TuneScore(bits_per_note=float(means.sum()), **by_feature)
