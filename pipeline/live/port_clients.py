"""Clients of rtmidi2, one for each sound system that runs.

A client of a server of JACK that stopped or hangs must not be used any more: its list of ports stays as it was, sending
waits for ever with the lock of Python, and closing it ends the process if the server was started again, or waits for ever
if it hangs. The end of the program would close it, so it is kept then.
"""

import ctypes
import weakref
from dataclasses import dataclass
from typing import Any

from pipeline.live import sound_systems

PORT_ERRORS = (RuntimeError, OSError, ValueError)
"""What rtmidi2 raises: RuntimeError of a driver, OSError of a port, ValueError of a number or message."""


@dataclass(frozen=True)
class PortClient:
    """A client of a sound system."""

    device: Any
    """The object of rtmidi2, MidiOut or MidiIn."""
    is_jack: bool
    """Whether the sound system is JACK."""

    @property
    def has_stopped(self) -> bool:
        """Whether the sound system stopped or hangs; then `device` must not be used."""
        if not self.is_jack:
            return False
        sound_systems.JACK.check_cycles()
        return sound_systems.JACK.has_stopped

    def list_port_names(self) -> list[str]:
        """Return the names of the ports; none if the sound system stopped. A port that goes away meanwhile has none."""
        if self.has_stopped:
            return []
        return [name for name in self.device.ports if name is not None]

    def close_port(self) -> None:
        """Close the port of the client, if it has one; a second call does nothing."""
        if self.is_jack:
            sound_systems.JACK.wait_for_cycle()
        if not self.has_stopped:
            self.device.close_port()


def make_clients(direction: str, client_name: str) -> list[PortClient]:
    """Return a client of each sound system that runs.

    Args:
        direction: name of a class of rtmidi2, MidiOut or MidiIn.
        client_name: what other programs see.

    Raises:
        PortError: rtmidi2 is not installed.
    """
    library = sound_systems.import_library()
    clients = []
    for system in sound_systems.list_systems(library):
        try:
            with sound_systems.quiet_stderr():
                device = getattr(library, direction)(client_name, api=system)
        except PORT_ERRORS:  # a sound system that just stopped is no fault
            continue
        client = PortClient(device, system == library.API_UNIX_JACK)
        weakref.finalize(client, keep_unusable, device, client.is_jack)
        clients.append(client)
    return clients


def keep_unusable(device: Any, is_jack: bool) -> None:
    """Never delete the device of a client that is not needed any more, if its sound system stopped."""
    if is_jack and sound_systems.JACK.has_stopped:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(device))
