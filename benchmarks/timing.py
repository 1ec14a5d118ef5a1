"""How late the player is, and whether it drifts: in simulated hours, and in real time on a busy machine.

Usage: `python benchmarks/timing.py simulated 10` for ten hours that pass in moments, or
`python benchmarks/timing.py real 120 2` for two real minutes with two programs beside it that compute all the time.

The shipped model plays. Drift is how much later messages went out at the end than at the beginning, against what their
onsets in cells alone say; a note is stuck if it was struck and not let go when the player had closed its port.
"""

import multiprocessing
import sys
import time
from collections import Counter
from statistics import median

import numpy as np

from pipeline.generation import engine as streaming
from pipeline.generation import generate
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

EDGE = 10.0
"""Seconds at the beginning and end that drift is measured between."""


class Stopwatch:
    """A port that notes when notes were struck, and which are down."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.struck: list[float] = []
        self.down: Counter[int] = Counter()

    def send(self, message: Message) -> None:
        if message[0] == NOTE_ON:
            self.struck.append(self.clock())
            self.down[message[1]] += 1
        elif message[0] == NOTE_OFF:
            self.down[message[1]] -= 1

    def close(self) -> None:
        pass


class Counted(Improviser):
    """An improviser that remembers the onsets it gave [cells]."""

    onsets: list[int]

    def accept(self) -> None:
        note: PendingNote | None = self.pending
        super().commit()
        self.onsets.append(note.onset if note else 0)


def band() -> Counted:
    live = Controls(generate.UNCONSTRAINED)
    engine = streaming.Engine(model_io.load_model(model_io.BUNDLED / "expressive"))
    source = Counted(engine, live, generate.load_prompt(None), np.random.default_rng(0))
    source.onsets = []
    return source


def tell(player: Player, port: Stopwatch, source: Counted) -> None:
    """Print what is to be known."""
    begun = player.schedule.start_time
    late = [
        struck - begun - onset * GRID_SECONDS
        for struck, onset in zip(port.struck, sorted(source.onsets), strict=False)
    ]
    ends = [struck - begun for struck in port.struck]
    first = median(each for each, when in zip(late, ends, strict=True) if when < EDGE)
    last = median(each for each, when in zip(late, ends, strict=True) if when > ends[-1] - EDGE)
    print(f"{len(late):,} notes in {ends[-1]:,.1f} s; {player.schedule.latency}")
    print(f"drift {1000 * (last - first):.6f} ms, waits for the model {player.schedule.stalls}")
    print(f"stuck notes {sum(abs(count) for count in port.down.values())}")


def simulated(hours: float) -> None:
    """Play hours on a clock that waits for nobody."""
    clock, source = SimulatedClock(), band()
    port = Stopwatch(clock)

    def sleep(seconds: float) -> None:
        clock.sleep(seconds)
        player.stopping = clock() > hours * 3600

    player = Player(source, port, Recorder(), clock, sleep)
    player.run_offline()
    tell(player, port, source)


def burn() -> None:
    """Compute for ever."""
    while True:
        sum(range(10_000))


def real(seconds: float, burners: int) -> None:
    """Play in real time beside programs that compute all the time."""
    beside = [multiprocessing.Process(target=burn, daemon=True) for _ in range(burners)]
    for each in beside:
        each.start()
    source, port = band(), Stopwatch(time.monotonic)
    end = time.monotonic() + seconds

    def sleep(span: float) -> None:
        time.sleep(span)
        player.stopping = player.stopping or time.monotonic() > end

    player = Player(source, port, Recorder(), time.monotonic, sleep)
    with run.realtime_priority():
        player.run()
    tell(player, port, source)
    for each in beside:
        each.terminate()


if __name__ == "__main__":
    if sys.argv[1] == "simulated":
        simulated(float(sys.argv[2]))
    else:
        real(float(sys.argv[2]), int(sys.argv[3]))
