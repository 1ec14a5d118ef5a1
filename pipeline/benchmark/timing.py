"""CPU time of work done in turn, round after round; a figure that a busy machine spoils is not a number.

CPU time is of all threads of this process, so the time for which other processes hold a core is not part of it. They
still slow it down, since they use the same caches. So a figure is the median of rounds in a row that agree, beside their
least and greatest. Where no such rounds come, its values are null and a reason stands beside them.
"""

import contextlib
import statistics
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import TypeVar

import numpy as np
import psutil
from numpy.typing import NDArray

from pipeline.core import console

Key = TypeVar("Key")
Step = Callable[[], object]
Work = Mapping[Key, tuple[Step, int]]
"""What is timed, and how many times in a round."""
Timings = Sequence[NDArray[np.float64]]
"""CPU seconds of each call, an array for each round."""
Figure = dict[str, float | str | None]
"""Values of a figure by name; each is None where `reason` says why."""

MAX_RANGE = 1 / 3
"""Range of the rounds of a figure at most, as a share of their median."""
MAX_EXTENSION = 3
"""A busy machine gets as many times the rounds that were asked for."""
BUSY = "not measured: busy"


@contextlib.contextmanager
def pin_to_cores(count: int) -> Iterator[None]:
    """Keep this process, and those that it starts, on so many of its cores, the least busy ones."""
    process = psutil.Process()
    if not hasattr(process, "cpu_affinity"):  # macOS
        yield
        return
    cores = process.cpu_affinity()
    load = dict(enumerate(psutil.cpu_percent(interval=0.2, percpu=True)))
    quiet_first = sorted(cores, key=lambda core: load.get(core, 0.0))
    process.cpu_affinity(quiet_first[:count])
    try:
        yield
    finally:
        process.cpu_affinity(cores)


def time_in_turn(
    work: Work[Key], repeats: int, label: str, ratios: Collection[tuple[Key, Key]] = ()
) -> dict[Key, Timings]:
    """Time all work in turn, round after round; one round before them warms up and is not counted.

    Args:
        work: what is timed.
        repeats: rounds, more of them while the machine is too busy for a figure.
        label: name of the work, for progress.
        ratios: pairs of work whose ratio is a figure too.
    """
    time_round(work)
    timings: dict[Key, list[NDArray[np.float64]]] = {name: [] for name in work}
    for _ in console.track_progress(range(repeats), label, repeats):
        _append_round(timings, work)
    num_rounds, max_rounds = repeats, MAX_EXTENSION * repeats
    while num_rounds < max_rounds and not _is_steady(timings, repeats, ratios):
        _append_round(timings, work)
        num_rounds += 1
    if num_rounds > repeats:
        console.log_message(f"{label}: {num_rounds} rounds, not {repeats}, since other work ran")
    return dict(timings)


def time_round(work: Work[Key]) -> dict[Key, NDArray[np.float64]]:
    """Do all work once, and return the CPU seconds of each call."""
    seconds = {}
    for name, (step, count) in work.items():
        marks = [time.process_time()]
        for _ in range(count):
            step()
            marks.append(time.process_time())
        seconds[name] = np.diff(marks)
    return seconds


def _append_round(timings: Mapping[Key, list[NDArray[np.float64]]], work: Work[Key]) -> None:
    for name, seconds in time_round(work).items():
        timings[name].append(seconds)


def _is_steady(
    timings: Mapping[Key, Timings], repeats: int, ratios: Collection[tuple[Key, Key]]
) -> bool:
    """Return whether every figure has rounds in a row that agree."""
    figures = [list_medians(rounds) for rounds in timings.values()]
    figures += [list_ratios(timings[name], timings[base]) for name, base in ratios]
    return all(find_steady_rounds(values, repeats) for values in figures)


def list_medians(rounds: Timings) -> list[float]:
    """Return the median of each round [s]."""
    return [float(np.median(seconds)) for seconds in rounds]


def list_ratios(rounds: Timings, base_rounds: Timings) -> list[float]:
    """Return how many times as long a call takes as one of the base, round by round, by medians."""
    medians = zip(list_medians(rounds), list_medians(base_rounds), strict=True)
    return [value / base for value, base in medians]


def find_steady_rounds(values: Sequence[float], repeats: int) -> slice | None:
    """Return the first `repeats` rounds in a row whose range is at most a third of their median; None without any."""
    for start in range(len(values) - repeats + 1):
        rounds = slice(start, start + repeats)
        span = max(values[rounds]) - min(values[rounds])
        if span <= MAX_RANGE * statistics.median(values[rounds]):
            return rounds
    return None


def summarize_rounds(values: Sequence[float], repeats: int, digits: int) -> Figure:
    """Return median, least and greatest of the steady rounds of a figure."""
    steady = find_steady_rounds(values, repeats)
    if steady is None:
        return _make_busy("median", "min", "max")
    rounds = values[steady]
    figure = {"median": statistics.median(rounds), "min": min(rounds), "max": max(rounds)}
    return {name: round(value, digits) for name, value in figure.items()}


def summarize_microseconds(rounds: Timings, repeats: int) -> Figure:
    """Return the same of a call [µs], and what one call in a thousand exceeds."""
    values = [1e6 * seconds for seconds in list_medians(rounds)]
    steady = find_steady_rounds(values, repeats)
    if steady is None:
        return _make_busy("median_us", "min_us", "max_us", "p999_us")
    figure = summarize_rounds(values, repeats, 1)
    slowest = 1e6 * float(np.quantile(np.concatenate(rounds[steady]), 0.999))
    return {f"{name}_us": value for name, value in figure.items()} | {"p999_us": round(slowest, 1)}


def _make_busy(*names: str) -> Figure:
    return {**dict.fromkeys(names), "reason": BUSY}


def format_figure(figure: Figure, spec: str = ".2f") -> str:
    """Return a figure with its range as text.

    >>> format_figure({"median": 2.0, "min": 1.5, "max": 2.25})
    '2.00 (1.50 to 2.25)'
    """
    if "reason" in figure:
        return str(figure["reason"])
    median, least, greatest = (format(figure[name], spec) for name in ("median", "min", "max"))
    return f"{median} ({least} to {greatest})"
