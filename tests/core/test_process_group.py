"""A group of processes: if one fails, all are ended."""

import multiprocessing
import os
import signal
import time
from functools import partial
from pathlib import Path

import pytest

from pipeline.core.errors import PipelineError
from pipeline.core.process_group import run_group

FOREVER = 600.0
REMEDY = "run again"


def write_number(folder: Path, number: int) -> None:
    (folder / str(number)).touch()


def fail_second(folder: Path, number: int) -> None:
    """Fail in the second process; the first waits for ever."""
    if number == 1:
        raise PipelineError("the port 2222 is in use")
    time.sleep(FOREVER)


def kill_second(folder: Path, number: int) -> None:
    """Die in the second process; the first waits for ever."""
    if number == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(FOREVER)


def test_each_process_has_a_number(tmp_path: Path) -> None:
    run_group(partial(write_number, tmp_path), 3, REMEDY)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0", "1", "2"]


def test_the_error_of_a_process_ends_all(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match=r"^the port 2222 is in use$"):
        run_group(partial(fail_second, tmp_path), 2, REMEDY)
    assert not multiprocessing.active_children()


def test_a_killed_process_ends_all(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match=r"^process 2 of 2 ended with SIGKILL; run again$"):
        run_group(partial(kill_second, tmp_path), 2, REMEDY)
    assert not multiprocessing.active_children()
