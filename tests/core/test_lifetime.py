"""A process ends with the one that started it, however that one ends."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from factories import ROOT

CHILD = """
import sys, time
sys.path.insert(0, {root!r})
from pipeline.core import lifetime
{before}
lifetime.die_with_parent()
open("bound", "w").close()
for n in range(4000):
    open("alive", "w").write(str(n))
    time.sleep(0.05)
"""


def start_parent(folder: Path, before: str = "") -> subprocess.Popen[bytes]:
    """Start a parent that starts a child through a shell, as DVC does, in a group of their own."""
    (folder / "child.py").write_text(CHILD.format(root=str(ROOT), before=before))
    code = f"import subprocess; subprocess.run(['/bin/sh', '-c', 'exec {sys.executable} child.py'])"
    return subprocess.Popen([sys.executable, "-c", code], cwd=folder, process_group=0)


def wait_until(condition: Callable[[], bool]) -> bool:
    """Wait until a condition holds, a minute at most; return whether it does."""
    for _ in range(1200):
        if condition():
            return True
        time.sleep(0.05)
    return False


def is_unchanged(path: Path) -> bool:
    """Whether a file stays the same for 0.3 s."""
    before = path.read_text() if path.exists() else ""
    time.sleep(0.3)
    return before == (path.read_text() if path.exists() else "")


WATCHED = "lifetime.sys = type('S', (), {'platform': 'other'}); lifetime.POLL_SECONDS = 0.05"


@pytest.mark.slow
@pytest.mark.parametrize("before", ["", WATCHED], ids=["by the system", "by watching"])
def test_a_child_is_killed_with_its_parent(tmp_path: Path, before: str) -> None:
    parent = start_parent(tmp_path, before)
    assert wait_until((tmp_path / "bound").exists)
    assert not is_unchanged(tmp_path / "alive")
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    assert wait_until(lambda: is_unchanged(tmp_path / "alive"))


@pytest.mark.slow
def test_a_child_whose_parent_is_gone_before_it_is_bound_ends(tmp_path: Path) -> None:
    parent = start_parent(tmp_path, "time.sleep(0.5); open('born', 'w').close(); time.sleep(2)")
    assert wait_until((tmp_path / "born").exists)
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    time.sleep(4)
    assert not (tmp_path / "bound").exists() and not (tmp_path / "alive").exists()


def test_dvc_starts_stages_so_that_it_is_their_parent() -> None:
    commands = [
        line.strip()
        for line in (ROOT / "dvc.yaml").read_text("utf-8").splitlines()
        if " cmd: " in line
    ]
    assert commands and all(
        command.startswith("cmd: exec python -m pipeline.stages.") for command in commands
    )


def test_a_stage_is_bound_when_dvc_runs_it(tmp_path: Path) -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); from pipeline.core import lifetime; "
        "lifetime.die_with_parent = lambda: print('bound'); import pipeline.stages.runner"
    )
    for name, output in (("DVC_STAGE", "bound\n"), ("OTHER", "")):
        environment = {key: value for key, value in os.environ.items() if key != "DVC_STAGE"} | {
            name: "train@baseline"
        }
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout == output
