"""Work in parallel processes."""

import functools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import process_work
import psutil
import pytest
from factories import ROOT

from pipeline.core import parallel
from pipeline.core.errors import DataError, PipelineError


def test_results_keep_the_order_of_the_items() -> None:
    waits = [0.6, 0.0, 0.3, 0.0]
    assert parallel.map_in_processes(process_work.wait_and_return, waits, 2) == waits


def test_work_is_done_in_other_processes() -> None:
    assert os.getpid() not in parallel.map_in_processes(process_work.get_process, [1, 2], 2)


@pytest.mark.parametrize(("items", "num_processes"), [([1, 2], 1), ([1], 4), ([], 4)])
def test_one_item_or_one_process_needs_no_other(items: list[int], num_processes: int) -> None:
    processes = parallel.map_in_processes(process_work.get_process, items, num_processes)
    assert processes == [os.getpid()] * len(items)


def test_one_core_needs_no_other_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "count_cores", lambda: 1)
    assert parallel.map_in_processes(process_work.get_process, [1, 2]) == [os.getpid()] * 2


def test_cores_are_those_that_the_process_may_use() -> None:
    allowed = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(allowed)})
        assert parallel.count_cores() == 1
    finally:
        os.sched_setaffinity(0, allowed)
    assert parallel.count_cores() == len(allowed)


@pytest.mark.parametrize("num_processes", [1, 2])
def test_an_error_of_a_worker_arrives(num_processes: int) -> None:
    with pytest.raises(DataError, match=r"^piece 2: no notes; leave it out$"):
        parallel.map_in_processes(process_work.refuse, [1, 2, 3], num_processes)


def test_after_an_error_no_further_item_is_begun(tmp_path: Path) -> None:
    with pytest.raises(DataError):
        parallel.map_in_processes(
            functools.partial(process_work.touch_later, tmp_path), range(12), 2
        )
    assert len(list(tmp_path.iterdir())) < 11


def test_a_killed_worker_is_one_line() -> None:
    with pytest.raises(PipelineError) as caught:
        parallel.map_in_processes(process_work.kill_own_process, [1, 2, 3], 2)
    message = "one of 2 parallel processes was killed; free memory and run again"
    assert str(caught.value) == message


STAGE = """
import os, pathlib, sys, time

sys.path.insert(0, {root!r})
from pipeline.core import lifetime, parallel


def work(number):
    pathlib.Path(f"worker {{number}}").write_text(str(os.getpid()))
    time.sleep(120)


if __name__ == "__main__":
    lifetime.die_with_parent()
    pathlib.Path("stage").write_text(str(os.getpid()))
    parallel.map_in_processes(work, [1, 2, 3], 2)
"""
DVC = "import subprocess, sys; subprocess.run([sys.executable, 'stage.py'])"


def wait_for_numbers(paths: list[Path]) -> list[int]:
    """Wait until each file has the number of a process."""
    for _ in range(1200):
        if all(path.exists() and path.read_text() for path in paths):
            return [int(path.read_text()) for path in paths]
        time.sleep(0.05)
    raise AssertionError(f"not all of {paths} came")


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["dvc", "stage"])
def test_no_worker_outlives_a_stage_that_is_killed_or_whose_dvc_is(
    tmp_path: Path, victim: str
) -> None:
    (tmp_path / "stage.py").write_text(STAGE.format(root=str(ROOT)))
    with subprocess.Popen([sys.executable, "-c", DVC], cwd=tmp_path, process_group=0) as dvc:
        names = ("stage", "worker 1", "worker 2")
        stage, *workers = wait_for_numbers([tmp_path / name for name in names])
        processes = [psutil.Process(number) for number in (stage, *workers)]
        os.kill(dvc.pid if victim == "dvc" else stage, signal.SIGKILL)
        _, alive = psutil.wait_procs(processes, timeout=10)
    assert alive == []
    assert not (tmp_path / "worker 3").exists()
