"""Four deliberate errors, each of which a test must see: `python tests/mutation_check.py`.

For each, the package and its tests are copied to a folder that goes away, one line is changed there, and the test named
for it runs. It must fail, and must pass where nothing is planted. A plant that fits no line any more is an error too.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
PARTS = ("pipeline", "tests", "pyproject.toml", "params.yaml")
HEAVY = Path("tests/stages/conftest.py")
"""Imports TensorFlow, for tests that train; no plant needs it."""


@dataclass(frozen=True)
class Plant:
    """An error of one line, and the test that sees it."""

    about: str
    path: str
    line: str
    instead: str
    test: str


PLANTS = (
    Plant(
        about="bits computed on nats",
        path="pipeline/models/residual_noise.py",
        line="return np.asarray(-np.log2(np.maximum(mass, FLOOR)))",
        instead="return np.asarray(-np.log(np.maximum(mass, FLOOR)))",
        test="tests/models/numpy/test_heads.py::test_bits_are_those_of_the_masses_that_are_drawn_from",
    ),
    Plant(
        about="a split leak: pieces of one composition in several splits",
        path="pipeline/corpus/splits.py",
        line="return [split[name] for name in compositions]",
        instead="return [SPLITS[number % 3] for number, _ in enumerate(compositions)]",
        test="tests/corpus/test_splits.py::test_a_composition_has_one_split_and_order_does_not_matter",
    ),
    Plant(
        about="a duplicated piece, in training and held out",
        path="pipeline/stages/ingest.py",
        line='return "" if first == piece.member else f"duplicate of {first}"',
        instead='return ""',
        test="tests/stages/test_ingest.py::test_a_copy_is_kept_once_and_never_in_training_if_it_is_held_out",
    ),
    Plant(
        about="an off-by-one target: the last note of the window",
        path="pipeline/dataset/windows.py",
        line="return self.codes[first[:, None] + np.arange(self.length)], self.codes[first + self.length]",
        instead="return self.codes[first[:, None] + np.arange(self.length)], self.codes[first + self.length - 1]",
        test="tests/dataset/test_windows.py::test_a_target_is_the_note_after_its_window",
    ),
)


def failures(tests: list[str], plant: Plant | None) -> list[str]:
    """Return which of some tests fail in a copy of the checkout, with an error planted there.

    Raises:
        ValueError: the line of the plant is not there exactly once, or the tests could not run.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in PARTS:
            copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
            copy(ROOT / part, folder / part)
        (folder / HEAVY).unlink(missing_ok=True)
        if plant:
            text = (folder / plant.path).read_text("utf-8")
            if text.count(plant.line) != 1:
                raise ValueError(
                    f"{plant.path}: {plant.line!r} is not there once; plant {plant.about!r} elsewhere"
                )
            (folder / plant.path).write_text(text.replace(plant.line, plant.instead), "utf-8")
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-rf", "-p", "no:cacheprovider", *tests],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(folder)},
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode not in (0, 1):
        raise ValueError(f"the tests could not run:\n{done.stdout}{done.stderr}")
    return re.findall(r"^FAILED (\S+)", done.stdout, re.M)


def main() -> list[str]:
    """Plant each error, and return a line for each: what was planted, and the test that failed.

    Raises:
        ValueError: a test fails of itself, an error was not seen, or cannot be planted any more.
    """
    if broken := failures([plant.test for plant in PLANTS], None):
        raise ValueError(f"fails with nothing planted: {', '.join(broken)}")
    lines = []
    for plant in PLANTS:
        if failures([plant.test], plant) != [plant.test]:
            raise ValueError(
                f"{plant.about}: planted in {plant.path}, and {plant.test} does not see it"
            )
        lines.append(f"{plant.about} ({plant.path}): FAILED {plant.test}")
    return lines


if __name__ == "__main__":
    print("\n".join(main()))
