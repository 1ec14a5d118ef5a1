"""Progress of long work: a bar for a person, one line at the end for a log file."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from pipeline.core.errors import sanitize_line

Item = TypeVar("Item")


def make_console() -> Console:
    """Return where words for people go: standard error, so that results can be piped."""
    return Console(file=sys.stderr, highlight=False, soft_wrap=True)


def log_message(message: str) -> None:
    """Tell a person one thing, in one line."""
    make_console().print(Text(sanitize_line(message)))


def format_rate(per_second: float | None) -> str:
    """Return how fast work goes, in three figures; by the minute where it is slow.

    >>> rate(1234.5), rate(0.05)
    ('1,230/s', '3/min')
    """
    if per_second is None or per_second <= 0:
        return "–/s"
    many, unit = (per_second, "s") if per_second >= 1 else (60 * per_second, "min")
    return f"{float(f'{many:.3g}'):,g}/{unit}" if many < 1e6 else f"{many:.3g}/{unit}"


class RateColumn(ProgressColumn):
    """A column that says how fast work goes."""

    def render(self, task: Task) -> Text:
        """Return the rate of late, or that of all where the work has ended."""
        return Text(format_rate(task.finished_speed or task.speed), style="progress.data.speed")


def _count_one(_item: object) -> int:
    return 1


def track_progress(
    items: Iterable[Item],
    description: str,
    total: int,
    item_size: Callable[[Item], int] = _count_one,
    min_total: int = 0,
) -> Iterator[Item]:
    """Pass items on while showing how much of `total` is done, how fast, and the time left.

    A terminal gets a bar, without color where `NO_COLOR` is set; a file or a pipe gets one line at the end.

    Args:
        items: what is worked through.
        description: name of the work, such as "reading MIDI".
        total: the sizes of all items together.
        item_size: how much of the total an item is.
        min_total: below this total nothing is shown.
    """
    if total < min_total:
        yield from items
        return
    out = make_console()
    began = time.monotonic()
    if not out.is_terminal:
        yield from items
        seconds = time.monotonic() - began
        log_message(
            f"{description}: {total:,} in {seconds:.1f} s, {format_rate(total / seconds if seconds else None)}"
        )
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        RateColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, TimeRemainingColumn(), console=out) as bar:
        task = bar.add_task(sanitize_line(description), total=total)
        for item in items:
            yield item
            bar.advance(task, item_size(item))
