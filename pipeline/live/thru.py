"""MIDI thru: what a person plays sounds at the output too, at once and with the pedal applied.

It shares the queue of the player, so each note on has one note off although both may play the same pitch.
"""

from pipeline.live.human_keys import HumanKeys
from pipeline.live.player import Player


class Thru:
    """Keys and pedal of a person at the output; one thread calls it."""

    def __init__(self, player: Player) -> None:
        """Connect to the output of a player.

        Args:
            player: has the output, and ends if it fails.
        """
        self.player = player
        self.keys = HumanKeys()

    def note_on(self, pitch: int, velocity: int) -> None:
        """Start a note: pitch 0..127, velocity 1..127."""
        self.keys.take(pitch)
        self.keys.press(pitch, velocity, self.player.clock())
        self.player.stop_with_error(self.player.schedule.start_thru(pitch, velocity))

    def note_off(self, pitch: int) -> None:
        """Let a key up."""
        self._end_notes(self.keys.release(pitch, self.player.clock()))

    def release_keys(self) -> None:
        """Let all keys up."""
        self._end_notes(self.keys.release_all(self.player.clock()))

    def move_pedal(self, is_down: bool) -> None:
        """Move the sustain pedal."""
        self._end_notes(self.keys.move_pedal(is_down))

    def panic(self) -> None:
        """Count all notes as ended: the player has ended them."""
        self._end_notes(self.keys.stop())

    def _end_notes(self, pitches: list[int]) -> None:
        """End notes at the output."""
        for pitch in pitches:
            self.keys.take(pitch)
            self.player.stop_with_error(self.player.schedule.end_thru(pitch))
