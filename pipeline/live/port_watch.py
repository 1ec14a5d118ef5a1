"""Notices that a MIDI port is gone, which no sound system reports.

Without its synthesizer the player ends, with an error of one line. A keyboard may come back: until then its keys count
as released, and the music goes on.
"""

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from pipeline.live.midi_ports import InputPort, PortError
from pipeline.live.player import Player

WATCH_SECONDS = 1.0
"""Seconds between two looks at the list of ports, which takes about a millisecond."""
JOIN_TIMEOUT = 5.0
"""Seconds that `stop` waits for a look at a sound system that hangs."""


class WatchedPort(Protocol):
    """A port that may go away."""

    @property
    def name(self) -> str:
        """Name of the port."""

    def is_present(self) -> bool:
        """Whether the port is still there."""


class PortWatch:
    """Looks at the ports of a player until it is stopped."""

    def __init__(
        self,
        player: Player,
        output: WatchedPort,
        keyboard: InputPort | None,
        log_message: Callable[[str], None],
    ) -> None:
        """Prepare.

        Args:
            player: ends when its output is gone.
            output: port of the synthesizer.
            keyboard: port of the keyboard, if there is one.
            log_message: takes a line for the person.
        """
        self.player = player
        self.output = output
        self.keyboard = keyboard
        self.log_message = log_message
        self.keyboard_missing = False
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)

    def start(self) -> None:
        """Watch in a thread."""
        self.thread.start()

    def stop(self) -> None:
        """Stop watching."""
        self.stopped.set()
        self.thread.join(JOIN_TIMEOUT)

    def _watch(self) -> None:
        """Look at the ports until stopped."""
        while not self.stopped.wait(WATCH_SECONDS):
            self.check_ports()

    def check_ports(self) -> None:
        """Look at both ports once."""
        if not self.output.is_present():
            self.player.stop_with_error(
                PortError(
                    f"the MIDI port {self.output.name!r} is gone; connect it and play again, see 'music-rnn ports'"
                )
            )
        if self.keyboard and self.keyboard_missing:
            self._reopen_keyboard(self.keyboard)
        elif self.keyboard and not self.keyboard.is_present():
            self.keyboard_missing = True
            self.player.release_keys()
            self.player.move_pedal(is_down=False)
            self.log_message(f"the MIDI port {self.keyboard.name!r} is gone; connect it again")

    def _reopen_keyboard(self, keyboard: InputPort) -> None:
        """Listen again if the keyboard is back."""
        with suppress(PortError):  # it may still be starting
            if keyboard.reopen():
                self.keyboard_missing = False
                self.log_message(f"the MIDI port {keyboard.name!r} is back")
