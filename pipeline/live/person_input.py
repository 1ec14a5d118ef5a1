"""The path of a message from the keyboard of a person, step by step.

A message of the model that comes back is dropped (`echo_guard`), a learned one does its action (`learned_actions`), one of
another channel is dropped, and the others are keys, pedal and knobs (`keyboard`).
"""

from pipeline.live.active_keys import NOTE_ON, Message
from pipeline.live.echo_guard import EchoGuard
from pipeline.live.keyboard import Keyboard
from pipeline.live.learned_actions import LearnedActions
from pipeline.live.preset import Preset

MAX_VELOCITY = 127


def shape_velocity(velocity: int, exponent: float) -> int:
    """Return a velocity 1..127 after a curve: its share of 127 to the power of an exponent."""
    return max(round(MAX_VELOCITY * (velocity / MAX_VELOCITY) ** exponent), 1)


class PersonInput:
    """Passes messages on; rtmidi2 calls it in a thread of its own."""

    def __init__(
        self, preset: Preset, echo_guard: EchoGuard, learned: LearnedActions, keyboard: Keyboard
    ) -> None:
        """Connect the steps.

        Args:
            preset: channel and velocity curve.
            echo_guard: knows what was sent.
            learned: actions of the preset.
            keyboard: takes all other messages.
        """
        self.preset = preset
        self.echo_guard = echo_guard
        self.learned = learned
        self.keyboard = keyboard

    def handle_message(self, message: Message) -> None:
        """Pass one message of three bytes on."""
        if self.echo_guard.is_echo(message) or self.learned.handle_message(message):
            return
        channel = (message[0] & 0x0F) + 1
        if self.preset.channel_in in (None, channel):
            self.keyboard.handle_message(self._shape_message(message))

    def release(self) -> None:
        """Release all keys and pedals: the keyboard is gone."""
        self.learned.release()
        self.keyboard.release()

    def _shape_message(self, message: Message) -> Message:
        """Return a message with the velocity curve; only a note on has one."""
        status, number, value = message
        if status & 0xF0 != NOTE_ON or not value:
            return message
        return status, number, shape_velocity(value, self.preset.velocity_curve)
