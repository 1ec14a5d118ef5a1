"""Turns that a person gives by hand or foot instead of by silence, and the hold of a turn."""

from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Literal

Turn = Literal["model", "person"]


class TurnSwitch:
    """What a person asked for; any thread may give a turn, and one takes the requests."""

    def __init__(self) -> None:
        """Start without a request and without hold."""
        self.requests: SimpleQueue[Turn] = SimpleQueue()
        self.is_held = False
        """Whether no turn begins or ends by itself."""

    def give_turn(self, turn: Turn) -> None:
        """Ask for the turn of the model or of the person."""
        self.requests.put(turn)

    def toggle_hold(self) -> bool:
        """Hold the turn, or let it go; return whether it is held."""
        self.is_held = not self.is_held
        return self.is_held

    def take_request(self) -> Turn | None:
        """Return the last request since the call before; None if there is none."""
        request = None
        with suppress(Empty):
            while True:
                request = self.requests.get_nowait()
        return request
