"""A small project, made once: every stage after ingest has run on made-up music."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from factories import ROOT, make_ingest_summary, make_music, make_tiny_model

from pipeline.config import Params
from pipeline.core import checksums, parallel, paths
from pipeline.corpus import ingest_summary, tables
from pipeline.corpus.tables import NotesWriter, PieceRow
from pipeline.training import trainer

trainer.set_determinism(0, 1)
NUM_NOTES = (150, 160, 170, 180, 190)
SPLITS = ("train", "train", "validation", "test", "validation")


@pytest.fixture(scope="session")
def small(project: Params) -> Params:
    """Parameters for a minute's work: two small architectures, one of which cannot stream."""
    model = {
        "baseline": project.model["baseline"].model_copy(update={"units": [8]}),
        "bidirectional": project.model["bidirectional"].model_copy(update={"units": [6]}),
    }
    return project.model_copy(
        update={
            "architectures": list(model),
            "model": model,
            "replicates": project.replicates.model_copy(update={"count": 3}),
            "windows": project.windows.model_copy(update={"sequence_length": 10}),
            "train": project.train.model_copy(
                update={
                    "epochs": 2,
                    "notes_per_epoch": 128,
                    "batch": 32,
                    "num_threads": 1,
                    "noise_fit_notes": 200,
                }
            ),
            "generate": project.generate.model_copy(
                update={"num_samples": 3, "num_notes": 30, "prompt_notes": 8}
            ),
            "sample_metrics": project.sample_metrics.model_copy(
                update={"num_samples": 2, "num_notes": 40}
            ),
            "two_sample": project.two_sample.model_copy(
                update={"num_prompts": 10, "num_notes": 40}
            ),
            "benchmark": project.benchmark.model_copy(
                update={"repeats": 1, "measure_memory": False}
            ),
        }
    )


@pytest.fixture(scope="session")
def small_seeds(small: Params) -> Params:
    """Those parameters, with replicates that differ in the seed alone."""
    seeds = small.replicates.model_copy(update={"count": 2, "scheme": "seeds"})
    return small.model_copy(update={"replicates": seeds})


@pytest.fixture(scope="session")
def made(small: Params, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder in which all stages from windows on have run; the session's tests only read it.

    The folds of the cross-validation are 4.mid, then 0.mid and 3.mid, then 1.mid and 2.mid.
    """
    folder = tmp_path_factory.mktemp("project")
    with contextlib.chdir(folder):
        write_tables()
        run_model_stages(small)
        run_comparison_stages(small)
        yield folder


@pytest.fixture(scope="session")
def made_short(small_seeds: Params, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder in which every model was made and measured, where the only validation piece has 5 notes."""
    folder = tmp_path_factory.mktemp("short")
    with contextlib.chdir(folder):
        write_tables((150, 160, 5, 180, 190), ("train", "train", "validation", "test", "test"))
        run_model_stages(small_seeds)
        run_comparison_stages(small_seeds)
        yield folder


def run_model_stages(params: Params) -> None:
    """Run the stages that make and measure each model, in this process: to load TensorFlow in others takes long."""
    from pipeline.stages import (
        evaluate,
        generate,
        ngrams,
        sample_metrics,
        train,
        two_sample,
        windows,
    )

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parallel, "count_cores", lambda: 1)
        for stage in (windows, ngrams):
            stage.run(params.restrict_to(stage.PARAM_SECTIONS))
        for stage in (train, evaluate, generate, sample_metrics, two_sample):
            for name in params.architectures:
                stage.run(params.restrict_to(stage.PARAM_SECTIONS), name)


def run_comparison_stages(params: Params) -> None:
    """Run the stages that put all models side by side."""
    from pipeline.stages import benchmark, compare, report

    paths.CLAIMS.parent.mkdir(parents=True, exist_ok=True)
    for path in (paths.CLAIMS, paths.COMMITTED_BEST):
        path.write_bytes((ROOT / path).read_bytes())
    paths.PARAMS.write_bytes((ROOT / paths.PARAMS).read_bytes())
    for stage in (compare, benchmark, report):
        stage.run(params.restrict_to(stage.PARAM_SECTIONS))


def write_tables(num_notes: Sequence[int] = NUM_NOTES, splits: Sequence[str] = SPLITS) -> None:
    """Write tables of five pieces of so many notes."""
    pieces = [make_music(seed, count) for seed, count in enumerate(num_notes)]
    paths.NOTES.parent.mkdir(parents=True, exist_ok=True)
    with NotesWriter(paths.NOTES) as writer:
        for index, notes in enumerate(pieces):
            writer.write_piece(index, notes)
    rows = [
        PieceRow(number, f"{number}.mid", f"piece {number}", split, len(notes), 60.0, "0" * 64)
        for number, (split, notes) in enumerate(zip(splits, pieces, strict=True))
    ]
    tables.write_pieces(paths.PIECES, rows)
    ingest_summary.save_summary(paths.INGEST_SUMMARY, make_ingest_summary())
    checksums.write_checksums(paths.NOTES.parent)


@pytest.fixture
def make_untrained(small: Params, in_folder: Path) -> Callable[..., Params]:
    """A function that makes windows and untrained replicates, each with weights of its own, and returns parameters."""

    def make(
        architecture: str,
        scheme: str,
        num_notes: Sequence[int] = NUM_NOTES,
        **changes: dict[str, int],
    ) -> Params:
        from pipeline.models import model_io
        from pipeline.stages import windows

        replicates = small.replicates.model_copy(update={"count": 3, "scheme": scheme})
        sections = {
            name: getattr(small, name).model_copy(update=values) for name, values in changes.items()
        }
        params = small.model_copy(update={"replicates": replicates, **sections})
        write_tables(num_notes)
        windows.run(params.restrict_to(windows.PARAM_SECTIONS))
        for replicate in range(1, 4):
            folder = paths.get_replicate_dir(architecture, replicate)
            model_io.save_model(make_tiny_model(seed=replicate), folder)
        return params

    return make


@pytest.fixture
def in_ingested(in_folder: Path) -> Path:
    """A folder of its own with the tables of ingest, to run in."""
    write_tables()
    return in_folder


@pytest.fixture
def in_made(made: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in that folder."""
    monkeypatch.chdir(made)
    return made
