"""Threads are started together and waited for, and a loop polls until it is stopped."""

import threading

import pytest

from pipeline.live import worker
from pipeline.live.worker import POLL_SECONDS, Worker, poll


def test_all_threads_run_and_have_ended_after_join():
    started, ended = threading.Barrier(3), []

    def run():
        started.wait(5.0)
        ended.append(1)

    threads = Worker(run, run)
    threads.start()
    started.wait(5.0)
    threads.join()
    assert len(ended) == 2
    assert not any(thread.is_alive() for thread in threads.threads)


def test_a_thread_may_join_its_own_worker_and_one_that_never_started_is_not_waited_for():
    errors = []

    def run():
        try:
            threads.join()
        except RuntimeError as error:
            errors.append(error)

    threads = Worker(run)
    threads.join()
    threads.start()
    threads.join()
    assert errors == []


def test_a_thread_that_hangs_is_left_after_a_while(monkeypatch):
    monkeypatch.setattr(worker, "JOIN_TIMEOUT", 0.01)
    release = threading.Event()
    threads = Worker(release.wait)
    threads.start()
    threads.join()
    assert threads.threads[0].is_alive()
    assert threads.threads[0].daemon
    release.set()


def test_a_loop_sleeps_as_long_as_a_step_says_not_longer_than_a_poll_and_not_after_the_last_step():
    waits, slept = [0.004, 5.0, 0.0], []
    poll(lambda: not waits, lambda: waits.pop(0), slept.append)
    assert slept == pytest.approx([0.004, POLL_SECONDS])


def test_a_loop_that_is_stopped_takes_no_step():
    poll(lambda: True, lambda: pytest.fail("a step"), lambda _: None)
