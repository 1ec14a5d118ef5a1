"""Stage benchmark."""

import json
from pathlib import Path

from pipeline import paths


def test_costs_are_ratios_to_the_reference_and_no_seconds(in_made: Path) -> None:
    timings = json.loads(paths.TIMINGS.read_text("utf-8"))
    assert timings["reference"] == "baseline"
    for what in ("train", "generate"):
        assert timings[what]["baseline"] == {"median": 1.0, "least": 1.0, "greatest": 1.0}
        other = timings[what]["bidirectional"]
        assert 0 < other["least"] <= other["median"] <= other["greatest"]
