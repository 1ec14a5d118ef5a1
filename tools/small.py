"""Make a small project for programs that run it many times: this checkout, synthetic music, two small models."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ruamel.yaml import YAML

from pipeline.midi import writer
from pipeline.notes import note

ROOT = Path(__file__).parent.parent
STUDIES = (
    "metrics/studies/maestro.json",
    "metrics/studies/seed-path.json",
    "metrics/studies/seed-path-maestro.json",
    "metrics/studies/tune.json",
)
"""Results of studies: the report reads them, no stage writes them."""
OUTPUT_DIRS = ("data/raw", "data/notes", "data/windows", "data/samples", "models", "metrics")
"""Folders that the pipeline writes."""
PARTS = (
    ".dvc/config",
    ".dvc/plots",
    ".dvcignore",
    ".gitignore",
    "data/corpora",
    "data/claims.yaml",
    "data/committed_best.json",
    "dvc.yaml",
    "versions.yaml",
)
COMMON_SIZES: dict[str, dict[str, Any]] = {
    "windows": {"sequence_length": 8},
    "train": {
        "epochs": 3,
        "notes_per_epoch": 1024,
        "patience": 3,
        "num_threads": 1,
        "noise_fit_notes": 100,
    },
    "generate": {"num_samples": 1, "num_notes": 20, "prompt_notes": 8},
    "sample_metrics": {"num_samples": 1, "num_notes": 20},
    "two_sample": {"num_prompts": 4, "num_notes": 16},
    "benchmark": {"repeats": 1},
}
"""Values of params.yaml with which a stage takes seconds, for any corpus and any architectures."""
SIZES: dict[str, Any] = {
    "corpus": "tiny",
    "architectures": ["stacked", "expressive"],
    "replicates": {"count": 3},
    **COMMON_SIZES,
}
UNITS = {
    "stacked": {"units": [12, 8]},
    "expressive": {"cell": "mingru", "units": [16, 16], "embedding_dim": 16, "head_dim": 16},
}
"""One with dropout, whose masks must repeat after a kill; one with a state that passes from batch to batch."""


def environment() -> dict[str, str]:
    """Return an environment whose PATH begins with the programs of this Python."""
    binaries = str(Path(sys.executable).parent)
    return {
        **os.environ,
        "PATH": f"{binaries}:{os.environ['PATH']}",
        "DVC_NO_ANALYTICS": "1",
        "PYTHONPATH": "",
    }


def run(folder: Path, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder."""
    return subprocess.run(
        command, cwd=folder, env=environment(), capture_output=True, text=True, check=check
    )


def make(folder: Path) -> None:
    """Make the project: three synthetic pieces, everything committed, no stage run."""
    for part in (*PARTS, *STUDIES, "pipeline", "params.yaml", "README.md", "docs"):
        source, target = ROOT / part, folder / part
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "*.part"))
        elif source.exists():
            shutil.copy(source, target)
    _shrink(folder / "params.yaml")
    songs = folder / "my-midi"
    songs.mkdir()
    for number in range(3):
        writer.write_notes(music(number, 200), songs / f"{number}.mid")
    run(folder, "git", "init", "-q")
    run(folder, "dvc", "init", "-q", "-f")
    shutil.copy(ROOT / ".dvc/config", folder / ".dvc/config")
    run(folder, sys.executable, "-m", "pipeline", "add-corpus", "tiny", "my-midi")
    commit(folder, "Begin")


def commit(folder: Path, message: str) -> None:
    """Commit everything that Git may hold."""
    run(folder, "git", "add", "-A")
    run(
        folder,
        "git",
        "-c",
        "user.name=a",
        "-c",
        "user.email=a@localhost",
        "commit",
        "-q",
        "-m",
        message,
        check=False,
    )


def _shrink(path: Path) -> None:
    yaml = YAML()
    tree = yaml.load(path.read_text("utf-8"))
    for name, value in SIZES.items():
        if isinstance(value, dict):
            tree[name].update(value)
        else:
            tree[name] = value
    for name, sizes in UNITS.items():
        tree["model"][name].update(sizes)
    with path.open("w", encoding="utf-8") as out:
        yaml.dump(tree, out)


def music(seed: int, count: int) -> note.Notes:
    """Return notes [count]: a random walk on a scale."""
    rng = np.random.default_rng(seed)
    walk = np.clip(np.cumsum(rng.integers(-2, 3, count)) + 21, 7, 42)
    pitch = np.array([0, 2, 4, 5, 7, 9, 11])[walk % 7] + 12 * (walk // 7) + 24
    onset = np.cumsum(rng.choice([0.0, 0.12, 0.24, 0.5], count))
    return note.make_notes(
        onset, rng.choice([0.1, 0.2, 0.45], count), pitch, rng.integers(30, 110, count)
    )


def remove_outputs(folder: Path) -> None:
    """Remove all outputs of the pipeline, and DVC's cache."""
    (folder / "dvc.lock").unlink(missing_ok=True)
    for name in (*OUTPUT_DIRS, ".dvc/cache"):
        shutil.rmtree(folder / name, ignore_errors=True)
    run(folder, "git", "checkout", "--", *STUDIES)


def outputs(folder: Path, excluded: Sequence[str]) -> dict[str, bytes]:
    """Return the content of every output of the pipeline, except the given paths."""
    contents = {}
    for top in OUTPUT_DIRS:
        for path in sorted((folder / top).rglob("*")):
            name = path.relative_to(folder).as_posix()
            if path.is_file() and path.name != ".gitignore" and name not in excluded:
                contents[name] = path.read_bytes()
    return contents
