"""A port that cannot be opened ends a child process and is one line; on a library made up here."""

import re

import pytest

from pipeline.live import port_trial
from pipeline.live.port_trial import PortError

LIBRARY = """
import os
import time

from pipeline.live import sound_systems

sound_systems.list_systems = lambda library: [2, 4]


API_UNIX_JACK = 4


class MidiOut:
    def __init__(self, name, api):
        self.ports = {2: ["Midi Through 0"], 4: ["synth", "busy", "silent", "slow"]}[api]

    def open_port(self, name):
        if name == "busy":
            os.write(2, b"\\nMidiOutWinMM::openPort: error\\n\\nterminate called\\n  what():  device in use\\n")
        if name in ("busy", "silent"):
            os._exit(134)
        if name == "slow":
            time.sleep(60)

    def close_port(self):
        with open("closed", "w"):
            pass
"""


@pytest.fixture
def library(in_folder, monkeypatch):
    (in_folder / "lib").mkdir()
    (in_folder / "lib/rtmidi2.py").write_text(LIBRARY)
    monkeypatch.syspath_prepend(in_folder / "lib")
    return in_folder


def test_a_port_that_opens_is_closed_again(library):
    port_trial.check_port("MidiOut", "synth")
    assert (library / "closed").exists()


@pytest.mark.parametrize(
    ("name", "reason"), [("busy", "device in use"), ("silent", "exit 134"), ("organ", "it is not")]
)
def test_a_port_that_ends_its_process_is_one_line_with_the_reason(library, name, reason):
    expected = rf"^{name}: the MIDI port cannot be opened \({reason}.*\); is another .*\?$"
    with pytest.raises(PortError, match=expected) as caught:
        port_trial.check_port("MidiOut", name)
    assert not re.search(r"[\r\n]", str(caught.value))


def test_a_port_that_never_opens_is_refused(library, monkeypatch):
    monkeypatch.setattr(port_trial, "TRIAL_SECONDS", 1.0)
    with pytest.raises(PortError, match=r"^slow: .* does not open within 1 s; connect it again$"):
        port_trial.check_port("MidiOut", "slow")


def test_a_folder_of_the_same_name_is_not_imported(library):
    (library / "pipeline").mkdir()
    (library / "pipeline/__init__.py").write_text("raise SystemExit('not this one')")
    port_trial.check_port("MidiOut", "synth")
