"""A keyboard or a clock that is unplugged during a session of `play`, and plugged in again."""

import os
import signal
import threading
import time

import pytest
from factories import CARRIED, UNCONSTRAINED, make_tiny_model
from fake_port import FakeKeyboard, Wire, check

from pipeline.live import midi_ports, port_watch
from pipeline.live.active_keys import NOTE_OFF, NOTE_ON
from pipeline.live.midi_clock import STOP
from pipeline.live.preset import Preset
from pipeline.live.recorder import HUMAN
from pipeline.live.run import PlayOptions, run_player

DEADLINE = 10.0
"""Most seconds that a step of a session takes."""
LOW, HIGH = 21, 108
"""Pitches of the person; the model may play there too, so each has a velocity of its own."""
LOW_ON, HIGH_ON = (NOTE_ON, LOW, 3), (NOTE_ON, HIGH, 5)


class Session:
    """A session of `play` with ports made up here, and what happens during it."""

    def __init__(self, monkeypatch):
        self.lines = []
        self.wire = Wire(clock=time.monotonic)
        self.input = FakeKeyboard()
        self.player = None
        monkeypatch.setattr(port_watch, "WATCH_SECONDS", 0.01)
        monkeypatch.setattr(midi_ports, "open_output", lambda name: self.wire)
        for name in ("open_input", "open_clock"):
            monkeypatch.setattr(midi_ports, name, self.open_input)

    def open_input(self, name, handler):
        self.input.handler = handler
        return self.input

    def run(self, act, **options):
        """Play while `act` runs in another thread, and end after it."""

        is_done = []

        def act_and_stop():
            try:
                act()
                is_done.append(True)
            finally:
                os.kill(os.getpid(), signal.SIGINT)

        actor = threading.Thread(target=act_and_stop)
        actor.start()
        defaults = {
            "midi_out": "synth",
            "midi_in": "",
            "mode": "solo",
            "prompt": None,
            "tempo": 4.0,
        }
        defaults |= {"num_notes": 0, "response_delay": 0.8, "seed": 0, "recording": None}
        all_options = PlayOptions(**{**defaults, **options})
        self.player = run_player(
            make_tiny_model(**CARRIED), UNCONSTRAINED, all_options, self.lines.append
        )
        actor.join()
        assert is_done, self.lines

    def unplug(self):
        self.input.present = False
        wait_until(lambda: any("is gone" in line for line in self.lines))

    def plug_in(self):
        self.input.present = True
        wait_until(lambda: any("is back" in line for line in self.lines))

    def hear_model(self):
        """Wait until the model plays one more note."""
        num_sent = len(self.wire.sent)
        wait_until(lambda: any(is_of_model(message) for message in self.wire.sent[num_sent:]))


def is_of_model(message):
    return message[0] == NOTE_ON and message not in (LOW_ON, HIGH_ON)


def wait_until(is_done):
    end = time.monotonic() + DEADLINE
    while not is_done():
        assert time.monotonic() < end
        time.sleep(0.005)


@pytest.fixture
def session(monkeypatch, in_folder):
    return Session(monkeypatch)


def test_an_unplugged_keyboard_releases_its_keys_and_is_heard_again(session):
    def act():
        session.hear_model()
        session.input.handler((0xB0, 64, 127))
        session.input.handler(LOW_ON)
        session.unplug()
        session.hear_model()
        session.plug_in()
        session.input.handler(HIGH_ON)
        session.input.handler((NOTE_OFF, HIGH, 0))
        session.hear_model()

    session.run(act, midi_in="keys", preset=Preset(thru=True))
    sent = session.wire.sent
    check(sent)
    low_on, high_on = sent.index(LOW_ON), sent.index(HIGH_ON)
    assert (NOTE_OFF, LOW, 64) in sent[low_on:high_on]
    assert (NOTE_OFF, HIGH, 64) in sent[high_on:]
    assert session.player.recorder.collect_notes(HUMAN)["pitch"].tolist() == [LOW, HIGH]
    watched = [line for line in session.lines if "the MIDI port" in line]
    assert watched == [
        "the MIDI port 'keys' is gone; connect it again",
        "the MIDI port 'keys' is back",
    ]
    assert (session.input.num_opened, session.input.closed) == (2, 1)


def test_the_model_rests_for_no_clock_that_is_unplugged_and_again_when_it_is_back(session):
    notes_while_stopped = []

    def act():
        session.hear_model()
        session.input.handler((STOP,))
        time.sleep(0.2)
        num_sent = len(session.wire.sent)
        time.sleep(0.2)
        notes_while_stopped.extend(session.wire.sent[num_sent:])
        session.unplug()
        session.hear_model()
        session.plug_in()
        session.input.handler((STOP,))

    session.run(act, clock_in="drums")
    assert notes_while_stopped == []
    assert session.player.source.time_keeper.is_stopped
    assert (session.input.num_opened, session.input.closed) == (2, 1)
