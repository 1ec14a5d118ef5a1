"""Every entry sets the BLAS threads, whatever the user's environment says."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from factories import ROOT

from pipeline.core import threads

HOSTILE = dict.fromkeys(threads.VARIABLES, "8")
LIGHT = (
    "fetch",
    "ingest",
    "windows",
    "ngrams",
    "evaluate",
    "generate",
    "sample_metrics",
)
ENTRIES = [
    *(f"pipeline.stages.{name}" for name in LIGHT),
    *("pipeline.cli.models", "pipeline.live.run", "pipeline.studio.app", "pipeline.core.processes"),
]
HEAVY = [
    f"pipeline.stages.{name}" for name in ("train", "benchmark", "two_sample", "compare", "report")
]
"""They import TensorFlow, scipy or pandas, which takes a second."""
SCRIPTS = sorted(
    path.name for path in (ROOT / "benchmarks").glob("*.py") if "peer" not in path.name
)
READ = "import numpy; from pipeline.core import threads; print(threads.read_blas_threads())"


def read_threads(code: str) -> list[str]:
    """Return what a fresh process in a hostile environment prints."""
    environment = {**os.environ, **HOSTILE, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.split()


@pytest.mark.parametrize(
    "module", [*ENTRIES, *(pytest.param(name, marks=pytest.mark.slow) for name in HEAVY)]
)
def test_an_entry_uses_one_thread_in_a_hostile_environment(module: str) -> None:
    assert read_threads(f"import {module}; {READ}") == ["1"]


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS)
def test_a_benchmark_uses_one_thread_in_a_hostile_environment(script: str) -> None:
    folder = str(ROOT / "benchmarks")
    assert read_threads(
        f"import sys; sys.path.insert(0, {folder!r}); import {Path(script).stem}; {READ}"
    ) == ["1"]


def test_a_worker_uses_one_thread_in_a_hostile_environment() -> None:
    code = (
        "import concurrent.futures, multiprocessing, sys; import numpy; from pipeline.core import threads\n"
        "pool = concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context('spawn'))\n"
        "if __name__ == '__main__': print(pool.submit(threads.read_blas_threads).result())"
    )
    assert read_threads(code) == ["1"]


def test_a_library_that_is_loaded_already_is_set_too() -> None:
    code = "import numpy; from pipeline.core import threads; print(threads.read_blas_threads())"
    assert read_threads(code) == ["1"]


def test_training_sets_its_own_number_of_threads() -> None:
    assert np.ones(2).sum() == 2
    try:
        threads.set_blas_threads(2)
        assert threads.read_blas_threads() == 2
    finally:
        threads.set_blas_threads(1)
    assert threads.read_blas_threads() == 1


def test_what_was_overridden_is_known() -> None:
    code = "from pipeline.core import threads; print(*threads.OVERRIDDEN.values())"
    assert read_threads(code) == ["8"] * len(threads.VARIABLES)
