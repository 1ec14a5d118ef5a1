"""CPU time of alternating rounds, and times that a busy machine makes useless."""

import hashlib
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import psutil
import pytest

from pipeline.benchmark import timing
from pipeline.benchmark.timing import BUSY


class ScriptedClock:
    """A clock that only steps move on."""

    def __init__(self) -> None:
        self.now = 0.0

    def make_step(self, seconds: Iterator[float]) -> Callable[[], None]:
        def step() -> None:
            self.now += next(seconds)

        return step


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> ScriptedClock:
    scripted = ScriptedClock()
    monkeypatch.setattr(timing.time, "process_time", lambda: scripted.now)
    return scripted


def test_a_round_of_each_in_turn_after_one_that_warms_up() -> None:
    calls = []
    work = {("one", "a"): (lambda: calls.append(1), 3), ("two", "a"): (lambda: calls.append(2), 1)}
    # One repeat is steady whatever it takes.
    timed = timing.time_in_turn(work, 1, "")
    assert calls == [1, 1, 1, 2] * 2
    assert {key: [len(seconds) for seconds in rounds] for key, rounds in timed.items()} == {
        ("one", "a"): [3],
        ("two", "a"): [1],
    }


def test_time_is_that_of_the_processor_not_of_the_wall() -> None:
    timed = timing.time_round({"sleep": (lambda: time.sleep(0.2), 1)})
    assert timed["sleep"].sum() < 0.1


def test_time_is_that_of_all_threads() -> None:
    data = bytes(30_000_000)

    def work_in_a_thread() -> None:
        thread = threading.Thread(target=hashlib.sha256, args=(data,))
        thread.start()
        thread.join()

    started = time.thread_time()
    timed = timing.time_round({"thread": (work_in_a_thread, 1)})
    assert timed["thread"].sum() > 2 * (time.thread_time() - started)


def test_a_process_and_its_children_keep_to_their_cores() -> None:
    before = psutil.Process().cpu_affinity()
    code = "import psutil; print(*psutil.Process().cpu_affinity())"
    with timing.pin_to_cores(1):
        (core,) = psutil.Process().cpu_affinity()
        child = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert child.stdout.split() == [str(core).encode()]
    assert psutil.Process().cpu_affinity() == before


def test_a_quiet_machine_gets_the_rounds_that_were_asked_for(clock: ScriptedClock) -> None:
    steady = clock.make_step(iter([9.0, 1.0, 1.1, 1.2]))
    timed = timing.time_in_turn({"a": (steady, 1)}, 3, "work")
    assert timing.list_medians(timed["a"]) == pytest.approx([1.0, 1.1, 1.2])


def test_a_busy_machine_gets_more_rounds_until_enough_in_a_row_agree(
    clock: ScriptedClock, capsys: pytest.CaptureFixture[str]
) -> None:
    calming = clock.make_step(iter([9.0, 1.0, 2.0, 3.0, 1.0, 1.1, 1.3]))
    timed = timing.time_in_turn({"a": (calming, 1)}, 3, "work")
    values = timing.list_medians(timed["a"])
    assert len(values) == 6
    assert timing.summarize_rounds(values, 3, 2) == {"median": 1.1, "min": 1.0, "max": 1.3}
    assert "work: 6 rounds, not 3, since other work ran" in capsys.readouterr().err


def test_a_machine_that_stays_busy_gives_no_number(clock: ScriptedClock) -> None:
    restless = clock.make_step(iter([9.0, *[1.0, 2.0, 3.0] * 3]))
    timed = timing.time_in_turn({"a": (restless, 1)}, 3, "work")
    values = timing.list_medians(timed["a"])
    assert len(values) == timing.MAX_EXTENSION * 3
    assert timing.summarize_rounds(values, 3, 2) == {
        "median": None,
        "min": None,
        "max": None,
        "reason": "not measured: busy",
    }
    microseconds = timing.summarize_microseconds(timed["a"], 3)
    assert microseconds.pop("reason") == BUSY
    assert microseconds == dict.fromkeys(("median_us", "min_us", "max_us", "p999_us"))


def test_a_ratio_must_be_steady_too(clock: ScriptedClock) -> None:
    slow = clock.make_step(iter([9.0, 1.0, 1.2, 1.0, 1.0]))
    quick = clock.make_step(iter([9.0, 1.2, 1.0, 1.0, 1.0]))
    work = {"slow": (slow, 1), "quick": (quick, 1)}
    timed = timing.time_in_turn(work, 2, "work", [("slow", "quick")])
    assert len(timed["slow"]) == 3


@pytest.mark.parametrize(
    ("values", "steady"),
    [
        ([3.0, 3.5, 4.0], slice(0, 3)),
        ([3.0, 3.5, 4.2], None),
        ([9.0, 3.0, 3.5, 4.0], slice(1, 4)),
        ([3.0, 3.5], None),
    ],
)
def test_rounds_agree_within_a_third_of_their_median(
    values: list[float], steady: slice | None
) -> None:
    assert timing.find_steady_rounds(values, 3) == steady


def test_microseconds_are_of_all_notes_of_the_steady_rounds() -> None:
    rounds = [np.full(9, 1.0), np.arange(1, 1002) * 1e-6, np.arange(1, 1004) * 1e-6]
    assert timing.summarize_microseconds(rounds, 2) == {
        "median_us": 501.5,
        "min_us": 501.0,
        "max_us": 502.0,
        "p999_us": 1001.0,
    }


def test_ratios_are_of_the_medians_of_a_round() -> None:
    slow = [np.array([6.0, 8.0, 100.0]), np.array([9.0]), np.array([2.0])]
    quick = [np.array([2.0, 1.0, 2.0])] * 3
    assert timing.list_ratios(slow, quick) == [4.0, 4.5, 1.0]


def test_a_figure_as_text_has_its_range_or_the_reason() -> None:
    figure = timing.summarize_rounds([1.0, 1.25, 1.125], 3, 3)
    assert timing.format_figure(figure) == "1.12 (1.00 to 1.25)"
    busy = timing.summarize_rounds([1.0, 9.0, 1.0], 3, 3)
    assert timing.format_figure(busy) == "not measured: busy"
