"""Work on things from elsewhere, in processes that can be stopped: a bad one costs itself, never the run.

A worker that takes too long is killed, one that asks for too much memory is refused it, one that crashes is replaced;
the item that it worked on gets a `TaskFailure` with the reason, all others their results, in order.
"""

import math
import multiprocessing
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any, Generic, TypeVar

from pipeline.core import lifetime
from pipeline.core.errors import PipelineError
from pipeline.core.parallel import count_cores

Item = TypeVar("Item")
Result = TypeVar("Result")
PREFETCH = 8
"""Things begun ahead of the one that is waited for, per worker: that bounds the memory of results."""
QUEUE_DEPTH = 2
"""Things a worker is given at once, so that it need not wait for the next."""


@dataclass(frozen=True)
class TaskLimits:
    """What one thing may cost."""

    cpu_seconds: int = 60
    """Of the processor, so that a busy machine stops no file; kept where the system counts them (not on Windows)."""
    wall_seconds: float = 1200.0
    """Of the clock [s]: a worker that waits for ever uses no processor."""
    memory_bytes: int = 2**30
    """Bytes of a worker in all; kept on Linux, where the system counts all private memory."""
    num_workers: int = 1


@dataclass(frozen=True)
class TaskFailure:
    """Of a thing that has no result: why."""

    reason: str


def choose_num_workers(num_items: int) -> int:
    """Return the number of workers: one per core, but fewer for few items, because a worker takes time to start."""
    return max(1, min(count_cores(), num_items // PREFETCH))


def bounded_map(
    func: Callable[[Item], Result], items: Sequence[Item], limits: TaskLimits
) -> Iterator[Result | TaskFailure]:
    """Work on each of `items`, in order of the items.

    Args:
        func: sent to every worker once, so it must be possible to pickle it.
        items: sent one by one.
        limits: for each of them.

    Raises:
        PipelineError: one that `func` raised.
    """
    pool = WorkerPool(func, limits)
    try:
        yield from pool.map(items)
    finally:
        pool.stop()


class _Worker:
    """A process, the line to it, and what it was given."""

    def __init__(self, func: Callable[[Any], Any], limits: TaskLimits) -> None:
        # Started afresh, not forked: a copy of a process that has threads can wait for ever.
        context = multiprocessing.get_context("spawn")
        self.connection, worker_connection = context.Pipe()
        self.process = context.Process(
            target=_serve_tasks, args=(worker_connection, func, limits), daemon=True
        )
        self.process.start()
        worker_connection.close()
        self.assigned: deque[int] = deque()
        self.deadline = float("inf")
        self.ready = False

    def start_timer(self, wall_seconds: float) -> None:
        """Count the time of the thing that is next from now on."""
        self.deadline = (
            time.monotonic() + wall_seconds if self.ready and self.assigned else float("inf")
        )

    def stop(self) -> int | None:
        """End the process; returns how it ended."""
        self.process.kill()
        self.process.join()
        self.connection.close()
        return self.process.exitcode


class WorkerPool(Generic[Item, Result]):
    """Workers that work on one list of items after the other: a worker takes time to start."""

    def __init__(self, func: Callable[[Item], Result], limits: TaskLimits) -> None:
        """Start the workers; see `bounded_map`."""
        self.func, self.limits = func, limits
        self.items: Sequence[Item] = []
        self.pending: deque[int] = deque()
        self.results: dict[int, Result | TaskFailure] = {}
        self.workers = [_Worker(func, limits) for _ in range(limits.num_workers)]

    def map(self, items: Sequence[Item]) -> Iterator[Result | TaskFailure]:
        """Work on each of `items`, in order; all results must be taken before the next list.

        Raises:
            PipelineError: one that `func` raised; the pool is to be stopped then.
        """
        self.items, self.pending = items, deque(range(len(items)))
        self._replace_ended_workers()
        for place in range(len(items)):
            while place not in self.results:
                self.wait_for_event(place + PREFETCH * self.limits.num_workers)
            yield self.results.pop(place)

    def _replace_ended_workers(self) -> None:
        """Start others for workers that ended since the last list, such as for want of memory: no item is the cause."""
        for number, worker in enumerate(self.workers):
            if not worker.process.is_alive():
                worker.stop()
                self.workers[number] = _Worker(self.func, self.limits)

    def stop(self) -> None:
        """End all workers."""
        for worker in self.workers:
            worker.stop()

    def wait_for_event(self, prefetch_end: int) -> None:
        """Assign the items before number `prefetch_end`, then wait for an answer, the end of a worker or a deadline."""
        for worker in self.workers:
            while (
                self.pending
                and self.pending[0] < prefetch_end
                and len(worker.assigned) < QUEUE_DEPTH
            ):
                self._assign_item(worker)
        pause = max(0.0, min(worker.deadline for worker in self.workers) - time.monotonic())
        ready = wait(
            [worker.connection for worker in self.workers], None if pause == float("inf") else pause
        )
        for number, worker in enumerate(self.workers):
            if worker.connection in ready:
                self._receive_result(number)
            elif time.monotonic() >= worker.deadline:
                worker.process.kill()
                self._replace_worker(
                    number, f"reading it took more than {self.limits.wall_seconds:g} s"
                )

    def _assign_item(self, worker: _Worker) -> None:
        place = self.pending.popleft()
        worker.assigned.append(place)
        if len(worker.assigned) == 1:
            worker.start_timer(self.limits.wall_seconds)
        try:
            worker.connection.send(self.items[place])
        except OSError:  # it has died; `wait` reports that
            return

    def _receive_result(self, worker_index: int) -> None:
        """Take the answer of a worker, or notice that it died."""
        worker = self.workers[worker_index]
        try:
            answer = worker.connection.recv()
        except (EOFError, OSError):
            worker.process.join(30.0)  # it is ending: let it say how
            self._replace_worker(worker_index, "")
            return
        if not worker.ready:
            worker.ready = True
        elif isinstance(answer, PipelineError):
            raise answer
        else:
            self.results[worker.assigned.popleft()] = answer
        worker.start_timer(self.limits.wall_seconds)

    def _replace_worker(self, worker_index: int, reason: str) -> None:
        """Answer for the thing a worker was at, and start another worker for the rest."""
        worker = self.workers[worker_index]
        code = worker.stop()
        if not worker.ready:
            raise PipelineError(
                f"a worker could not start (exit code {code}); free memory and run again"
            )
        self.pending.extendleft(reversed(list(worker.assigned)[1:]))
        if code == -getattr(signal, "SIGXCPU", 0):
            reason = f"reading it took more than {self.limits.cpu_seconds} s of the processor"
        for place in list(worker.assigned)[:1]:
            self.results[place] = TaskFailure(
                reason or f"reading it killed the reader ({format_exit_code(code)})"
            )
        self.workers[worker_index] = _Worker(self.func, self.limits)


def format_exit_code(exit_code: int | None) -> str:
    """Return the name of the signal that ended a process, or its exit code."""
    return (
        signal.Signals(-exit_code).name
        if exit_code is not None and exit_code < 0
        else f"exit code {exit_code}"
    )


def _serve_tasks(connection: Connection, func: Callable[[Any], Any], limits: TaskLimits) -> None:
    """Answer things one after the other until the line is closed; runs in a worker."""
    lifetime.die_with_parent()
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl-C is for the parent, which then ends this process
    connection.send("ready")
    while True:
        try:
            item = connection.recv()
        except EOFError:
            return
        _set_resource_limits(limits)
        try:
            answer = func(item)
        except PipelineError as error:
            answer = error
        except MemoryError:
            answer = TaskFailure(
                f"reading it takes more than {limits.memory_bytes / 2**20:,.0f} MB of memory"
            )
        connection.send(answer)


def _set_resource_limits(limits: TaskLimits) -> None:
    """Let the system refuse this process more memory, and kill it after so many more seconds of the processor."""
    if sys.platform == "win32":
        return
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF)
    until = math.ceil(used.ru_utime + used.ru_stime) + limits.cpu_seconds
    for kind, most in ((resource.RLIMIT_CPU, until), (resource.RLIMIT_DATA, limits.memory_bytes)):
        hard = resource.getrlimit(kind)[1]  # set from outside; only root may raise it
        resource.setrlimit(
            kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard)
        )
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a crash is answered, not kept
