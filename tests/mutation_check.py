"""Insert four deliberate errors and check that a test detects each: `python tests/mutation_check.py`.

For each mutation, the package and its tests are copied to a temporary folder, one line is changed there, and the test
named in the mutation runs. It must fail with the mutation and pass without. A mutation that no longer matches its file
exactly once is an error too.
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
COPIED = ("pipeline", "tests", "pyproject.toml", "params.yaml")
TRAINING_FIXTURES = Path("tests/stages/conftest.py")
"""Imports TensorFlow, for tests that train; no mutation needs it."""


@dataclass(frozen=True)
class Mutation:
    """An error in one line, and the test that detects it."""

    description: str
    path: str
    original: str
    """Text that stands exactly once in the file; as short as possible, to survive edits."""
    replacement: str
    test: str


MUTATIONS = (
    Mutation(
        description="bits computed with the natural logarithm",
        path="pipeline/models/residual_noise.py",
        original="-np.log2(",
        replacement="-np.log(",
        test="tests/models/numpy/test_heads.py::test_bits_are_those_of_the_masses_that_are_drawn_from",
    ),
    Mutation(
        description="a split leak: pieces of one composition in several splits",
        path="pipeline/corpus/splits.py",
        original="return [split_of[name] for name in compositions]",
        replacement="return [SPLITS[number % 3] for number, _ in enumerate(compositions)]",
        test="tests/corpus/test_splits.py::test_a_composition_has_one_split_and_order_does_not_matter",
    ),
    Mutation(
        description="a duplicated piece, in training and held out",
        path="pipeline/corpus/ingest_counts.py",
        original='else f"{DUPLICATE_PREFIX}',
        replacement='else "" and f"{DUPLICATE_PREFIX}',
        test="tests/stages/test_ingest.py::test_a_copy_is_kept_once_and_never_in_training_if_it_is_held_out",
    ),
    Mutation(
        description="an off-by-one target: the last note of the window",
        path="pipeline/dataset/windows.py",
        original="np.arange(self.sequence_length + 1)",
        replacement="np.minimum(np.arange(self.sequence_length + 1), self.sequence_length - 1)",
        test="tests/dataset/test_windows.py::test_the_last_note_of_a_window_is_its_target",
    ),
)


def find_failures(tests: list[str], mutation: Mutation | None) -> list[str]:
    """Return the tests that fail in a copy of the checkout, with a mutation applied there.

    Raises:
        ValueError: the mutation does not match exactly once, or the tests could not run.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in COPIED:
            copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
            copy(ROOT / part, folder / part)
        (folder / TRAINING_FIXTURES).unlink(missing_ok=True)
        if mutation:
            apply_mutation(mutation, folder)
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


def apply_mutation(mutation: Mutation, folder: Path) -> None:
    """Change the line of a mutation in a copy of the checkout.

    Raises:
        ValueError: the mutation does not match exactly once.
    """
    path = folder / mutation.path
    source = path.read_text("utf-8")
    count = source.count(mutation.original)
    if count != 1:
        raise ValueError(
            f"{mutation.path}: {mutation.original!r} is there {count} times, not once; "
            f"update the mutation {mutation.description!r}"
        )
    path.write_text(source.replace(mutation.original, mutation.replacement), "utf-8")


def main() -> list[str]:
    """Apply each mutation; return a line for each with the test that detected it.

    Raises:
        ValueError: a test fails without a mutation, a mutation is not detected, or it does not match.
    """
    if broken := find_failures([mutation.test for mutation in MUTATIONS], None):
        raise ValueError(f"fails without a mutation: {', '.join(broken)}")
    lines = []
    for mutation in MUTATIONS:
        if find_failures([mutation.test], mutation) != [mutation.test]:
            raise ValueError(
                f"{mutation.description}: {mutation.test} does not detect the error in {mutation.path}"
            )
        lines.append(f"{mutation.description} ({mutation.path}): FAILED {mutation.test}")
    return lines


if __name__ == "__main__":
    print("\n".join(main()))
