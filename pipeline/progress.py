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
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

Item = TypeVar("Item")


def console() -> Console:
    """Return where words for people go: standard error, so that results can be piped."""
    return Console(file=sys.stderr, highlight=False, soft_wrap=True)


def say(line: str) -> None:
    """Tell a person one thing, in one line."""
    console().print(line, markup=False)


def _one(_item: object) -> int:
    return 1


def track(items: Iterable[Item], what: str, total: int, size: Callable[[Item], int] = _one) -> Iterator[Item]:
    """Pass items on while showing how much of `total` is done and the time left.

    Args:
        items: what is worked through.
        what: name of the work, such as "reading MIDI".
        total: the sizes of all items together.
        size: how much of the total an item is.
    """
    out = console()
    began = time.monotonic()
    if not out.is_terminal:
        yield from items
        say(f"{what}: {total:,} in {time.monotonic() - began:.1f} s")
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=out) as bar:
        task = bar.add_task(what, total=total)
        for item in items:
            yield item
            bar.advance(task, size(item))
