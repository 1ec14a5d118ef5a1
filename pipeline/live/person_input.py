"""The path of a message from the keyboard of a person: first the learned actions, then keys, pedal and knobs."""

from pipeline.live.active_keys import Message
from pipeline.live.keyboard import Keyboard
from pipeline.live.learned_actions import LearnedActions


class PersonInput:
    """Passes messages on; rtmidi calls it in a thread of its own."""

    def __init__(self, learned: LearnedActions, keyboard: Keyboard) -> None:
        """Connect the steps.

        Args:
            learned: actions of the preset.
            keyboard: takes all other messages.
        """
        self.learned = learned
        self.keyboard = keyboard

    def handle_message(self, message: Message) -> None:
        """Pass one message of three bytes on."""
        if not self.learned.handle_message(message):
            self.keyboard.handle_message(message)

    def release(self) -> None:
        """Release all keys and pedals: the keyboard is gone."""
        self.learned.release()
        self.keyboard.release()
