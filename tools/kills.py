"""Kill a playing process at random times and count stuck notes.

Usage: `python tools/kills.py 200 2`: the number of kills, and how many processes run at the same time.

Each child process is the `play` command on a port that writes its messages into a pipe, which is read here until it
closes. The child ends by SIGINT, by SIGTERM, by a port that fails at a message, or by a model that fails at a note. The
bundled model plays at four times its tempo and follows a MIDI clock, while a person plays with the pedal, which is passed
on (MIDI thru); a signal is sent at a random time after the first message. If the port
fails at a note on, it is unknown whether the note sounds; one extra note off is correct in that case only.
"""

import itertools
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from pipeline.config.schema import DEFAULT_SAMPLING
from pipeline.generation import engine
from pipeline.live import midi_ports, run
from pipeline.live.active_keys import CONTROL_CHANGE, NOTE_OFF, NOTE_ON, PANIC_CONTROLS, Message
from pipeline.live.midi_clock import START, TICK
from pipeline.live.preset import Preset
from pipeline.midi.sustain import SUSTAIN_CC
from pipeline.models import model_io

CAUSES = ("SIGINT", "SIGTERM", "port", "model")
MAX_DELAY = 2.0
"""Longest time from the first message to the signal [s]."""
TEMPO = 4.0
TICK_SECONDS = 0.5 / 24
"""Of a clock of 120 beats a minute."""
KEY_SECONDS = 0.03
"""From one message of the person to the next."""


class PipePort:
    """A port that writes to a pipe; it fails once, at message number `failing_message`, counted from 1."""

    def __init__(self, handle: int, failing_message: int) -> None:
        self.handle, self.remaining = handle, failing_message

    def send(self, message: Message) -> None:
        self.remaining -= 1
        if self.remaining == 0:
            raise OSError("the port is gone")
        os.write(self.handle, bytes(message))

    def is_present(self) -> bool:
        return True

    def close(self) -> None:
        os.close(self.handle)


class FedInput:
    """An input port that gets messages from a thread of its own until it is closed."""

    name = "fed"

    def __init__(self, feed: Callable[[threading.Event], None]) -> None:
        self.closed = threading.Event()
        threading.Thread(target=feed, args=(self.closed,), daemon=True).start()

    def get_block_seconds(self) -> float:
        return 0.0

    def is_present(self) -> bool:
        return True

    def reopen(self) -> bool:
        return True

    def close(self) -> None:
        self.closed.set()


def open_clock(name: str, handler: midi_ports.ByteHandler) -> FedInput:
    """Return a port of a clock."""

    def send_ticks(closed: threading.Event) -> None:
        handler((START,))
        while not closed.wait(TICK_SECONDS):
            handler((TICK,))

    return FedInput(send_ticks)


def open_keyboard(name: str, handler: midi_ports.MessageHandler) -> FedInput:
    """Return a port of a person who plays with the pedal down most of the time."""

    def send_keys(closed: threading.Event) -> None:
        phrase = [(NOTE_ON, 60, 80), (NOTE_OFF, 60, 0), (NOTE_ON, 64, 80), (NOTE_OFF, 64, 0)]
        pedal_down, pedal_up = (CONTROL_CHANGE, SUSTAIN_CC, 127), (CONTROL_CHANGE, SUSTAIN_CC, 0)
        for message in itertools.cycle([pedal_down, *phrase, *phrase, pedal_up]):
            handler(message)
            if closed.wait(KEY_SECONDS):
                return

    return FedInput(send_keys)


def play_in_child(handle: int, cause: str, number: int) -> None:
    """Play until a signal, or until the port or the model fails at message or note `number`."""
    port = PipePort(handle, number if cause == "port" else 0)
    midi_ports.open_output = lambda name: port  # type: ignore[assignment, return-value]
    midi_ports.open_input = open_keyboard  # type: ignore[assignment]
    midi_ports.open_clock = open_clock  # type: ignore[assignment]
    if cause == "model":
        make_model_fail(number)
    options = run.PlayOptions(
        midi_out="pipe",
        midi_in="fed",
        mode="accompany",
        prompt=None,
        num_notes=0,
        tempo=TEMPO,
        response_delay=0.8,
        seed=number,
        recording=None,
        clock_in="fed",
        preset=Preset(thru=True),
    )
    try:
        run.run_player(
            model_io.load_model(model_io.BUNDLED / "maestro"),
            DEFAULT_SAMPLING,
            options,
            lambda text: None,
        )
    except (OSError, ZeroDivisionError):
        sys.exit(3)


def make_model_fail(number: int) -> None:
    """Make the model fail when it reads its next note after `number` calls."""
    feed, remaining = engine.Engine.feed, number

    def failing_feed(self: Any, notes: Any) -> None:
        nonlocal remaining
        remaining -= 1
        if remaining < 0:
            raise ZeroDivisionError("a model broke")
        feed(self, notes)

    engine.Engine.feed = failing_feed  # type: ignore[method-assign]


def kill_player(seed: int) -> tuple[str, list[Message]]:
    """Start a child, end it; return the cause and all messages that it sent."""
    rng = random.Random(seed)
    cause = CAUSES[seed % len(CAUSES)]
    reader, writer = os.pipe()
    command = [sys.executable, __file__, "child", str(writer), cause, str(rng.randint(1, 60))]
    with subprocess.Popen(command, pass_fds=[writer]) as process:
        os.close(writer)
        data = os.read(reader, 3)
        if cause.startswith("SIG"):
            time.sleep(rng.uniform(0, MAX_DELAY))
            process.send_signal(getattr(signal, cause))
        while more := os.read(reader, 65536):
            data += more
        os.close(reader)
        code = process.wait(30)
    if code != (0 if cause.startswith("SIG") else 3):
        raise SystemExit(f"seed {seed}, {cause}: the player ended with {code}")
    return cause, [(data[i], data[i + 1], data[i + 2]) for i in range(0, len(data), 3)]


def count_stuck_notes(cause: str, messages: list[Message]) -> tuple[int, int]:
    """Return the number of notes, and of those that were not followed by exactly one note off."""
    num_notes, num_retriggered, num_extra = 0, 0, 0
    sounding: Counter[int] = Counter()
    for status, pitch, _ in messages:
        if status & 0xF0 == NOTE_ON:
            num_notes += 1
            num_retriggered += sounding[pitch] > 0
            sounding[pitch] = 1
        elif status & 0xF0 == NOTE_OFF:
            num_extra += sounding[pitch] == 0
            sounding[pitch] = 0
    num_allowed = 1 if cause == "port" else 0
    return num_notes, num_retriggered + sounding.total() + max(num_extra - num_allowed, 0)


def main(num_kills: int, num_processes: int) -> None:
    """Kill, count and print; a stuck note gives exit code 1."""
    notes, stuck = Counter[str](), Counter[str]()
    panic = [(CONTROL_CHANGE, controller) for controller, _ in PANIC_CONTROLS]
    with ThreadPoolExecutor(num_processes) as pool:
        for cause, messages in pool.map(kill_player, range(num_kills)):
            num_notes, num_stuck = count_stuck_notes(cause, messages)
            notes[cause] += num_notes
            stuck[cause] += num_stuck
            last = [message[:2] for message in messages[-len(panic) :]]
            stuck["no panic at the end"] += last != panic
    for index, cause in enumerate(CAUSES):
        count = len(range(index, num_kills, len(CAUSES)))
        print(f"{cause:8} {count:4} kills, {notes[cause]:6} notes, {stuck[cause]} stuck")
    print(f"{num_kills} kills, {notes.total()} notes, {stuck.total()} stuck")
    sys.exit(stuck.total() > 0)


if __name__ == "__main__":
    if sys.argv[1] == "child":
        play_in_child(int(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
    else:
        main(int(sys.argv[1]), int(sys.argv[2]))
