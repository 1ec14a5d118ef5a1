"""Putting a frame never waits; taking them gives the newest, and says how many fell out."""

import asyncio
import threading
import time

from hypothesis import given
from hypothesis import strategies as st

from pipeline.studio.client_queue import ClientQueue
from pipeline.studio.messages import Dropped


async def drained(box: ClientQueue) -> list[str]:
    found = []
    while box.pending or box.dropped:
        found.append(await box.get())
    return found


@given(st.integers(1, 20), st.integers(0, 60))
def test_what_falls_out_is_the_oldest_and_is_told(size: int, count: int) -> None:
    async def act() -> list[str]:
        box = ClientQueue(asyncio.get_running_loop(), size)
        for number in range(count):
            box.put(str(number))
        return await drained(box)

    found = asyncio.run(act())
    lost = max(count - size, 0)
    told = [Dropped(count=lost).encode()] if lost else []
    assert found == told + [str(number) for number in range(lost, count)]


def test_a_thread_that_puts_is_not_held_up_by_a_page_that_does_not_take() -> None:
    async def act() -> tuple[float, ClientQueue]:
        box = ClientQueue(asyncio.get_running_loop())
        took = []

        def play() -> None:
            for number in range(20_000):
                begun = time.perf_counter()
                box.put(str(number))
                took.append(time.perf_counter() - begun)

        thread = threading.Thread(target=play)
        thread.start()
        time.sleep(0.05)  # the loop is stuck meanwhile
        while thread.is_alive():
            await asyncio.sleep(0.01)
        return sorted(took)[len(took) // 2], box

    usual, box = asyncio.run(act())
    assert usual < 0.001
    assert (len(box.pending), box.dropped, box.pending[-1]) == (512, 20_000 - 512, "19999")


def test_a_queue_that_drops_all_the_time_still_gives_messages() -> None:
    async def act() -> list[str]:
        box = ClientQueue(asyncio.get_running_loop(), max_size=2)
        taken = []
        for number in range(20):
            for _ in range(5):
                box.put(str(number))
            taken.append(await box.get())
        return taken

    assert [text.isdigit() for text in asyncio.run(act())] == [False, True] * 10


def test_a_frame_put_while_it_waits_is_taken() -> None:
    async def act() -> str:
        box = ClientQueue(asyncio.get_running_loop())
        threading.Timer(0.02, box.put, ["here"]).start()
        return await asyncio.wait_for(box.get(), 5)

    assert asyncio.run(act()) == "here"


def test_putting_after_the_end_is_no_error() -> None:
    async def act() -> ClientQueue:
        return ClientQueue(asyncio.get_running_loop())

    box = asyncio.run(act())
    box.put("late")
    assert not box.pending
