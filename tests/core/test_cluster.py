"""Work on a cluster has the results of processes of this machine, also if workers are killed."""

import types
from concurrent.futures import CancelledError

import psutil
import pytest
from cluster_processes import Work, start_cluster

from pipeline.core import cluster, code_hash
from pipeline.core.batch_store import BatchStore, decode_results, encode_results
from pipeline.core.errors import CorpusError, PipelineError
from pipeline.core.processes import TaskFailure, TaskLimits


def make_task(name="work"):
    return cluster.BatchTask(Work(name), TaskLimits(), ("notes",), ("numpy",))


def list_results(client, items, folder):
    task = make_task()
    store = BatchStore(folder, task.make_key())
    return list(cluster.cluster_map(client, task, items, store))


@pytest.mark.slow
def test_results_come_in_order_and_a_bad_item_costs_itself(tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "BATCH_SIZE", 4)
    items = [*range(10), "kill reader", *range(11, 20), "kill worker", *range(21, 23)]
    expected: list[object] = list(items)
    expected[10] = TaskFailure("reading it killed the reader (exit code 7)")
    expected[20] = TaskFailure(cluster.KILLED_WORKERS)
    with start_cluster(tmp_path, 2) as processes:
        monkeypatch.setenv(cluster.SCHEDULER_VARIABLE, processes.address)
        with cluster.open_client() as client:
            assert list_results(client, items, tmp_path / "store") == expected
            with pytest.raises(CorpusError, match="the corpus is damaged"):
                list_results(client, [1, "fault"], tmp_path / "store")
            assert list_results(client, [1], tmp_path / "store") == [1]
            monkeypatch.setattr(cluster.BatchTask, "hash_code", lambda task: "other code")
            with pytest.raises(PipelineError, match="another version of this program"):
                list_results(client, [2], tmp_path / "store")


@pytest.mark.slow
def test_a_cluster_of_this_machine_starts_and_ends(tmp_path, monkeypatch):
    monkeypatch.delenv(cluster.SCHEDULER_VARIABLE, raising=False)
    monkeypatch.setattr(cluster, "count_cores", lambda: 1)
    monkeypatch.setattr(cluster, "BATCH_SIZE", 2)
    with cluster.open_client() as client:
        assert client.scheduler.address.startswith("tls://127.0.0.1")
        assert list_results(client, list(range(5)), tmp_path) == list(range(5))
        this = psutil.Process()
        connections = [
            connection
            for process in (this, *this.children(recursive=True))
            for connection in process.net_connections("inet")
            if connection.status == psutil.CONN_LISTEN
        ]
        assert connections and {connection.laddr.ip for connection in connections} == {"127.0.0.1"}


def test_no_scheduler_at_the_address_is_one_line(monkeypatch):
    monkeypatch.setenv(cluster.SCHEDULER_VARIABLE, "tcp://127.0.0.1:9")
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 0.2)
    with (
        pytest.raises(PipelineError, match=r"127\.0\.0\.1:9: no scheduler answers; start one"),
        cluster.open_client(),
    ):
        pass


class FakeClient:
    """Runs each batch when its result is asked for, and remembers how many were under way."""

    def __init__(self):
        self.submitted, self.open, self.most_open = [], 0, 0

    def nthreads(self):
        return {"tcp://a": 1, "tcp://b": 2}

    def submit(self, func, task, items, code, pure):
        self.submitted.append(items)
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        return types.SimpleNamespace(
            result=lambda timeout: func(task, items, code), release=self._release
        )

    def _release(self):
        self.open -= 1


@pytest.fixture
def in_this_process(monkeypatch):
    class InThisProcess:
        def __init__(self, func, limits):
            self.map = lambda items: map(func, items)

        def stop(self):
            pass

    monkeypatch.setattr(cluster, "WorkerPool", InThisProcess)
    monkeypatch.setattr(cluster, "_POOLS", {})
    monkeypatch.setattr(cluster, "BATCH_SIZE", 10)


def test_so_many_batches_are_under_way_at_once_and_no_more(tmp_path, in_this_process):
    client = FakeClient()
    assert list_results(client, list(range(200)), tmp_path) == list(range(200))
    assert client.most_open == 3 * cluster.BATCHES_PER_THREAD + 1
    assert len(client.submitted) == 20


def test_finished_batches_are_not_worked_on_again(tmp_path, in_this_process):
    task = make_task()
    store = BatchStore(tmp_path, task.make_key())
    stopped = cluster.cluster_map(FakeClient(), task, list(range(50)), store)
    assert [next(stopped) for _ in range(25)] == list(range(25))
    stopped.close()
    client = FakeClient()
    assert list_results(client, list(range(50)), tmp_path) == list(range(50))
    assert [items[0] for items in client.submitted] == [30, 40]


def test_a_changed_item_function_or_code_is_worked_on_again(tmp_path, in_this_process, monkeypatch):
    list_results(FakeClient(), list(range(20)), tmp_path)
    client = FakeClient()
    list_results(client, [*range(19), "other"], tmp_path)
    assert [items[0] for items in client.submitted] == [10]
    keys = {make_task().make_key(), make_task("other").make_key()}
    monkeypatch.setattr(code_hash, "hash_code", lambda packages, libraries: "other code")
    keys.add(make_task().make_key())
    assert len(keys) == 3


@pytest.mark.parametrize("error", [CancelledError(), ConnectionError("lost")])
def test_a_scheduler_that_goes_away_is_one_line(tmp_path, error):
    def fail(timeout):
        raise error

    client = FakeClient()
    client.submit = lambda *arguments, pure: types.SimpleNamespace(
        result=fail, release=lambda: None
    )
    with pytest.raises(PipelineError, match="the scheduler is gone; start it and run again"):
        list_results(client, [1], tmp_path)


def test_a_slow_batch_is_awaited_and_one_without_workers_is_not(tmp_path, in_this_process):
    client = FakeClient()
    answers = [TimeoutError(), TimeoutError()]

    def wait(timeout):
        if answers:
            raise answers.pop()
        return encode_results([1])

    client.submit = lambda *arguments, pure: types.SimpleNamespace(
        result=wait, release=lambda: None
    )
    assert list_results(client, [1], tmp_path / "slow") == [1] and not answers
    answers.append(TimeoutError())
    client.nthreads = dict
    with pytest.raises(PipelineError, match="no worker is left; start some and run again"):
        list_results(client, [1], tmp_path / "none")


def test_a_worker_that_may_start_no_process_is_one_line(monkeypatch):
    task = make_task()
    daemon = types.SimpleNamespace(daemon=True)
    monkeypatch.setattr("multiprocessing.current_process", lambda: daemon)
    with pytest.raises(PipelineError, match="DASK_DISTRIBUTED__WORKER__DAEMON=False"):
        cluster.run_batch(task, [1], task.hash_code())


def test_a_thread_keeps_its_process_until_the_function_changes(monkeypatch):
    monkeypatch.setattr(cluster, "_POOLS", {})
    process_ids = []
    try:
        for name in ("one", "one", "two"):
            task = make_task(name)
            assert decode_results(cluster.run_batch(task, [1, 2], task.hash_code())) == [1, 2]
            ((_, pool),) = cluster._POOLS.values()
            process_ids.append(pool.workers[0].process.pid)
    finally:
        cluster.stop_pools()
    assert process_ids[0] == process_ids[1] != process_ids[2]
    assert not any(psutil.pid_exists(number) for number in process_ids)
