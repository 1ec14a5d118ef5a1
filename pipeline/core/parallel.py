"""Independent pieces of one stage in parallel processes, one a core.

Each process uses one thread, so that a result does not depend on the number of cores.
"""

import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from pipeline.core import lifetime
from pipeline.core.errors import PipelineError

Item = TypeVar("Item")
Result = TypeVar("Result")


def count_cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def map_in_processes(
    func: Callable[[Item], Result], items: Sequence[Item], num_processes: int = 0
) -> list[Result]:
    """Return the results of a function for all items, in order.

    Args:
        func: a function of a module, or a `functools.partial` of one, so that it can be sent to a process.
        items: sent one by one.
        num_processes: at most so many at once; 0 is one a core.

    Raises:
        PipelineError: one that `func` raised, or a process was killed.
    """
    num_processes = min(num_processes or count_cores(), len(items))
    if num_processes <= 1:
        return [func(item) for item in items]
    # Started afresh, not forked: a copy of a process that has threads can wait for ever.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        num_processes, mp_context=context, initializer=lifetime.die_with_parent
    ) as pool:
        futures = [pool.submit(func, item) for item in items]
        try:
            return [future.result() for future in futures]
        except BrokenProcessPool as error:
            raise PipelineError(
                f"one of {num_processes} parallel processes was killed; free memory and run again"
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)
