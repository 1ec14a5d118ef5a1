"""Stage windows."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from factories import make_music

from pipeline.config import Params
from pipeline.core import checksums, paths
from pipeline.core.errors import DataError
from pipeline.corpus import tables
from pipeline.dataset import replicates, windows
from pipeline.dataset.windows import WindowDataset
from pipeline.notes import quantize
from pipeline.stages import windows as stage


def run_stage(params: Params, **changes: int) -> WindowDataset:
    """Run the stage with changes of its section; return what it wrote."""
    section = params.windows.model_copy(update=changes)
    stage.run(params.model_copy(update={"windows": section}).restrict_to(stage.PARAM_SECTIONS))
    return windows.load_windows(paths.WINDOWS)


@pytest.mark.usefixtures("in_ingested")
def test_every_note_is_there_once_and_windows_are_of_all_pieces(small: Params) -> None:
    dataset = run_stage(small)
    pieces = [quantize.quantize(make_music(seed, 150 + 10 * seed)) for seed in range(5)]
    assert all(map(np.array_equal, dataset.pieces, pieces))
    assert dataset.piece_ends.tolist() == [150, 310, 480, 660, 850]
    # 150 - 10 windows of the first training piece, then 160 - 10 of the second.
    expected = [*range(140), *range(150, 300)]
    assert dataset.locate_windows(np.arange(dataset.num_windows)).tolist() == expected
    assert dataset.compositions.tolist() == [f"piece {number}" for number in range(5)]
    assert dataset.piece_names.tolist() == [f"{number}.mid" for number in range(5)]


def test_a_longer_window_takes_no_more_disk(in_ingested: Path, small: Params) -> None:
    sizes = []
    for length in (25, 100):
        run_stage(small, sequence_length=length)
        written = (in_ingested / paths.WINDOWS.parent).iterdir()
        sizes.append(sum(path.stat().st_size for path in written))
    assert sizes[1] == sizes[0]


@pytest.mark.usefixtures("in_ingested")
def test_the_message_names_windows_and_notes(
    small: Params, capsys: pytest.CaptureFixture[str]
) -> None:
    run_stage(small)
    expected = "windows: 800 of 10 notes; the corpus has 310 notes for training and 540 held out"
    assert expected in capsys.readouterr().err


@pytest.mark.usefixtures("in_ingested")
def test_pieces_shorter_than_a_window_are_named(
    small: Params, capsys: pytest.CaptureFixture[str]
) -> None:
    run_stage(small, sequence_length=160)
    shown = capsys.readouterr().err
    assert "warning: short pieces: 2 with fewer notes" in shown
    assert "0.mid (150, train), 1.mid (160, train); leave them out" in shown


@pytest.mark.usefixtures("in_ingested")
def test_a_note_limit_takes_whole_training_pieces(small_seeds: Params) -> None:
    dataset = run_stage(small_seeds, max_train_notes=200)
    data = replicates.make_plan(dataset, small_seeds.replicates).select(2)
    assert [len(piece) for piece in data.select_pieces("train")] == [150]
    assert len(data.select_pieces("validation")) == 2
    assert data.locate_windows(np.arange(data.num_windows)).tolist() == list(range(140))


@pytest.mark.parametrize("missing", ["train", "validation"])
@pytest.mark.usefixtures("in_ingested")
def test_a_corpus_without_a_split_is_refused_before_any_training(
    small: Params, missing: str
) -> None:
    rows = tables.read_pieces(paths.PIECES)
    tables.write_pieces(
        paths.PIECES, [replace(row, split="test") if row.split == missing else row for row in rows]
    )
    checksums.write_checksums(paths.NOTES.parent)
    with pytest.raises(DataError, match=f"5 pieces and none in the split {missing}; add music"):
        run_stage(small)
