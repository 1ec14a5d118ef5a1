"""Commands where packages or modules of the system are missing, each in a fresh process."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from factories import ROOT, make_music

from pipeline.core.extras import EXTRA_MODULES
from pipeline.midi import writer

BLOCKED_PROGRAM = """
import importlib.abc, sys
import psutil  # needs other modules on other systems

blocked = sys.argv[1].split(",")

class Blocker(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in blocked:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

for name in blocked:
    sys.modules.pop(name, None)
sys.meta_path.insert(0, Blocker())
from pipeline.cli import main
sys.argv = ["music-rnn", *sys.argv[2:]]
main()
"""
POSIX_MODULES = ("fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", "syslog")
TRAIN_COMMANDS = [
    "export maestro -o out.tflite",
    "plan",
    "benchmark",
    "report",
    "study maestro",
    "gate",
    "retrain",
    "promote",
    "update-readme",
    "ingest",
    "windows",
    "train baseline",
    "score maestro a.mid --per-note notes.parquet",
]


def run_without(modules: tuple[str, ...], line: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", BLOCKED_PROGRAM, ",".join(modules), *line.split()],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200"},
    )


@pytest.fixture
def project_folder(in_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one MIDI file and with Git, but without the program dvc."""
    writer.write_notes(make_music(0, 20), in_folder / "a.mid")
    for name in ("params.yaml", "dvc.yaml", "versions.yaml", "studies", "data/corpora"):
        source = ROOT / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        (in_folder / name).parent.mkdir(exist_ok=True)
        copy(source, in_folder / name)
    (in_folder / "bin").mkdir()
    (in_folder / "bin/git").symlink_to(shutil.which("git") or "")
    subprocess.run(["git", "init", "-q"], check=True)
    monkeypatch.setenv("PATH", str(in_folder / "bin"))
    return in_folder


@pytest.mark.slow
@pytest.mark.parametrize("line", TRAIN_COMMANDS)
def test_a_command_without_its_extra_names_the_extra_in_one_line(
    line: str, project_folder: Path
) -> None:
    done = run_without(EXTRA_MODULES["train"], line)
    assert done.returncode == 1
    assert done.stdout == ""
    message = done.stderr.splitlines()[-1]
    assert message.startswith(("error: package", "error: program"))
    assert message.endswith("is not installed; pip install 'music-rnn[train]'")
    assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    "line",
    [
        "play --midi-out none --notes 3",
        "generate maestro --notes 3 -o out.mid",
        "score maestro a.mid",
        "export maestro --html page.html",
        "doctor",
        "studio --help",
    ],
)
@pytest.mark.parametrize("modules", [POSIX_MODULES, EXTRA_MODULES["train"]], ids=["posix", "train"])
def test_a_musician_needs_no_extra_and_no_modules_of_one_system(
    modules: tuple[str, ...], line: str, project_folder: Path
) -> None:
    done = run_without(modules, line)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr


def test_repair_without_locks_of_files_says_where_it_runs(project_folder: Path) -> None:
    (project_folder / ".dvc/tmp").mkdir(parents=True)
    done = run_without(POSIX_MODULES, "repair")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "no module fcntl in Python" in done.stderr
