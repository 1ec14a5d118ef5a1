"""MIDI messages of a person's keyboard: keys and pedal go to the player, knobs to the controls.

Some keyboards send "all notes off" (123) whenever their last key comes up. So 123, and 124 to 127 that imply it, release
the person's keys only; "all sound off" (120) silences the model too. "Reset all controllers" (121) lets the pedal up.

Source: MIDI 1.0 detailed specification, table of controller numbers; RP-015 for 121.
"""

from collections.abc import Callable
from typing import Protocol

from pipeline.live.active_keys import CONTROL_CHANGE, NOTE_OFF, NOTE_ON, Message
from pipeline.live.controls import Controls
from pipeline.live.player import Player
from pipeline.live.thru import Thru
from pipeline.midi.sustain import PEDAL_DOWN, SUSTAIN_CC

ALL_SOUND_OFF, RESET_CONTROLLERS, ALL_NOTES_OFF = 120, 121, 123
DRUM_CHANNEL = 9
"""Channel 10 if counted from 1: its notes are drums."""


class KeyTarget(Protocol):
    """Takes what a person plays."""

    def note_on(self, pitch: int, velocity: int) -> None:
        """Press a key: pitch 0..127, velocity 1..127."""

    def note_off(self, pitch: int) -> None:
        """Let a key up."""

    def release_keys(self) -> None:
        """Let all keys up."""

    def move_pedal(self, is_down: bool) -> None:
        """Move the sustain pedal."""

    def panic(self) -> None:
        """End all sound."""


class Keyboard:
    """Passes messages on; rtmidi2 calls it in a thread of its own."""

    def __init__(
        self,
        player: Player,
        controls: Controls,
        log_message: Callable[[str], None],
        thru: Thru | None = None,
    ) -> None:
        """Connect a keyboard to a player.

        Args:
            player: takes keys and pedal.
            controls: take knobs.
            log_message: takes a line for the person.
            thru: takes keys and pedal too, before the player.
        """
        self.targets: list[KeyTarget] = [thru, player] if thru else [player]
        self.controls = controls
        self.log_message = log_message
        self.drums_reported = False

    def handle_message(self, message: Message) -> None:
        """Pass one message of three bytes on."""
        status, number, value = message
        message_type, channel = status & 0xF0, status & 0x0F
        if channel == DRUM_CHANNEL and message_type in (NOTE_ON, NOTE_OFF):
            self._report_drums()
        elif message_type == NOTE_ON and value:
            for target in self.targets:
                target.note_on(number, value)
        elif message_type in (NOTE_ON, NOTE_OFF):
            for target in self.targets:
                target.note_off(number)
        elif message_type == CONTROL_CHANGE:
            self._handle_control_change(channel, number, value)

    def release(self) -> None:
        """Release all keys and the pedal: the keyboard is gone."""
        self._release_keys()
        self._move_pedal(is_down=False)

    def _report_drums(self) -> None:
        """Log once that drums are ignored."""
        if not self.drums_reported:
            self.drums_reported = True
            self.log_message("notes on channel 10 (drum pads) are ignored; play on another channel")

    def _handle_control_change(self, channel: int, number: int, value: int) -> None:
        """Pass a control change on; of channel 10 only those that are not about its notes."""
        if number == ALL_SOUND_OFF:
            for target in self.targets:
                target.panic()
        elif number == SUSTAIN_CC or number >= RESET_CONTROLLERS:
            if channel != DRUM_CHANNEL:
                self._move_keys_or_pedal(number, value)
        else:
            self.controls.control_change(number, value)

    def _move_keys_or_pedal(self, number: int, value: int) -> None:
        """Move the pedal or release all keys."""
        if number == SUSTAIN_CC:
            self._move_pedal(value >= PEDAL_DOWN)
        elif number == RESET_CONTROLLERS:
            self._move_pedal(is_down=False)
        elif number >= ALL_NOTES_OFF:
            self._release_keys()

    def _move_pedal(self, is_down: bool) -> None:
        """Move the pedal of all targets."""
        for target in self.targets:
            target.move_pedal(is_down)

    def _release_keys(self) -> None:
        """Release the keys of all targets."""
        for target in self.targets:
            target.release_keys()
