"""Notices that a MIDI port is gone, which no sound system reports.

Without its synthesizer, or the port that gets its MIDI clock, the player ends, with an error of one line. An input may
come back: until then the keys of a keyboard count as released, a MIDI clock counts as lost, and the music goes on.
"""

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from pipeline.live.midi_ports import InputPort, PortError
from pipeline.live.player import Player
from pipeline.live.worker import Worker

WATCH_SECONDS = 1.0
"""Seconds between two looks at the list of ports, which takes about a millisecond."""


class WatchedPort(Protocol):
    """A port that may go away."""

    @property
    def name(self) -> str:
        """Name of the port."""

    def is_present(self) -> bool:
        """Whether the port is still there."""


@dataclass
class WatchedInput:
    """An input that may go away and come back."""

    port: InputPort
    handle_loss: Callable[[], None]
    """Called when the port is gone."""
    is_missing: bool = False


class PortWatch:
    """Looks at the ports of a player until it is stopped."""

    def __init__(
        self,
        player: Player,
        outputs: Sequence[WatchedPort],
        inputs: Sequence[WatchedInput],
        log_message: Callable[[str], None],
    ) -> None:
        """Prepare.

        Args:
            player: ends when one of its outputs is gone.
            outputs: ports of the synthesizer and of the clock that is sent, if there is one.
            inputs: ports of keyboard and clock, if there are any.
            log_message: takes a line for the person.
        """
        self.player = player
        self.outputs = outputs
        self.inputs = inputs
        self.log_message = log_message
        self.reports: list[Callable[[], None]] = []
        """Called after each look."""
        self.stopped = threading.Event()
        self.worker = Worker(self._watch)

    def start(self) -> None:
        """Watch in a thread."""
        self.worker.start()

    def stop(self) -> None:
        """Stop watching."""
        self.stopped.set()
        self.worker.join()

    def _watch(self) -> None:
        """Look at the ports until stopped."""
        while not self.stopped.wait(WATCH_SECONDS):
            self.check_ports()
            for report in self.reports:
                report()

    def check_ports(self) -> None:
        """Look at all ports once."""
        for output in self.outputs:
            if not output.is_present():
                self.player.stop_with_error(
                    PortError(
                        f"the MIDI port {output.name!r} is gone; connect it and play again, see 'music-rnn ports'"
                    )
                )
        for watched in self.inputs:
            self._check_input(watched)

    def _check_input(self, watched: WatchedInput) -> None:
        """Look at an input once."""
        if watched.is_missing:
            self._reopen_input(watched)
        elif not watched.port.is_present():
            watched.is_missing = True
            watched.handle_loss()
            self.log_message(f"the MIDI port {watched.port.name!r} is gone; connect it again")

    def _reopen_input(self, watched: WatchedInput) -> None:
        """Listen again if an input is back."""
        with suppress(PortError):  # it may still be starting
            if watched.port.reopen():
                watched.is_missing = False
                self.log_message(f"the MIDI port {watched.port.name!r} is back")
