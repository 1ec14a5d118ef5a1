"""Work in parallel processes."""

import functools
import os
import signal
import time
from pathlib import Path

import pytest

from pipeline.core import parallel
from pipeline.core.errors import DataError, PipelineError


def wait_and_return(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


def get_process(_: int) -> int:
    return os.getpid()


def refuse(number: int) -> int:
    if number == 2:
        raise DataError("piece 2: no notes; leave it out")
    return number


def touch_later(folder: Path, number: int) -> None:
    if number == 0:
        raise DataError("piece 0: no notes; leave it out")
    time.sleep(0.2)
    (folder / str(number)).touch()


def kill_own_process(_: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_results_keep_the_order_of_the_items() -> None:
    waits = [0.6, 0.0, 0.3, 0.0]
    assert parallel.map_in_processes(wait_and_return, waits, 2) == waits


def test_work_is_done_in_other_processes() -> None:
    assert os.getpid() not in parallel.map_in_processes(get_process, [1, 2], 2)


@pytest.mark.parametrize(("items", "num_processes"), [([1, 2], 1), ([1], 4), ([], 4)])
def test_one_item_or_one_process_needs_no_other(items: list[int], num_processes: int) -> None:
    processes = parallel.map_in_processes(get_process, items, num_processes)
    assert processes == [os.getpid()] * len(items)


def test_one_core_needs_no_other_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "count_cores", lambda: 1)
    assert parallel.map_in_processes(get_process, [1, 2]) == [os.getpid()] * 2


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
        parallel.map_in_processes(refuse, [1, 2, 3], num_processes)


def test_after_an_error_no_further_item_is_begun(tmp_path: Path) -> None:
    with pytest.raises(DataError):
        parallel.map_in_processes(functools.partial(touch_later, tmp_path), range(12), 2)
    assert len(list(tmp_path.iterdir())) < 11


def test_a_killed_worker_is_one_line() -> None:
    with pytest.raises(PipelineError) as caught:
        parallel.map_in_processes(kill_own_process, [1, 2, 3], 2)
    message = "one of 2 parallel processes was killed; free memory and run again"
    assert str(caught.value) == message
