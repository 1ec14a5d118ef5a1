"""Stage benchmark."""

import json
from pathlib import Path

import pytest

from pipeline.benchmark import latency
from pipeline.config import Params
from pipeline.core import paths
from pipeline.stages import benchmark


def test_costs_are_ratios_to_the_reference_and_no_seconds(in_made: Path) -> None:
    timings = json.loads(paths.BENCHMARK.read_text("utf-8"))
    assert timings["reference"] == "baseline"
    for what in ("train", "generate"):
        assert timings[what]["baseline"] == {"median": 1.0, "min": 1.0, "max": 1.0}
        other = timings[what]["bidirectional"]
        assert 0 < other["min"] <= other["median"] <= other["max"]


def test_every_architecture_has_its_costs_and_latency(in_made: Path) -> None:
    results = json.loads(paths.BENCHMARK.read_text("utf-8"))
    for name in ("baseline", "bidirectional"):
        costs, timed = results["costs"][name], results["latency"][name]
        assert costs["bytes"] == 4 * costs["parameters"]
        assert costs["multiply_adds"] < costs["multiply_adds_window"] < 10 * costs["multiply_adds"]
        assert costs["train_seconds_per_million"]["min"] > 0
        assert timed["stateful"] is False
        assert 0 < timed["window"]["min_us"] <= timed["window"]["median_us"]
        assert timed["window"]["median_us"] <= timed["window"]["max_us"]
        assert timed["window"]["median_us"] <= timed["window"]["p999_us"]
        assert timed["weights_read"]["median_us"] > 0
        for call in ("predict", "compiled"):
            assert 0 < timed[call]["min"] <= timed[call]["median"] <= timed[call]["max"]
    assert results["latency"]["bidirectional"]["streaming"] is None
    assert results["latency"]["baseline"]["streaming"]["median_us"] > 0
    assert results["tutorial"]["architecture"] == "baseline"
    assert results["tutorial"]["predict"]["median_us"] > 1000


@pytest.mark.slow
def test_memory_of_training_is_that_of_a_process_of_its_own(in_made: Path, small: Params) -> None:
    assert (
        latency.measure_peak_memory(
            benchmark.run_train_steps, small.restrict_to(benchmark.PARAM_SECTIONS), "baseline"
        )
        > 300
    ), "TensorFlow alone"
