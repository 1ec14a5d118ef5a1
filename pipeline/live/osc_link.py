"""Both directions of OSC in one session of `play`: opened before it, started with it, closed after it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Protocol

from pipeline.live import osc
from pipeline.live.active_keys import Port
from pipeline.live.controls import Controls
from pipeline.live.keyboard import Keyboard
from pipeline.live.osc_output import OscPort, OscSender, SurpriseSender
from pipeline.live.player import Player
from pipeline.models.model_io import TrainedModel


class Startable(Protocol):
    """Something that runs between `start` and `close`."""

    def start(self) -> None:
        """Start."""

    def close(self) -> None:
        """Stop."""


class OscLink:
    """The programs that are connected by OSC, if there are any."""

    def __init__(self, osc_in: str, osc_out: str, log_message: Callable[[str], None]) -> None:
        """Open the port to send to.

        Args:
            osc_in: `PORT` or `HOST:PORT` to listen on; empty for none.
            osc_out: the same of the program that gets messages; empty for none.
            log_message: takes a line for the person.

        Raises:
            ParamsError: a port is none.
            OscError: there is no such host.
        """
        self.in_address = osc.parse_address("--osc-in", osc_in) if osc_in else None
        self.sender = OscSender(osc.parse_address("--osc-out", osc_out)) if osc_out else None
        self.log_message = log_message

    def wrap_port(self, port: Port) -> Port:
        """Return a port whose notes are sent by OSC too, if a program gets them."""
        return OscPort(port, self.sender) if self.sender else port

    def describe_loss(self) -> str:
        """Return the end of a line about the messages that could not be sent; empty if there are none."""
        num_lost = self.sender.num_lost if self.sender else 0
        return f"; {num_lost:,} OSC messages not sent, check --osc-out" if num_lost else ""

    @contextmanager
    def connect(self, model: TrainedModel, player: Player, controls: Controls) -> Iterator[None]:
        """Pass messages on while the context is entered.

        Raises:
            OscError: the port to listen on cannot be opened.
        """
        with ExitStack() as stack:
            if self.sender:
                stack.callback(self.sender.close)
            for part in self._make_parts(model, player, controls):
                stack.callback(part.close)
                part.start()
            yield

    def _make_parts(
        self, model: TrainedModel, player: Player, controls: Controls
    ) -> Iterator[Startable]:
        """Yield what listens and what measures."""
        if self.in_address:
            keyboard = Keyboard(player, controls, self.log_message)
            yield osc.OscInput(self.in_address, keyboard.handle_message, controls, self.log_message)
        if self.sender:
            player.report_human_note = self.sender.send_human_note
            yield SurpriseSender(model, player.recorder, self.sender, player.sleep)
