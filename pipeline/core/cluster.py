"""`processes.bounded_map` on the cores of one machine or of many, through Dask.

A task is a batch of items. The Dask worker that runs it gives them one by one to a process of its own, with the limits of
`processes`, so that a bad item costs itself. A batch whose worker dies goes to another worker; one that kills worker
after worker is halved until the one item that does so is alone. Batches come back in order, and so many are under way at
once that the memory of the caller does not grow with the number of items.

Results do not depend on the number of workers, nor on where they are. Workers are sent `func` and items, so that they
need no file of the caller unless `func` reads one.
"""

import hashlib
import logging
import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import dask
from distributed import Client, Future, KilledWorker, LocalCluster
from distributed.security import Security

from pipeline.core import code_hash
from pipeline.core.batch_store import BatchStore, decode_results, encode_results
from pipeline.core.errors import PipelineError
from pipeline.core.parallel import count_cores
from pipeline.core.processes import TaskFailure, TaskLimits, WorkerPool

Item = TypeVar("Item")
Result = TypeVar("Result")
SCHEDULER_VARIABLE = "DASK_SCHEDULER_ADDRESS"
"""Of the environment: the address of a scheduler, such as tcp://10.0.0.1:8786."""
BATCH_SIZE = 250
"""Items of a task: enough that its way to a worker and back costs little, few enough to do again when the worker dies."""
BATCHES_PER_THREAD = 2
"""Batches under way for each thread of the cluster: that bounds the memory of the caller."""
CONNECT_SECONDS = 60
"""For a scheduler to answer, and for the first worker to be there [s]."""
NO_WORKER_SECONDS = 120
"""After so long without a result and without any worker the work ends [s]."""
EMBEDDED_CONFIG = {
    # A worker starts processes of its own, which one that is a daemon may not.
    "distributed.worker.daemon": False,
    # Nobody looks at the samples of its profiler, which takes some every 10 ms.
    "distributed.worker.profile.enabled": False,
    # A worker that was killed is awaited, however busy the machine is; after 15 s Dask would do without it for ever.
    "distributed.deploy.lost-worker-timeout": "1 hour",
}
"""Of the cluster that is started here."""
KILLED_WORKERS = "reading it killed every worker that tried"
"""Why an item has no result if it ends the worker, not the process that reads it."""


@dataclass(frozen=True)
class BatchTask(Generic[Item, Result]):
    """What a worker does with a batch."""

    func: Callable[[Item], Result]
    """Takes an item. Equal ones have equal `repr` and are `==`, so that a process is kept from batch to batch."""
    limits: TaskLimits
    packages: tuple[str, ...]
    """Of `pipeline`, that decide the result."""
    libraries: tuple[str, ...]
    """That decide it too."""

    def hash_code(self) -> str:
        """Return the hash of the code that decides the result, as this process has it."""
        return code_hash.hash_code(self.packages, self.libraries)

    def make_key(self) -> str:
        """Return a hash of the function, which its `repr` describes, and of the code."""
        text = repr((self.func, self.limits, self.hash_code()))
        return hashlib.sha256(text.encode()).hexdigest()[:32]


@contextmanager
def open_client(threads_per_worker: int = 1) -> Iterator[Client]:
    """Connect to the scheduler that the environment names, or start one with a worker per core on this machine.

    Args:
        threads_per_worker: batches at once on each core of this machine; more than 1 where reading waits for a network.

    Raises:
        PipelineError: the scheduler does not answer, or has no worker.
    """
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    if address := os.environ.get(SCHEDULER_VARIABLE):
        with _connect(address) as client:
            try:
                yield client
            finally:
                with suppress(Exception):  # a worker that is gone has no process to stop
                    client.run(stop_pools, on_error="ignore")
        return
    with dask.config.set(EMBEDDED_CONFIG):
        cluster = LocalCluster(
            n_workers=count_cores(),
            threads_per_worker=threads_per_worker,
            processes=True,
            memory_limit=0,
            # Any free port of this machine alone; without an address Dask listens on port 8787 of all its networks.
            dashboard_address="127.0.0.1:0",
            silence_logs=logging.CRITICAL,
            # With certificates that live as long as the run: nobody else on this machine can give it work.
            security=Security.temporary(),
        )
        with cluster, Client(cluster) as client:
            yield client


@contextmanager
def _connect(address: str) -> Iterator[Client]:
    """Connect to a scheduler that is there, and wait for its first worker."""
    try:
        client = Client(address, timeout=CONNECT_SECONDS)
    except (OSError, ValueError) as error:
        raise PipelineError(
            f"{SCHEDULER_VARIABLE}={address}: no scheduler answers; start one with 'dask scheduler', or unset the variable"
        ) from error
    with client:
        try:
            client.wait_for_workers(1, timeout=CONNECT_SECONDS)
        except TimeoutError as error:
            raise PipelineError(
                f"{SCHEDULER_VARIABLE}={address}: the scheduler has no worker; start one with 'dask worker {address}'"
            ) from error
        yield client


def cluster_map(
    client: Client,
    task: BatchTask[Item, Result],
    items: Sequence[Item],
    store: BatchStore,
) -> Iterator[Result | TaskFailure]:
    """Work on each of `items` in the workers of a cluster, in order of the items.

    Args:
        client: of the cluster.
        task: what is done with a batch of items.
        items: equal ones have equal `repr`, which names a batch in the store.
        store: finished batches are kept there, and not worked on again.

    Raises:
        PipelineError: one that the function raised, or a worker that lacks this program or has another version of it.
    """
    batches = (items[start : start + BATCH_SIZE] for start in range(0, len(items), BATCH_SIZE))
    queue: deque[_Batch[Item, Result]] = deque()
    for batch in batches:
        queue.append(_Batch(client, task, batch, store))
        if len(queue) > BATCHES_PER_THREAD * max(1, sum(client.nthreads().values())):
            yield from queue.popleft().collect()
    while queue:
        yield from queue.popleft().collect()


class _Batch(Generic[Item, Result]):
    """A batch that is under way, or finished earlier."""

    def __init__(
        self,
        client: Client,
        task: BatchTask[Item, Result],
        items: Sequence[Item],
        store: BatchStore,
    ) -> None:
        self._client, self._task, self._items, self._store = client, task, items, store
        self._key = hashlib.sha256(repr(list(items)).encode()).hexdigest()[:32]
        self._results = store.load(self._key)
        self._future = None if self._results is not None else self._submit(items)

    def _submit(self, items: Sequence[Item]) -> Future:
        return self._client.submit(
            run_batch, self._task, list(items), self._task.hash_code(), pure=False
        )

    def collect(self) -> list[Result | TaskFailure]:
        """Wait for the results of all items."""
        if self._results is None:
            assert self._future is not None
            self._results = self._gather(self._items, self._future)
            self._store.save(self._key, encode_results(self._results))
        return self._results

    def _gather(self, items: Sequence[Item], future: Future) -> list[Result | TaskFailure]:
        """Return the results of a task; of one that kills its workers, those of its halves."""
        try:
            encoded = self._wait_for_result(future)
        except KilledWorker:
            if len(items) == 1:
                return [TaskFailure(KILLED_WORKERS)]
            middle = len(items) // 2
            halves = [items[:middle], items[middle:]]
            return [result for half in halves for result in self._gather(half, self._submit(half))]
        except (CancelledError, OSError) as error:
            raise PipelineError(
                "the scheduler is gone; start it and run again: finished batches are not done again"
            ) from error
        except ImportError as error:
            raise PipelineError(
                f"a worker cannot load this program ({error}); install the same version of it there"
            ) from error
        finally:
            future.release()
        results = decode_results(encoded)
        if results is None:
            raise PipelineError("what a worker sent arrived damaged; run again")
        return results

    def _wait_for_result(self, future: Future) -> bytes:
        """Return what a worker sent; a cluster without any worker is not waited for in vain."""
        while True:
            try:
                encoded: bytes = future.result(timeout=NO_WORKER_SECONDS)
                return encoded
            except TimeoutError as error:
                if not self._client.nthreads():
                    raise PipelineError(
                        "no worker is left; start some and run again: finished batches are not done again"
                    ) from error


_POOLS: dict[int, tuple[BatchTask[Any, Any], WorkerPool[Any, Any]]] = {}
"""In a Dask worker: the process of each of its threads, and what it does."""


def run_batch(task: BatchTask[Any, Any], items: list[Any], expected_code: str) -> bytes:
    """Work on a batch, in a Dask worker.

    Returns:
        The results, encoded.

    Raises:
        PipelineError: the worker has other code than the caller, or may start no process.
    """
    if task.hash_code() != expected_code:
        raise PipelineError(
            "a worker has another version of this program or its libraries; install the same there"
        )
    if multiprocessing.current_process().daemon:
        raise PipelineError(
            "a worker may start no process; start it with DASK_DISTRIBUTED__WORKER__DAEMON=False"
        )
    pool = _get_pool(task)
    try:
        return encode_results(list(pool.map(items)))
    except BaseException:
        _stop_pool(threading.get_ident())
        raise


def _get_pool(task: BatchTask[Any, Any]) -> WorkerPool[Any, Any]:
    """Return the process of this thread; one that does something else is stopped."""
    thread = threading.get_ident()
    if thread in _POOLS and _POOLS[thread][0] != task:
        _stop_pool(thread)
    if thread not in _POOLS:
        _POOLS[thread] = task, WorkerPool(task.func, task.limits)
    return _POOLS[thread][1]


def _stop_pool(thread: int) -> None:
    _POOLS.pop(thread)[1].stop()


def stop_pools() -> None:
    """Stop the processes of all threads of a Dask worker."""
    for thread in list(_POOLS):
        _stop_pool(thread)
