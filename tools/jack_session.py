"""Play with `music-rnn play` over JACK for some time and log what goes in and comes out.

Usage, with `jackd -d dummy` running: `python tools/jack_session.py 60 session.log 110`: seconds, the file of the log, and the
tempo of the clock in beats a minute (120 if it is not given).

This program is the clock, a keyboard with a pedal, and the synthesizer. Every PERIOD seconds it plays
a phrase with the pedal down; `play` responds on a beat, and passes the phrase on (MIDI thru). A line of the log is

    SECONDS in|out BYTES       of `play`: in is what it gets, out is what it sends; MIDI bytes in hexadecimal

Clock ticks are not logged, only beats, as `in f8`. The last lines are the figures.
"""

import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.live import sound_systems
from pipeline.live.active_keys import CONTROL_CHANGE, NOTE_OFF, NOTE_ON

DEFAULT_TEMPO = 120.0
"""Beats a minute."""
TICKS_PER_BEAT = 24
PERIOD = 4.0
"""Seconds from one phrase to the next."""
PITCHES = (100, 101, 102)
"""Of the phrase; the model rarely plays there."""
KEY_SECONDS = 0.2
PEDAL_SECONDS = 1.2
"""Seconds that the pedal is down in a phrase, longer than its keys."""
RESPONSE_DELAY = 0.6
START, TICK, SUSTAIN = 0xFA, 0xF8, 64
PLAY_OPTIONS = ("--mode", "call-response", "--quantize", "beat", "--midi-out", "virtual")
Event = tuple[float, str, tuple[int, ...]]


class Session:
    """The three ports, and all that was sent and received."""

    def __init__(self) -> None:
        self.library = sound_systems.import_library()
        self.system = self.library.API_UNIX_JACK
        self.clock = self._open_output("session-clock")
        self.keys = self._open_output("session-keys")
        self.synthesizer: Any = None
        self.events: list[Event] = []
        self.stopping = threading.Event()

    def _open_output(self, name: str) -> Any:
        output = self.library.MidiOut(name, api=self.system)
        output.open_virtual_port(name)
        return output

    def listen(self, seconds: float) -> None:
        """Connect to the port of `play` as soon as it is there."""
        self.synthesizer = self.library.MidiIn("session-synthesizer", api=self.system)
        self.synthesizer.callback = lambda message, _: self.log("out", message)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for number, name in enumerate(self.synthesizer.ports):
                if name.startswith("music-rnn:"):
                    self.synthesizer.open_port(number)
                    return
            time.sleep(0.1)
        raise SystemExit(f"no port of play within {seconds:g} s; does it run? See its messages")

    def log(self, direction: str, message: Sequence[int]) -> None:
        self.events.append((time.monotonic(), direction, tuple(message)))

    def send_key(self, *message: int) -> None:
        self.log("in", message)
        self.keys.send_message(message)

    def send_clock(self, tempo: float) -> None:
        """Send a clock of a tempo [beats a minute] until stopped, each tick at its deadline."""
        self.clock.send_message((START,))
        start, tick = time.monotonic(), 0
        while not self.stopping.is_set():
            deadline = start + tick * 60 / (tempo * TICKS_PER_BEAT)
            time.sleep(max(deadline - time.monotonic(), 0.0))
            self.clock.send_message((TICK,))
            if tick % TICKS_PER_BEAT == 0:
                self.log("in", (TICK,))
            tick += 1

    def play_phrase(self) -> None:
        """Play a phrase with the pedal down; the pedal comes up last."""
        self.send_key(CONTROL_CHANGE, SUSTAIN, 127)
        for pitch in PITCHES:
            self.send_key(NOTE_ON, pitch, 100)
            time.sleep(KEY_SECONDS)
            self.send_key(NOTE_OFF, pitch, 64)
        time.sleep(PEDAL_SECONDS - KEY_SECONDS * len(PITCHES))
        self.send_key(CONTROL_CHANGE, SUSTAIN, 0)
        time.sleep(PERIOD - PEDAL_SECONDS)


def find_times(events: list[Event], direction: str, status: int, number: int | None) -> list[float]:
    """Return the times [s] of messages of a status, and of a pitch or controller if one is given."""
    return [
        when
        for when, event_direction, message in events
        if event_direction == direction
        and message[0] & 0xF0 == status
        and number in (None, message[1])
    ]


def measure_phase(events: list[Event]) -> list[float]:
    """Return the distance [ms] of the first note of each response from the nearest beat."""
    beats = np.array([when for when, _, message in events if message == (TICK,)])
    pedal_ups = [when for when, _, message in events if message == (CONTROL_CHANGE, SUSTAIN, 0)]
    onsets = [
        when
        for when, direction, message in events
        if direction == "out" and message[0] & 0xF0 == NOTE_ON and message[1] not in PITCHES
    ]
    firsts = [
        min((o for o in onsets if up < o < up + PERIOD / 2), default=None) for up in pedal_ups
    ]
    return [float(np.abs(beats - first).min()) * 1000 for first in firsts if first is not None]


def measure_pedal(events: list[Event]) -> list[float]:
    """Return how long after its key [s] each note of the phrase ended; with the pedal that is when it comes up."""
    held = []
    for pitch in PITCHES:
        ends = np.array(find_times(events, "out", NOTE_OFF, pitch))
        for key_up in find_times(events, "in", NOTE_OFF, pitch):
            later = ends[ends > key_up - KEY_SECONDS]
            held += [float(later[0] - key_up)] if len(later) else []
    return held


def summarize(events: list[Event]) -> str:
    """Return the figures of a session."""
    phase, held = measure_phase(events), measure_pedal(events)
    ons = len(find_times(events, "out", NOTE_ON, None))
    offs = len(find_times(events, "out", NOTE_OFF, None))
    last_pedals = [m[2] for _, d, m in events if d == "out" and m[:2] == (CONTROL_CHANGE, SUSTAIN)]
    p50, p99 = np.percentile(phase, [50, 99]) if phase else (np.nan, np.nan)
    return (
        f"responses {len(phase)}; phase error p50 {p50:.1f} ms, p99 {p99:.1f} ms\n"
        f"note on {ons}, note off {offs}\n"
        f"pedal in {len(find_times(events, 'in', CONTROL_CHANGE, SUSTAIN))} messages; notes held "
        f"{np.min(held or [np.nan]):.2f} to {np.max(held or [np.nan]):.2f} s after their key\n"
        f"pedal out {len(last_pedals)} messages, the last {last_pedals[-1:]}\n"
    )


def format_events(events: list[Event]) -> str:
    """Return the lines of the log, in seconds from the first event."""
    start = events[0][0]
    return "".join(
        f"{when - start:9.4f} {direction:3} {bytes(message).hex(' ')}\n"
        for when, direction, message in events
    )


def run_session(seconds: float, tempo: float) -> list[Event]:
    """Play for some seconds with a clock of a tempo [beats a minute]; return all events in order of time."""
    session = Session()
    with tempfile.TemporaryDirectory() as folder:
        preset = Path(folder) / "thru.yaml"
        preset.write_text("thru: true\n", "utf-8")
        command = [sys.executable, "-m", "pipeline", "play", *PLAY_OPTIONS, "--preset", str(preset)]
        command += ["--midi-in", "session-keys", "--clock-in", "session-clock"]
        command += ["--response-delay", str(RESPONSE_DELAY)]
        with subprocess.Popen(command) as process:
            session.listen(120)
            time.sleep(3)  # play opens its inputs after its output, and must not miss Start
            clock = threading.Thread(target=session.send_clock, args=(tempo,), daemon=True)
            clock.start()
            time.sleep(2)
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                session.play_phrase()
            process.send_signal(signal.SIGINT)
            process.wait(30)
            time.sleep(0.5)
    session.stopping.set()
    clock.join()
    return sorted(session.events)


def main(seconds: float, log: Path, tempo: float = DEFAULT_TEMPO) -> None:
    """Play, write the log, print the figures."""
    if not sound_systems.JACK.is_running():
        raise SystemExit("no server of JACK runs; start one: jackd -d dummy")
    events = run_session(seconds, tempo)
    figures = summarize(events)
    log.write_text(format_events(events) + figures, "utf-8")
    print(figures, end="")


if __name__ == "__main__":
    main(float(sys.argv[1]), Path(sys.argv[2]), *map(float, sys.argv[3:4]))
