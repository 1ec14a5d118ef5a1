"""What tests share: small made-up music, and the parameters of the project."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import browser as chromium
import numpy as np
import pytest
from hypothesis import settings

from pipeline import config
from pipeline.config import Params
from pipeline.core import paths
from pipeline.notes import note, quantize
from pipeline.notes.quantize import QuantizedNotes

ROOT = Path(__file__).parent.parent
# A busy machine is no fault of the code: no test fails for the time an example takes.
settings.register_profile("project", deadline=None)
settings.load_profile("project")


@pytest.fixture(scope="session")
def project() -> Params:
    """The committed parameters."""
    return config.load(ROOT / "params.yaml")


@pytest.fixture
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to run in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    return tmp_path


@pytest.fixture(scope="module")
def browser() -> Iterator[chromium.Pages]:
    """A headless Chromium, one for a file of tests: `browser.open(url)` gives a page and what it complained of."""
    with chromium.running() as pages:
        yield pages


def music(seed: int, count: int) -> note.Notes:
    """Make notes [count] that a model can learn something of: a scale, walked at random, with chords."""
    rng = np.random.default_rng(seed)
    scale = np.array([0, 2, 4, 5, 7, 9, 11])
    walk = np.clip(np.cumsum(rng.integers(-2, 3, count)) + 21, 7, 42)
    onset = np.cumsum(rng.choice([0.0, 0.12, 0.24, 0.5], count, p=[0.3, 0.4, 0.2, 0.1]))
    return note.make_notes(
        onset,
        rng.choice([0.1, 0.2, 0.45, 1.1], count),
        scale[walk % 7] + 12 * (walk // 7) + 24,
        rng.integers(30, 110, count),
    )


def pedalled() -> bytes:
    """Make a file of a C, whose key is up after 0.5 s and the pedal after 1 s, and of a D that sounds from then on."""
    # A second has 100 ticks; at 0 pedal down and C, at 50 C is let go, at 100 pedal up and D, at 150 its end.
    track = "00 FF 51 03 0F 42 40 00 B0 40 7F 00 90 3C 40 32 80 3C 00 32 B0 40 00 00 90 3E 40 32 80 3E 00 00 FF 2F 00"
    body = bytes.fromhex(track)
    return bytes.fromhex("4D 54 68 64 00 00 00 06 00 00 00 01 00 64 4D 54 72 6B 00 00 00") + bytes([len(body)]) + body


def codes(seed: int, count: int) -> QuantizedNotes:
    """Make codes [count, 4] of such music."""
    return quantize.quantize(music(seed, count))


@contextmanager
def unreadable(path: Path) -> Iterator[None]:
    """Take the permission to read a file; root has it all the same, so root is somebody else meanwhile."""
    user = os.geteuid()
    path.chmod(0)
    try:
        if user == 0:
            os.seteuid(65534)
        yield
    finally:
        os.seteuid(user)
        path.chmod(0o644)


@pytest.fixture
def ingested() -> None:
    """The default corpus, as `make test` reads it before the tests."""
    assert (ROOT / paths.PIECES).exists(), "no corpus here; run 'dvc repro ingest', as make test does"
