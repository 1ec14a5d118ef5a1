"""Workers that hang, crash or use too much memory: each loses the result of one item."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from process_work import do_trick, make_bytes

from pipeline.core import processes
from pipeline.core.errors import CorpusError, PipelineError
from pipeline.core.processes import TaskFailure, TaskLimits

SHORT = TaskLimits(cpu_seconds=1, wall_seconds=300.0, memory_bytes=2**29, num_workers=2)


BAD = {
    "spin": "reading it took more than 1 s of the processor",
    "abort": "reading it killed the reader (SIGABRT)",
    "exit": "reading it killed the reader (exit code 7)",
    "memory": "reading it takes more than 512 MB of memory",
    "break": "reading it killed the reader (exit code 1)",
}


@pytest.mark.slow
def test_every_bad_thing_costs_itself_and_nothing_else(capfd: pytest.CaptureFixture[str]) -> None:
    items = [*range(10), *BAD, *range(10, 40)]
    expected = [TaskFailure(BAD[item]) if isinstance(item, str) else item for item in items]
    assert list(processes.bounded_map(do_trick, items, SHORT)) == expected
    assert "KeyError" in capfd.readouterr().err


@pytest.mark.slow
def test_a_worker_that_waits_for_ever_is_killed() -> None:
    assert list(processes.bounded_map(do_trick, ["sleep", 1], TaskLimits(wall_seconds=2.0))) == [
        TaskFailure("reading it took more than 2 s"),
        1,
    ]


def test_two_bad_things_after_one_another_are_told_apart() -> None:
    assert list(
        processes.bounded_map(
            do_trick, ["abort", "exit", 1, "abort"], TaskLimits(2, 20.0, 2**29, 1)
        )
    ) == [
        TaskFailure(BAD["abort"]),
        TaskFailure(BAD["exit"]),
        1,
        TaskFailure(BAD["abort"]),
    ]


def test_an_error_a_person_can_mend_ends_the_work() -> None:
    with pytest.raises(CorpusError, match="the corpus is damaged"):
        list(processes.bounded_map(do_trick, [1, "fault", 2], SHORT))


def test_no_worker_is_left_behind() -> None:
    before = set(psutil.Process().children())
    answers = processes.bounded_map(do_trick, list(range(100)), SHORT)
    next(answers)
    assert len(set(psutil.Process().children()) - before) >= 2
    answers.close()  # type: ignore[attr-defined]
    names = [child.cmdline() for child in set(psutil.Process().children()) - before]
    assert not [name for name in names if "resource_tracker" not in str(name)]


@pytest.mark.slow
@settings(max_examples=3)
@given(items=st.lists(st.integers(), max_size=60), workers=st.integers(1, 3))
def test_answers_come_in_order(items: list[int], workers: int) -> None:
    assert list(processes.bounded_map(do_trick, items, TaskLimits(num_workers=workers))) == items


def test_answers_larger_than_a_pipe_come_whole_while_others_wait() -> None:
    sizes = [2**22, 1, 2**23, 0, 2**22] * 3
    assert [len(answer) for answer in processes.bounded_map(make_bytes, sizes, SHORT)] == sizes  # type: ignore[arg-type]


class Unfit:
    """Work that ends the process that it is sent to."""

    def __reduce__(self) -> object:
        return os._exit, (3,)


def test_a_worker_that_cannot_start_is_one_line() -> None:
    with pytest.raises(PipelineError, match=r"a worker could not start \(exit code 3\)"):
        list(processes.bounded_map(Unfit(), [1], SHORT))  # type: ignore[arg-type]


@pytest.mark.slow
def test_workers_die_with_their_parent(tmp_path: Path) -> None:
    code = (
        "import functools, pathlib, sys; sys.path.insert(0, sys.argv[1]); import process_work\n"
        "from pipeline.core.processes import TaskLimits, bounded_map\n"
        "if __name__ == '__main__':\n"
        "    work = functools.partial(process_work.touch_and_wait, pathlib.Path(sys.argv[2]))\n"
        "    list(bounded_map(work, [0, 1, 2, 3], TaskLimits(60, 600.0, 2**29, 2)))\n"
    )
    script = tmp_path / "run.py"
    script.write_text(code)
    tests = Path(__file__).parent.parent
    parent = subprocess.Popen([sys.executable, script, tests, tmp_path], cwd=Path.cwd())
    for _ in range(1200):
        if len(list(tmp_path.glob("[0-3]"))) == 2:
            break
        time.sleep(0.05)
    children = [
        each
        for each in psutil.Process(parent.pid).children()
        if "spawn_main" in str(each.cmdline())
    ]
    assert len(children) == 2
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    gone, alive = psutil.wait_procs(children, timeout=30)
    assert len(gone) == 2 and not alive


def test_a_limit_that_was_set_from_outside_is_kept() -> None:
    """Only root may raise a limit again; an error here would reject every file."""
    lines = """
        import contextlib, os, resource
        from pipeline.core import processes
        resource.setrlimit(resource.RLIMIT_CPU, (1000, 1000))
        resource.setrlimit(resource.RLIMIT_DATA, (2**31, 2**31))
        with contextlib.suppress(PermissionError):
            os.setuid(65534)
        for seconds in (20, 5000):
            processes._set_resource_limits(processes.TaskLimits(cpu_seconds=seconds, memory_bytes=2**30))
            print(*resource.getrlimit(resource.RLIMIT_CPU), *resource.getrlimit(resource.RLIMIT_DATA))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(lines)], capture_output=True, text=True, check=True
    )
    first, second = [[int(word) for word in line.split()] for line in done.stdout.splitlines()]
    assert 20 <= first[0] <= 22 and first[1:] == [1000, 2**30, 2**31]
    assert second == [1000, 1000, 2**30, 2**31]


def test_a_pool_works_on_one_list_after_the_other_and_outlives_a_worker():
    pool = processes.WorkerPool(do_trick, TaskLimits())
    try:
        assert list(pool.map([1, 2])) == [1, 2]
        process = pool.workers[0].process
        assert list(pool.map([3])) == [3]
        assert pool.workers[0].process is process
        process.kill()
        process.join()
        assert list(pool.map([4, 5])) == [4, 5]
    finally:
        pool.stop()
