"""Try to open a MIDI port in a child process, because rtmidi2 ends the process where it fails to open one.

It does not turn the C++ errors of `openPort` into errors of Python. The child is `python -m pipeline.live.port_trial
DIRECTION PORT_NAME`; it ends with code 0 if the port can be opened.
"""

import os
import subprocess
import sys

from pipeline.live.port_clients import make_clients
from pipeline.live.sound_systems import PortError

TRIAL_CLIENT_NAME = "music-rnn (trial)"
"""Name that other programs see for a moment."""
TRIAL_SECONDS = 10.0
"""Most seconds of a trial; one takes about 0.3."""


def check_port(direction: str, port_name: str) -> None:
    """Open and close a port in a child process.

    Args:
        direction: name of a class of rtmidi2, MidiOut or MidiIn.
        port_name: the whole name of the port.

    Raises:
        PortError: the port cannot be opened, or not within TRIAL_SECONDS.
    """
    command = [sys.executable, "-P", "-m", "pipeline.live.port_trial", direction, port_name]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    try:
        done = subprocess.run(
            command, capture_output=True, check=False, env=environment, timeout=TRIAL_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise PortError(
            f"{port_name}: the MIDI port does not open within {TRIAL_SECONDS:g} s; connect it again"
        ) from None
    if done.returncode:
        reason = _find_reason(done.stderr.decode(errors="replace")) or f"exit {done.returncode}"
        raise PortError(
            f"{port_name}: the MIDI port cannot be opened ({reason}); is another program using it?"
        )


def _find_reason(messages: str) -> str:
    """Return the last line that a process printed to standard error; empty if there is none."""
    lines = messages.split("\n")
    texts = [line.strip().removeprefix("what():").strip() for line in lines]
    return next((text for text in reversed(texts) if text), "")


def open_once(direction: str, port_name: str) -> None:
    """Open a port of this process and close it; arguments as of `check_port`.

    Raises:
        PortError: rtmidi2 is not installed, or there is no such port.
    """
    for client in make_clients(direction, TRIAL_CLIENT_NAME):
        if port_name in client.list_port_names():
            client.device.open_port(port_name)
            client.close_port()
            return
    raise PortError("it is not in the list of ports")


if __name__ == "__main__":
    try:
        open_once(sys.argv[1], sys.argv[2])
    except Exception as error:  # the parent reads one line
        sys.exit(str(error))
