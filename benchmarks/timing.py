"""Measure lateness and drift of the player: in simulated hours, and in real time on a busy machine.

Usage: `python benchmarks/timing.py simulated 10` for ten simulated hours, or
`python benchmarks/timing.py real 120 2` for two real minutes beside two processes that use a core each.

The bundled model plays. Drift is the change of lateness from the first 10 s to the last 10 s; lateness is the time of
a note on minus its onset on the grid. A note is stuck if its note off is missing when the player has closed its port.
"""

import multiprocessing
import sys
import time
from collections import Counter

import numpy as np

from pipeline.config.schema import DEFAULT_SAMPLING
from pipeline.generation import generate
from pipeline.generation.engine import Engine
from pipeline.live import run
from pipeline.live.active_keys import NOTE_OFF, NOTE_ON, Message
from pipeline.live.controls import Controls
from pipeline.live.improviser import Improviser
from pipeline.live.note_source import PendingNote
from pipeline.live.player import Player
from pipeline.live.recorder import Recorder
from pipeline.live.timeline import Clock, SimulatedClock
from pipeline.models import model_io
from pipeline.notes.quantize import GRID_SECONDS

EDGE_SECONDS = 10.0
"""Length of the beginning and of the end between which drift is measured [s]."""


class TimingPort:
    """A port that stores the time of each note on, and counts the notes that sound."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.note_on_times: list[float] = []
        self.active_counts: Counter[int] = Counter()

    def send(self, message: Message) -> None:
        if message[0] == NOTE_ON:
            self.note_on_times.append(self.clock())
            self.active_counts[message[1]] += 1
        elif message[0] == NOTE_OFF:
            self.active_counts[message[1]] -= 1

    def close(self) -> None:
        pass


class OnsetImproviser(Improviser):
    """An improviser that stores the onsets of its notes [cells]."""

    onsets: list[int]

    def commit(self) -> None:
        note: PendingNote | None = self.pending
        super().commit()
        self.onsets.append(note.onset if note else 0)


def make_source() -> OnsetImproviser:
    controls = Controls(DEFAULT_SAMPLING)
    engine = Engine(model_io.load_model(model_io.BUNDLED / "maestro"))
    source = OnsetImproviser(engine, controls, generate.load_prompt(None), np.random.default_rng(0))
    source.onsets = []
    return source


def print_result(player: Player, port: TimingPort, source: OnsetImproviser) -> None:
    """Print lateness, drift, stalls and stuck notes."""
    times = np.array(port.note_on_times) - player.schedule.start_time
    # Notes that were drawn but not sent have no time.
    onsets = np.sort(source.onsets)[: len(times)] * GRID_SECONDS
    late = times - onsets
    first = np.median(late[times < EDGE_SECONDS])
    last = np.median(late[times > times[-1] - EDGE_SECONDS])
    print(f"{len(late):,} notes in {times[-1]:,.1f} s; {player.schedule.latency}")
    print(f"drift {1000 * (last - first):.6f} ms, waits for the model {player.schedule.stalls}")
    print(f"stuck notes {sum(abs(count) for count in port.active_counts.values())}")


def run_simulated(hours: float) -> None:
    """Play on a simulated clock."""
    clock, source = SimulatedClock(), make_source()
    port = TimingPort(clock)

    def sleep_until_end(seconds: float) -> None:
        clock.sleep(seconds)
        player.stopping = clock() > hours * 3600

    player = Player(source, port, Recorder(), clock, sleep_until_end)
    player.run_offline()
    print_result(player, port, source)


def use_core() -> None:
    """Use a processor core without end."""
    while True:
        sum(range(10_000))


def run_realtime(seconds: float, num_processes: int) -> None:
    """Play in real time beside processes that use a core each."""
    processes = [
        multiprocessing.Process(target=use_core, daemon=True) for _ in range(num_processes)
    ]
    for process in processes:
        process.start()
    source, port = make_source(), TimingPort(time.monotonic)
    end = time.monotonic() + seconds

    def sleep_until_end(span: float) -> None:
        time.sleep(span)
        player.stopping = player.stopping or time.monotonic() > end

    player = Player(source, port, Recorder(), time.monotonic, sleep_until_end)
    with run.realtime_priority():
        player.run()
    print_result(player, port, source)
    for process in processes:
        process.terminate()


if __name__ == "__main__":
    if sys.argv[1] == "simulated":
        run_simulated(float(sys.argv[2]))
    else:
        run_realtime(float(sys.argv[2]), int(sys.argv[3]))
