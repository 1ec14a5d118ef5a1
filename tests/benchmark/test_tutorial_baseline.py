"""The tutorial's way of playing."""

import numpy as np
import pytest
from factories import make_quantized_notes

from pipeline.benchmark import tutorial_baseline
from pipeline.config import Params


@pytest.mark.parametrize("name", ["baseline", "stacked"])
def test_the_network_has_the_parameters_of_the_architecture(project: Params, name: str) -> None:
    count = {"baseline": 84_354, "stacked": 480_130}[name]
    assert tutorial_baseline.build_tutorial_model(project.model[name], 25).count_params() == count


def test_both_ways_play_notes_and_move_the_window(project: Params) -> None:
    block = project.model["baseline"].model_copy(update={"units": [8]})
    for play in tutorial_baseline.make_steps(block, make_quantized_notes(0, 9), 6).values():
        first, second = play(), play()
        assert second.shape == (6, 3)
        assert np.array_equal(second[:-1], first[1:])
        assert 0 <= second[-1, 0] < 128
        assert (second[-1, 1:] >= 0).all()
