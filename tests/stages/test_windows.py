"""Stage windows."""

from pathlib import Path

import numpy as np
from factories import make_music

from pipeline.config import Params
from pipeline.core import paths
from pipeline.dataset import windows
from pipeline.notes import quantize
from pipeline.stages import windows as stage


def test_every_note_is_there_once_and_windows_are_of_training_pieces(
    in_made: Path, small: Params
) -> None:
    made = windows.load_windows(paths.WINDOWS)
    assert np.array_equal(
        made.notes,
        np.concatenate([quantize.quantize(make_music(s, 150 + 10 * s)) for s in range(5)]),
    )
    # 150 - 10 windows of the first piece, then 160 - 10 of the second; none of those held out.
    assert made.window_starts.tolist() == [*range(140), *range(150, 300)]


def test_length_costs_no_disk(in_folder: Path, in_made: Path, small: Params, monkeypatch) -> None:
    sizes = []
    for length in (25, 100):
        params = small.model_copy(
            update={"windows": small.windows.model_copy(update={"length": length})}
        )
        monkeypatch.setattr(paths, "WINDOWS", in_folder / f"{length}.npz")
        stage.run(params.restrict_to(stage.PARAM_SECTIONS))
        sizes.append(paths.WINDOWS.stat().st_size)
    assert sizes[1] <= sizes[0]


def test_a_note_limit_takes_whole_training_pieces(
    in_folder: Path, in_made: Path, small: Params, monkeypatch
) -> None:
    params = small.model_copy(
        update={"windows": small.windows.model_copy(update={"train_notes": 200})}
    )
    monkeypatch.setattr(paths, "WINDOWS", in_folder / "limited.npz")
    stage.run(params.restrict_to(stage.PARAM_SECTIONS))
    made = windows.load_windows(paths.WINDOWS)
    assert [len(piece) for piece in made.select_pieces("train")] == [150]
    assert len(made.select_pieces("validation")) == 2
