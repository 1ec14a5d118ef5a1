"""Show that rank groups say what was planted: `python tools/planted_cases.py`, a minute; `--runs 2`, seconds.

Evaluations of three architectures are simulated and written as files, and the stage compare reads them, many times
over with other noise. Architecture `baseline` is a bit per note worse; `large` has nine times the weights of `small`
and is, in bits per note,

    tie              as good as `small`
    difference       0.1 better everywhere
    lucky seed       0.5 better in one replicate, else as good
    one composition  1 better in the second longest composition, else as good

Prints how often the groups and the recommendation are those that they should be. Equal arguments give equal tables.
"""

import argparse
import contextlib
import json
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import simulated_scores
from simulated_scores import Design, EffectSizes, Float64Array

from pipeline.config import Params, load_params
from pipeline.core import files, paths
from pipeline.evaluation.results import Evaluation
from pipeline.stages import compare

ROOT = Path(__file__).parent.parent
NOISE = EffectSizes(replicate=0.02, composition=0.03, interaction=0.015)
"""Of each architecture."""
PARAMETERS = {"baseline": 500, "small": 1000, "large": 9000}
BASELINE_BITS, BASELINE_LAG = 14.0, 1.0
TIE = {"large": "a", "small": "a", "baseline": "b"}
DIFFERENCE = {"large": "a", "small": "b", "baseline": "c"}


@dataclass(frozen=True)
class Case:
    """What is planted, and what the decision should be."""

    name: str
    groups: dict[str, str]
    recommended: str


CASES = (
    Case("tie", TIE, "small"),
    Case("difference", DIFFERENCE, "large"),
    Case("lucky seed", TIE, "small"),
    Case("one composition", TIE, "small"),
)


def make_designs() -> list[Design]:
    """Return the designs of the two corpora of the project."""
    notes = simulated_scores.SAMPLE_CORPUS_NOTES
    return [
        simulated_scores.make_nested_design("4 folds of 10", 4, notes),
        simulated_scores.make_crossed_design("5 × 137", 5, 137),
    ]


def plant(case: Case, design: Design) -> Float64Array:
    """Return how many bits per note [R, P] `large` differs from `small`."""
    gain = np.zeros((design.num_replicates, len(design.num_notes)))
    if case.name == "difference":
        gain += 0.1
    elif case.name == "lucky seed":
        gain[0] += 0.5
    elif case.name == "one composition":
        gain[:, np.argsort(design.num_notes)[-2]] += 1
    return -gain


def write_run(case: Case, design: Design, seed: int) -> Params:
    """Write the evaluations of simulated scores in the working folder; return the parameters of the run."""
    rng = np.random.default_rng([seed, CASES.index(case), design.num_replicates])
    params = load_params(ROOT / paths.PARAMS)
    difficulty = rng.normal(0, 2, len(design.num_notes))
    shifts = {
        "baseline": np.array(BASELINE_LAG),
        "small": np.array(0.0),
        "large": plant(case, design),
    }
    normal = simulated_scores.DISTRIBUTIONS["normal"]
    for name, shift in shifts.items():
        noise = simulated_scores.draw_differences(rng, design, NOISE, normal, 1)[0]
        bits = BASELINE_BITS + difficulty + shift + noise
        epoch = dict.fromkeys(compare.CURVE_COLUMNS, 1.0)
        evaluation = Evaluation(
            architecture=name,
            config=params.model["baseline"],
            parameters=PARAMETERS[name],
            bytes=4 * PARAMETERS[name],
            histories=[[epoch]] * design.num_replicates,
            scores=simulated_scores.make_scores(design, bits),
        )
        evaluation.save(paths.get_evaluation_path(name))
        files.write_text(paths.get_calibration_path(name), '{"heads": {}, "context": []}\n')
    files.write_bytes(paths.COMMITTED_BEST, (ROOT / paths.COMMITTED_BEST).read_bytes())
    uniform = np.full_like(noise, 27.0)
    rows = simulated_scores.make_scores(design, uniform).to_rows()
    files.write_text(paths.NGRAMS, json.dumps({"uniform": {"rows": rows}}))
    return params.model_copy(update={"architectures": list(PARAMETERS)})


def decide(case: Case, design: Design, seed: int) -> dict[str, Any]:
    """Run the stage compare on simulated evaluations, in a folder of its own; return its summary."""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        params = write_run(case, design, seed)
        compare.run(params.restrict_to(compare.PARAM_SECTIONS))
        return dict(json.loads(paths.SUMMARY.read_text("utf-8")))


def read_groups(summary: dict[str, Any]) -> dict[str, str]:
    """Return the letters of each architecture."""
    return {name: summary[name]["group"] for name in PARAMETERS}


def format_groups(groups: dict[str, str]) -> str:
    """Return names with their letters, the best first."""
    return ", ".join(f"{name} {groups[name]}" for name in sorted(groups, key=lambda n: groups[n]))


def main() -> None:
    """Print a row for each design and case."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=100, help="of each case")
    num_runs = parser.parse_args().runs
    print("| design | planted | groups, most often | groups right | recommendation right |")
    print("|---|---|---|---:|---:|")
    for design in make_designs():
        for case in CASES:
            summaries = [decide(case, design, seed) for seed in range(num_runs)]
            groups = [read_groups(summary) for summary in summaries]
            usual = Counter(map(format_groups, groups)).most_common(1)[0][0]
            right = sum(letters == case.groups for letters in groups)
            recommended = sum(
                summary["best"]["recommended"] == case.recommended for summary in summaries
            )
            print(
                f"| {design.name} | {case.name} | {usual} | {right} of {num_runs} | "
                f"{recommended} of {num_runs} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
