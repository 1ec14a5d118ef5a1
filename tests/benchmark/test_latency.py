"""Time and memory of a note."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from factories import CARRIED, UNCONSTRAINED, make_quantized_notes, make_tiny_model

from pipeline.benchmark import latency
from pipeline.core.errors import DataError


@pytest.mark.parametrize("stateful", [True, False])
def test_a_player_plays_by_the_memory_it_is_given(stateful):
    play = latency.make_step(
        make_tiny_model(**CARRIED), stateful, make_quantized_notes(0, 9), UNCONSTRAINED
    )
    played = np.stack([play() for _ in range(5)])
    assert played.shape == (5, 5)
    again = latency.make_step(
        make_tiny_model(stateful=stateful), stateful, make_quantized_notes(0, 9), UNCONSTRAINED
    )
    assert np.array_equal(played, [again() for _ in range(5)])


def test_all_weights_are_read():
    model = make_tiny_model()
    model.weights["pitch/bias"][5] = np.nan
    assert np.isnan(latency.make_weight_read(model)()).any()
    assert not np.isnan(latency.make_weight_read(make_tiny_model())()).any()


def test_peak_memory_is_that_of_what_is_done():
    little = latency.measure_peak_memory(
        latency.run_steps, make_tiny_model(), make_quantized_notes(0, 9), UNCONSTRAINED
    )
    assert 20 < little < 150, "the engine without TensorFlow"
    with pytest.raises(DataError, match="run_steps for its memory ended with 1"):
        latency.measure_peak_memory(latency.run_steps)


def test_memory_of_a_function_of_the_program_that_runs(tmp_path: Path) -> None:
    """As in stage benchmark under DVC, which is `__main__` in its own process and has another name in a child."""
    lines = ["from pipeline.benchmark import latency", "def hold():", "    bytearray(50_000_000)"]
    lines += ["if __name__ == '__main__':", "    print(latency.measure_peak_memory(hold))"]
    (tmp_path / "program.py").write_text("\n".join(lines))
    done = subprocess.run(
        [sys.executable, "-m", "program"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert float(done.stdout) > 50


@pytest.mark.slow
def test_memory_is_not_that_of_the_process_that_asks() -> None:
    ours = np.ones(80_000_000)
    assert latency.measure_peak_memory(latency.read_max_rss) < ours.nbytes / 2**20 / 2
