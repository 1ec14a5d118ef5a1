"""Measure the phase error against a simulated MIDI clock: `PYTHONPATH=. python benchmarks/midi_clock.py [HOURS]`.

The clock has a jitter of σ 2 ms, holds a tempo, goes to another between 60 and 180 quarter notes a minute within 10 s
to 60 s, loses single ticks, and is silent for a second now and then while it holds a tempo. Ten hours take about half a
minute. The phase error is the time between a true tick and where the filter has it, right after that tick was received.
"""

import math
import sys
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from pipeline.live.midi_clock import TICK, TICKS_PER_BEAT, MidiClock

JITTER_SECONDS = 0.002
"""Standard deviation of the jitter."""
LOSS = 0.001
"""Share of the ticks that are lost one by one."""


class TrueTick(NamedTuple):
    """A tick as the clock has it: time [s], tempo [quarter notes/min], and whether it is sent."""

    time: float
    tempo: float
    is_sent: bool


class Segment(NamedTuple):
    """A tempo that goes from one value to another [quarter notes/min], linearly in time [s]."""

    seconds: float
    first_tempo: float
    last_tempo: float
    has_dropout: bool = False
    """Whether the ticks of the second in the middle are lost."""


def iterate_ticks(segments: list[Segment]) -> Iterator[TrueTick]:
    """Yield the ticks of a clock."""
    time, start = 0.0, 0.0
    for segment in segments:
        slope = (segment.last_tempo - segment.first_tempo) / segment.seconds
        middle = start + segment.seconds / 2
        while time < start + segment.seconds:
            tempo = segment.first_tempo + slope * (time - start)
            is_lost = segment.has_dropout and abs(time - middle) < 0.5
            yield TrueTick(time, tempo, not is_lost)
            time += _tick_seconds(tempo, slope)
        start += segment.seconds


def _tick_seconds(tempo: float, slope: float) -> float:
    """Return the time [s] of one tick from this tempo on: the tempo is linear, so its integral is a square."""
    ticks_per_second, change = (value * TICKS_PER_BEAT / 60 for value in (tempo, slope))
    # ticks_per_second * t + change * t^2 / 2 = 1
    return 2 / (ticks_per_second + math.sqrt(ticks_per_second**2 + 2 * change))


def make_segments(hours: float, rng: np.random.Generator) -> list[Segment]:
    """Draw a session: constant tempos, half of them with a dropout, and ramps between them."""
    segments, tempo, seconds = [], 120.0, 0.0
    while seconds < 3600 * hours:
        following = float(rng.uniform(60, 180))
        segments.append(Segment(float(rng.uniform(20, 60)), tempo, tempo, bool(rng.random() < 0.5)))
        segments.append(Segment(float(rng.uniform(10, 60)), tempo, following))
        seconds += segments[-1].seconds + segments[-2].seconds
        tempo = following
    return segments


def measure_phase_errors(
    segments: list[Segment], rng: np.random.Generator, loss: float = 0.0
) -> np.ndarray:
    """Return the phase errors [s] after each tick that is received, from the lock on."""
    clock, errors, received = MidiClock(), [], 0.0
    for number, tick in enumerate(iterate_ticks(segments)):
        if not tick.is_sent or rng.random() < loss:
            continue
        received = max(tick.time + float(rng.normal(0, JITTER_SECONDS)), received)
        clock.handle_message(received, (TICK,))
        position = clock.song_position(received)
        if position is not None:
            true_position = number + (received - tick.time) * tick.tempo * TICKS_PER_BEAT / 60
            errors.append((position - true_position) * 60 / (tick.tempo * TICKS_PER_BEAT))
    return np.array(errors)


def main(hours: float) -> None:
    """Measure and print."""
    rng = np.random.default_rng(0)
    errors = measure_phase_errors(make_segments(hours, rng), rng, LOSS)
    p50, p99, largest = 1000 * np.quantile(np.abs(errors), [0.5, 0.99, 1.0])
    drift = 1000 * errors[-1000:].mean()
    print(f"{hours:g} h, {len(errors):,} ticks, jitter {1000 * JITTER_SECONDS:g} ms")
    print(
        f"phase error p50 {p50:.2f}, p99 {p99:.2f}, max {largest:.2f}, at the end {drift:+.2f} ms"
    )


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 10.0)
