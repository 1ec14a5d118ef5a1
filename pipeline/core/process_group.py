"""Processes that work on one thing together: if one of them ends with an error, all end."""

import multiprocessing
import signal
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

from pipeline.core import lifetime
from pipeline.core.errors import PipelineError
from pipeline.core.processes import format_exit_code

Member = tuple[SpawnProcess, Connection]
"""A process, and the end of the pipe from which its error is read."""


def run_group(func: Callable[[int], None], count: int, remedy: str) -> None:
    """Call a function in each of `count` processes at once, with the number of the process from 0.

    Args:
        func: a function of a module, or a `functools.partial` of one, so that it can be sent to a process.
        count: number of processes.
        remedy: what to do if a process was killed.

    Raises:
        PipelineError: the first that a process raised, or a process was killed; all others are killed then.
    """
    # Started afresh, not forked: a copy of a process that has threads can wait for ever.
    context = multiprocessing.get_context("spawn")
    members: list[Member] = []
    try:
        for number in range(count):
            receiver, sender = context.Pipe(duplex=False)
            process = context.Process(target=_run_member, args=(func, number, sender), daemon=True)
            process.start()
            sender.close()
            members.append((process, receiver))
        _wait_for_all(members, remedy)
    finally:
        for process, receiver in members:
            process.kill()
            process.join()
            receiver.close()


def _wait_for_all(members: Sequence[Member], remedy: str) -> None:
    """Return when all have ended well; raise the error of the first that has not."""
    running = list(range(len(members)))
    while running:
        wait([members[number][0].sentinel for number in running])
        exit_codes = {number: members[number][0].exitcode for number in running}
        # The lowest first: one that was killed makes others raise an error.
        for number, code in sorted(exit_codes.items(), key=lambda item: item[1] or 0):
            if code is None:
                continue
            if code:
                raise _make_error(members, number, remedy)
            running.remove(number)


def _make_error(members: Sequence[Member], number: int, remedy: str) -> PipelineError:
    """Return the error that a process sent before it ended, or one that says how it ended."""
    process, receiver = members[number]
    try:
        if receiver.poll():
            error: PipelineError = receiver.recv()
            return error
    except EOFError:
        pass
    end = format_exit_code(process.exitcode)
    return PipelineError(f"process {number + 1} of {len(members)} ended with {end}; {remedy}")


def _run_member(func: Callable[[int], None], number: int, sender: Connection) -> None:
    """Call the function; runs in a process of the group."""
    lifetime.die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends the group
    try:
        func(number)
    except PipelineError as error:
        sender.send(error)
        raise SystemExit(1) from None
