"""Work on things from elsewhere, in processes that can be stopped: a bad one costs itself, never the run.

A worker that takes too long is killed, one that asks for too much memory is refused it, one that crashes is replaced;
the thing it was at is answered with `Stopped` and the reason, all others with their results, in order.
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

Item = TypeVar("Item")
Result = TypeVar("Result")
AHEAD = 8
"""Things begun ahead of the one that is waited for, per worker: that bounds the memory of results."""
WAITING = 2
"""Things a worker is given at once, so that it need not wait for the next."""


@dataclass(frozen=True)
class Limits:
    """What one thing may cost."""

    seconds: int = 60
    """Of the processor, so that a busy machine stops no file; kept where the system counts them (not on Windows)."""
    patience: float = 1200.0
    """Of the clock [s]: a worker that waits for ever uses no processor."""
    memory: int = 2**30
    """Bytes of a worker in all; kept on Linux, where the system counts all private memory."""
    workers: int = 1


@dataclass(frozen=True)
class Stopped:
    """Of a thing that has no result: why."""

    reason: str


def each(work: Callable[[Item], Result], items: Sequence[Item], limits: Limits) -> Iterator[Result | Stopped]:
    """Work on each of `items`, in order of the items.

    Args:
        work: sent to every worker once, so it must be possible to pickle it.
        items: sent one by one.
        limits: for each of them.

    Raises:
        PipelineError: one that `work` raised.
    """
    crew = _Crew(work, items, limits)
    try:
        for place in range(len(items)):
            while place not in crew.done:
                crew.step(place + AHEAD * limits.workers)
            yield crew.done.pop(place)
    finally:
        for worker in crew.workers:
            worker.stop()


class _Worker:
    """A process, the line to it, and what it was given."""

    def __init__(self, work: Callable[[Any], Any], limits: Limits) -> None:
        # Started afresh, not forked: a copy of a process that has threads can wait for ever.
        context = multiprocessing.get_context("spawn")
        self.line, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, work, limits), daemon=True)
        self.process.start()
        theirs.close()
        self.given: deque[int] = deque()
        self.deadline = float("inf")
        self.ready = False

    def begin(self, patience: float) -> None:
        """Count the time of the thing that is next from now on."""
        self.deadline = time.monotonic() + patience if self.ready and self.given else float("inf")

    def stop(self) -> int | None:
        """End the process; returns how it ended."""
        self.process.kill()
        self.process.join()
        self.line.close()
        return self.process.exitcode


class _Crew(Generic[Item, Result]):
    """All workers, what is to be done and what is done."""

    def __init__(self, work: Callable[[Item], Result], items: Sequence[Item], limits: Limits) -> None:
        self.work, self.items, self.limits = work, items, limits
        self.todo = deque(range(len(items)))
        self.done: dict[int, Result | Stopped] = {}
        self.workers = [_Worker(work, limits) for _ in range(limits.workers)]

    def step(self, until: int) -> None:
        """Hand out what is before `until`, then wait for an answer, a death or a deadline."""
        for worker in self.workers:
            while self.todo and self.todo[0] < until and len(worker.given) < WAITING:
                self._give(worker)
        pause = max(0.0, min(worker.deadline for worker in self.workers) - time.monotonic())
        heard = wait([worker.line for worker in self.workers], None if pause == float("inf") else pause)
        for number, worker in enumerate(self.workers):
            if worker.line in heard:
                self._hear(number)
            elif time.monotonic() >= worker.deadline:
                worker.process.kill()
                self._replace(number, f"reading it took more than {self.limits.patience:g} s")

    def _give(self, worker: _Worker) -> None:
        place = self.todo.popleft()
        worker.given.append(place)
        if len(worker.given) == 1:
            worker.begin(self.limits.patience)
        try:
            worker.line.send(self.items[place])
        except OSError:  # it has died; that is heard in its place
            return

    def _hear(self, number: int) -> None:
        """Take the answer of a worker, or notice that it died."""
        worker = self.workers[number]
        try:
            answer = worker.line.recv()
        except (EOFError, OSError):
            worker.process.join(30.0)  # it is ending: let it say how
            self._replace(number, "")
            return
        if not worker.ready:
            worker.ready = True
        elif isinstance(answer, PipelineError):
            raise answer
        else:
            self.done[worker.given.popleft()] = answer
        worker.begin(self.limits.patience)

    def _replace(self, number: int, reason: str) -> None:
        """Answer for the thing a worker was at, and start another worker for the rest."""
        worker = self.workers[number]
        code = worker.stop()
        if not worker.ready:
            raise PipelineError(f"a worker could not start (exit code {code}); free memory and run again")
        self.todo.extendleft(reversed(list(worker.given)[1:]))
        if code == -getattr(signal, "SIGXCPU", 0):
            reason = f"reading it took more than {self.limits.seconds} s of the processor"
        for place in list(worker.given)[:1]:
            self.done[place] = Stopped(reason or f"reading it killed the reader ({_named(code)})")
        self.workers[number] = _Worker(self.work, self.limits)


def _named(code: int | None) -> str:
    """Return the name of the signal that ended a process, or its exit code."""
    return signal.Signals(-code).name if code is not None and code < 0 else f"exit code {code}"


def _serve(line: Connection, work: Callable[[Any], Any], limits: Limits) -> None:
    """Answer things one after the other until the line is closed; runs in a worker."""
    lifetime.bind()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which then ends this process
    line.send("ready")
    while True:
        try:
            item = line.recv()
        except EOFError:
            return
        _limit(limits)
        try:
            answer = work(item)
        except PipelineError as error:
            answer = error
        except MemoryError:
            answer = Stopped(f"reading it takes more than {limits.memory / 2**20:,.0f} MB of memory")
        line.send(answer)


def _limit(limits: Limits) -> None:
    """Let the system refuse this process more memory, and kill it after so many more seconds of the processor."""
    if sys.platform == "win32":
        return
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF)
    until = math.ceil(used.ru_utime + used.ru_stime) + limits.seconds
    for kind, most in ((resource.RLIMIT_CPU, until), (resource.RLIMIT_DATA, limits.memory)):
        hard = resource.getrlimit(kind)[1]  # set from outside; only root may raise it
        resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a crash is answered, not kept
