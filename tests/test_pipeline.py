"""The whole pipeline under DVC, in a copy of the checkout, on a folder of synthetic MIDI files."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import toy_project as toy
from factories import ROOT
from small_checkout import MUSIC, change_yaml, copy_checkout

pytestmark = pytest.mark.slow


def run_command(
    folder: Path, *command: str, check: bool = True
) -> subprocess.CompletedProcess[str]:
    """Run a command of the environment that runs this test."""
    return subprocess.run(
        command, cwd=folder, env=build_environment(), capture_output=True, text=True, check=check
    )


def build_environment() -> dict[str, str]:
    binaries = str(Path(sys.executable).parent)
    return {
        **os.environ,
        "PATH": f"{binaries}:{os.environ['PATH']}",
        "DVC_NO_ANALYTICS": "1",
        "PYTHONPATH": "",
    }


def find_stale_stages(folder: Path) -> set[str]:
    """Return the stages that would run now."""
    return set(json.loads(run_command(folder, "dvc", "status", "--json").stdout))


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout in which `dvc repro` has run on three good files and three that are not music."""
    folder = tmp_path_factory.mktemp("checkout")
    songs = copy_checkout(
        folder,
        3,
        corpus="tiny",
        architectures=["baseline", "bidirectional"],
        replicates={"count": 3},
    )
    (songs / "cut.mid").write_bytes((songs / "0.mid").read_bytes()[:-40])
    (songs / "text.mid").write_text("this is not music")
    (songs / "empty.mid").write_bytes(b"")
    for command in (["git", "init", "-q"], ["dvc", "init", "-q", "-f"]):
        run_command(folder, *command)
    shutil.copy(ROOT / ".dvc/config", folder / ".dvc/config")
    run_command(folder, sys.executable, "-m", "pipeline", "add-corpus", "tiny", MUSIC)
    done = run_command(folder, "dvc", "repro", check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return folder


def test_repro_writes_the_decision_and_samples(project: Path) -> None:
    page = (project / "metrics/decision.md").read_text("utf-8")
    assert "Recommended: **baseline**" in page
    for name in ("baseline", "bidirectional"):
        assert (project / f"data/samples/{name}/01.mid").stat().st_size > 100
        assert (project / f"data/samples/{name}/01.png").stat().st_size > 1000


def test_bad_files_are_rejected_with_reasons(project: Path) -> None:
    lines = (project / "data/notes/rejected.csv").read_text("utf-8").splitlines()
    assert {line.partition(",")[0].rpartition("/")[2] for line in lines[1:]} == {
        "cut.mid",
        "text.mid",
        "empty.mid",
    }
    assert all(len(line.partition(",")[2]) > 10 for line in lines[1:])


def test_second_repro_is_up_to_date(project: Path) -> None:
    assert "up to date" in run_command(project, "dvc", "repro").stdout
    assert find_stale_stages(project) == set()


def test_forced_training_leaves_the_lock_unchanged(project: Path) -> None:
    before = (project / "dvc.lock").read_bytes()
    run_command(
        project,
        "dvc",
        "repro",
        "-f",
        "-s",
        "train@baseline",
        "evaluate@baseline",
        "generate@baseline",
        "compare",
    )
    assert (project / "dvc.lock").read_bytes() == before


@pytest.mark.parametrize(
    ("change", "stages"),
    [
        ({"generate": {"num_notes": 21}}, {"check", "generate", "benchmark", "report"}),
        (
            {"generate": {"prompt_notes": 7}},
            {"check", "generate", "sample_metrics", "two_sample", "benchmark", "report"},
        ),
        (
            {"train": {"patience": 2}},
            {"check", "train@baseline", "train@bidirectional", "benchmark", "report"},
        ),
        (
            {"compare": {"max_notes": 100}},
            {"check", "evaluate", "ngrams", "generate", "benchmark", "report"},
        ),
        (
            {"replicates": {"scheme": "seeds"}},
            {"check", "ngrams", "benchmark"}
            | {"train", "evaluate", "generate", "sample_metrics", "two_sample"},
        ),
    ],
)
def test_changed_value_makes_the_stages_that_read_it_stale(
    project: Path, change: dict, stages: set[str]
) -> None:
    before = (project / "params.yaml").read_bytes()
    change_yaml(project / "params.yaml", **change)
    stale = find_stale_stages(project)
    (project / "params.yaml").write_bytes(before)
    assert {name if name in stages else name.partition("@")[0] for name in stale} == stages


def test_changed_size_of_one_architecture_reruns_its_branch_only(project: Path) -> None:
    before = (project / "params.yaml").read_bytes()
    toy.edit(project, "model.bidirectional.units", [64])
    output = run_command(project, "dvc", "repro").stdout
    (project / "params.yaml").write_bytes(before)
    branch = {
        f"{stage}@bidirectional"
        for stage in ("train", "evaluate", "generate", "sample_metrics", "two_sample")
    }
    assert toy.list_run_stages(output) == branch | {"check", "compare", "benchmark", "report"}
    run_command(project, "dvc", "repro")


@pytest.mark.parametrize("victim", ["dvc", "stage"])
def test_killed_training_leaves_no_process_and_resumes_to_the_same_lock(
    project: Path, victim: str
) -> None:
    before = (project / "dvc.lock").read_bytes()
    command = ("dvc", "repro", "-f", "-s", "train@baseline")
    child = subprocess.Popen(
        command,
        cwd=project,
        env=build_environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        process_group=0,
    )
    checkpoints = project / ".checkpoints"
    for _ in range(1200):
        if list(checkpoints.glob("baseline-*/state.npz")):
            break
        time.sleep(0.05)
    (stage,) = psutil.Process(child.pid).children()
    processes = [stage, *stage.children(recursive=True)]
    os.kill(child.pid if victim == "dvc" else stage.pid, signal.SIGKILL)
    child.wait()
    assert psutil.wait_procs(processes, timeout=10)[1] == []
    assert list(checkpoints.glob("baseline-*/state.npz"))
    done = run_command(project, *command)
    assert "continues after epoch" in done.stderr + done.stdout
    assert (project / "dvc.lock").read_bytes() == before
    assert not list(checkpoints.glob("baseline-*"))
