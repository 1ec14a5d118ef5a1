"""Adding a message never waits; reading gives the newest, and says how many were dropped."""

import asyncio
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.studio.client_queue import ClientQueue
from pipeline.studio.messages import Dropped


async def read_all(queue: ClientQueue) -> list[str]:
    received = []
    while queue.pending or queue.dropped:
        received.append(await queue.get())
    return received


@given(st.integers(1, 20), st.integers(0, 60))
def test_the_oldest_messages_are_dropped_and_counted(size: int, count: int) -> None:
    async def run() -> list[str]:
        queue = ClientQueue(asyncio.get_running_loop(), size)
        for number in range(count):
            queue.put(str(number))
        return await read_all(queue)

    received = asyncio.run(run())
    lost = max(count - size, 0)
    notices = [Dropped(count=lost).encode()] if lost else []
    assert received == notices + [str(number) for number in range(lost, count)]


@pytest.mark.slow
def test_a_thread_that_adds_does_not_wait_for_a_page_that_does_not_read() -> None:
    async def run() -> tuple[float, ClientQueue]:
        queue = ClientQueue(asyncio.get_running_loop())
        took = []

        def play() -> None:
            for number in range(20_000):
                begun = time.perf_counter()
                queue.put(str(number))
                took.append(time.perf_counter() - begun)

        thread = threading.Thread(target=play)
        thread.start()
        time.sleep(0.05)  # the loop is stuck meanwhile
        while thread.is_alive():
            await asyncio.sleep(0.01)
        return sorted(took)[len(took) // 2], queue

    usual, queue = asyncio.run(run())
    assert usual < 0.001
    assert (len(queue.pending), queue.dropped, queue.pending[-1]) == (512, 20_000 - 512, "19999")


def test_a_queue_that_drops_all_the_time_still_gives_messages() -> None:
    async def run() -> list[str]:
        queue = ClientQueue(asyncio.get_running_loop(), max_size=2)
        taken = []
        for number in range(20):
            for _ in range(5):
                queue.put(str(number))
            taken.append(await queue.get())
        return taken

    assert [text.isdigit() for text in asyncio.run(run())] == [False, True] * 10


def test_a_message_added_while_a_page_waits_is_read() -> None:
    async def run() -> str:
        queue = ClientQueue(asyncio.get_running_loop())
        threading.Timer(0.02, queue.put, ["here"]).start()
        return await asyncio.wait_for(queue.get(), 5)

    assert asyncio.run(run()) == "here"


def test_putting_after_the_end_is_no_error() -> None:
    async def run() -> ClientQueue:
        return ClientQueue(asyncio.get_running_loop())

    queue = asyncio.run(run())
    queue.put("late")
    assert not queue.pending
