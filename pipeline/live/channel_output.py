"""The output of a preset: one channel for all messages, its program, and a guard that knows what was sent."""

from pipeline.live.active_keys import Message
from pipeline.live.echo_guard import EchoGuard
from pipeline.live.midi_ports import OutputPort

PROGRAM_CHANGE = 0xC0


class ChannelOutput:
    """A port that sends messages of channel 1 on another one."""

    def __init__(self, port: OutputPort, channel: int, echo_guard: EchoGuard) -> None:
        """Prepare.

        Args:
            port: takes the messages.
            channel: 1..16.
            echo_guard: gets each message before it is sent.
        """
        self.port = port
        self.channel = channel
        self.echo_guard = echo_guard

    def choose_program(self, program: int) -> None:
        """Choose a program, 0..127, of the channel."""
        self.port.send((PROGRAM_CHANGE | (self.channel - 1), program))

    def send(self, message: Message) -> None:
        """Send one message immediately."""
        status, number, value = message
        moved = status | (self.channel - 1), number, value
        self.echo_guard.add_sent(moved)
        self.port.send(moved)

    def close(self) -> None:
        """Close the port."""
        self.port.close()
