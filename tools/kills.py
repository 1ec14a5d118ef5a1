"""Kill a playing process at random moments and see whether a note is left hanging.

Usage: `python tools/kills.py 200 2`, the numbers being kills and how many run side by side.

Each child is the `play` command on a port that writes its messages into a pipe, read here until it closes. It ends by
SIGINT, by SIGTERM, by a port that fails at some message, or by a model that fails at some note. The shipped model
plays, four times as fast as it wants; a signal comes at a random time after the first message. Where a port fails at a
note on, nobody knows whether the note sounds, so one note off too many is right there, and there only.
"""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from pipeline.generation import engine, generate
from pipeline.live import midi_ports, run
from pipeline.live.active_keys import NOTE_OFF, NOTE_ON, Message
from pipeline.models import model_io

WAYS = ("SIGINT", "SIGTERM", "port", "model")
LONGEST = 2.0
"""Seconds from the first message to the kill at most."""
TEMPO = 4.0


class Pipe:
    """A port that writes to a pipe; it fails once, at message number `fails`."""

    def __init__(self, handle: int, fails: int) -> None:
        self.handle, self.left = handle, fails

    def send(self, message: Message) -> None:
        self.left -= 1
        if self.left == 0:
            raise OSError("the port is gone")
        os.write(self.handle, bytes(message))

    def close(self) -> None:
        os.close(self.handle)


def child(handle: int, way: str, number: int) -> None:
    """Play until it is killed, or until the port or the model fails at its message or note of this number."""
    port = Pipe(handle, number if way == "port" else 0)
    midi_ports.open_output = lambda name: port  # type: ignore[assignment, return-value]
    if way == "model":
        fail_at(number)
    wish = run.PlayOptions("pipe", "", "continue", None, 0, TEMPO, 0.8, number, None)
    try:
        run.run_player(
            model_io.load_model(model_io.BUNDLED / "expressive"),
            generate.UNCONSTRAINED,
            wish,
            lambda text: None,
        )
    except (OSError, ZeroDivisionError):
        sys.exit(3)


def fail_at(number: int) -> None:
    """Make the model fail when it hears its note of this number."""
    hear, left = engine.Engine.feed, [number]

    def failing(self: Any, notes: Any) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise ZeroDivisionError("a model broke")
        hear(self, notes)

    engine.Engine.feed = failing  # type: ignore[method-assign]


def kill(seed: int) -> tuple[str, list[Message]]:
    """Start a child, kill it, and return how and all that came over the pipe."""
    rng = random.Random(seed)
    way = WAYS[seed % len(WAYS)]
    reader, writer = os.pipe()
    command = [sys.executable, __file__, "child", str(writer), way, str(rng.randint(1, 60))]
    with subprocess.Popen(command, pass_fds=[writer]) as process:
        os.close(writer)
        data = os.read(reader, 3)
        if way.startswith("SIG"):
            time.sleep(rng.uniform(0, LONGEST))
            process.send_signal(getattr(signal, way))
        while more := os.read(reader, 65536):
            data += more
        os.close(reader)
        code = process.wait(30)
    if code != (0 if way.startswith("SIG") else 3):
        raise SystemExit(f"seed {seed}, {way}: the player ended with {code}")
    return way, [(data[at], data[at + 1], data[at + 2]) for at in range(0, len(data), 3)]


def hanging(way: str, messages: list[Message]) -> tuple[int, int]:
    """Return the count of notes that were struck, and of those that were not followed by just one note off."""
    struck, wrong, spare = 0, 0, 0
    down: Counter[int] = Counter()
    for status, pitch, _ in messages:
        if status & 0xF0 == NOTE_ON:
            struck, wrong = struck + 1, wrong + (down[pitch] > 0)
            down[pitch] = 1
        elif status & 0xF0 == NOTE_OFF:
            spare += down[pitch] == 0
            down[pitch] = 0
    return struck, wrong + down.total() + max(spare - (way == "port"), 0)


def main(kills: int, side_by_side: int) -> None:
    """Kill, count and print; any note left hanging is an error."""
    notes, wrong = Counter[str](), Counter[str]()
    with ThreadPoolExecutor(side_by_side) as pool:
        for way, messages in pool.map(kill, range(kills)):
            struck, left = hanging(way, messages)
            notes[way] += struck
            wrong[way] += left
            wrong["cut short"] += [message[:2] for message in messages[-3:]] != [
                (0xB0, 64),
                (0xB0, 123),
                (0xB0, 120),
            ]
    for number, way in enumerate(WAYS):
        count = len(range(number, kills, len(WAYS)))
        print(f"{way:8} {count:4} kills, {notes[way]:6} notes, {wrong[way]} left hanging")
    print(f"{kills} kills, {notes.total()} notes, {wrong.total()} left hanging")
    sys.exit(wrong.total() > 0)


if __name__ == "__main__":
    if sys.argv[1] == "child":
        child(int(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
    else:
        main(int(sys.argv[1]), int(sys.argv[2]))
