"""Limits of generated times, and that a model keeps them on disk."""

import json
from dataclasses import replace

import numpy as np
import pytest
from factories import make_tiny_model

from pipeline.core.errors import DataError
from pipeline.models import model_card, model_io
from pipeline.models.model_io import CARD
from pipeline.models.time_limits import TimeLimits, measure_time_limits
from pipeline.notes.quantize import DURATION, GRID_SIZE, STEP


def make_piece(steps: list[int], durations: list[int]) -> np.ndarray:
    piece = np.full((len(steps), 4), 60, np.int16)
    piece[:, STEP], piece[:, DURATION] = steps, durations
    return piece


def test_all_but_a_thousandth_of_the_notes_are_within_the_limits() -> None:
    # 2,000 steps and 2,000 durations: 1,998 of each are within the limit, and 2 above it.
    steps = [0, *[5] * 1900, *[80] * 98, 700, 900]
    durations = [*[10] * 1000, *[20] * 998, 21, 1000]
    pieces = [make_piece(steps, [*durations, 20]), make_piece([], [])]
    assert measure_time_limits(pieces) == TimeLimits(80, 20)


def test_the_first_step_of_a_piece_does_not_count() -> None:
    pieces = [make_piece([900, 3], [7, 7])] * 2
    assert measure_time_limits(pieces) == TimeLimits(3, 7)


def test_without_steps_there_is_no_limit_on_them() -> None:
    assert measure_time_limits([make_piece([0], [7])]) == TimeLimits(GRID_SIZE - 1, 7)


def test_a_model_keeps_its_limits_on_disk(tmp_path) -> None:
    model = replace(make_tiny_model(), time_limits=TimeLimits(120, 400))
    model_io.save_model(model, tmp_path)
    assert model_io.load_model(tmp_path).time_limits == TimeLimits(120, 400)


def test_a_card_without_limits_is_of_a_model_without_limits(tmp_path) -> None:
    model_io.save_model(make_tiny_model(), tmp_path)
    assert "time_limits" not in json.loads((tmp_path / CARD).read_text())
    assert model_io.load_model(tmp_path).time_limits is None


@pytest.mark.parametrize("step", [-1, 1001, 2.5])
def test_limits_that_are_no_cells_are_refused(tmp_path, step) -> None:
    model_io.save_model(make_tiny_model(), tmp_path)
    card = json.loads((tmp_path / CARD).read_text())
    card |= {"time_limits": {"max_step": step, "max_duration": 4}}
    (tmp_path / CARD).write_text(model_card.with_checksum(card))
    with pytest.raises(DataError, match=r"time_limits\.max_step"):
        model_io.load_model(tmp_path)
