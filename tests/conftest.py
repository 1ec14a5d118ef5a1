"""What tests share: small made-up music, and the parameters of the project."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import browser as chromium
import pytest
from factories import ROOT
from hypothesis import settings
from xdist.scheduler import LoadFileScheduling

from pipeline import config
from pipeline.config import Params
from pipeline.core import paths

QUICK_EXAMPLES = 10
"""Of a property in the quick run, `-m "not slow"`; the run of all tests has the 100 of Hypothesis."""

# No deadline: an example takes longer on a busy machine.
settings.register_profile("all", deadline=None)
settings.register_profile("quick", deadline=None, max_examples=QUICK_EXAMPLES)


def pytest_configure(config: pytest.Config) -> None:
    """Try fewer examples of each property where only the fast tests run."""
    is_quick = "not slow" in config.getoption("markexpr")
    settings.load_profile("quick" if is_quick else "all")


class FileScheduling(LoadFileScheduling):
    """Gives each file to one process, and all of `tests/stages`, which share a project that takes long to make, to one."""

    def _split_scope(self, nodeid: str) -> str:
        """Return a name that tests of one process share."""
        return "tests/stages" if nodeid.startswith("tests/stages/") else nodeid.partition("::")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> FileScheduling:
    """Share the tests out to processes of pytest-xdist."""
    return FileScheduling(config, log)


@pytest.fixture(scope="session")
def project() -> Params:
    """The committed parameters."""
    return config.load_params(ROOT / "params.yaml")


@pytest.fixture
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to run in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    return tmp_path


@pytest.fixture(scope="module")
def skip_fsync() -> Iterator[None]:
    """Files are written without a wait for the disk, which takes most of the time of a test that writes many."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda handle: None)
        yield


@pytest.fixture(scope="session")
def committed_metrics(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the metrics that Git has, committed or staged, and the parameters of the checkout.

    Pages in Git belong to the metrics in Git. Those of the work tree may be of a run on another machine, whose last
    digits differ, or of other parameters.
    """
    folder = tmp_path_factory.mktemp("committed")
    listed = subprocess.run(
        ["git", "ls-files", "-z", paths.SUMMARY.parent.as_posix()],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout
    subprocess.run(
        ["git", "checkout-index", "-z", "--stdin", f"--prefix={folder}/"],
        cwd=ROOT,
        input=listed,
        check=True,
    )
    for path in (paths.PARAMS, paths.CLAIMS):
        (folder / path).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / path, folder / path)
    return folder


@pytest.fixture
def in_committed_metrics(committed_metrics: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder `committed_metrics` as the current folder."""
    monkeypatch.chdir(committed_metrics)
    return committed_metrics


@pytest.fixture(scope="module")
def browser() -> Iterator[chromium.Pages]:
    """A headless Chromium, one for a file of tests: `browser.open(url)` gives a page and what it complained of."""
    with chromium.running() as pages:
        yield pages


@pytest.fixture
def ingested() -> None:
    """The default corpus, as `make test` reads it before the tests."""
    assert (ROOT / paths.PIECES).exists(), (
        "no corpus here; run 'dvc repro ingest', as make test does"
    )
