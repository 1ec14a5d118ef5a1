"""The tempo of a person without a clock: shown in the terminal, and where responses begin with --quantize.

The speed of the model does not follow it: of a rhythm alone nobody can tell whether its beat is a quarter or an eighth
note, and the music would double its speed where the estimate does.
"""

from collections import deque
from collections.abc import Callable

from pipeline.live.beat_tracking import Beat, estimate_beat

STALE_SECONDS = 12.0
"""Seconds after the last beat from which its phase is not known any more."""
SAME_TEMPO = 0.04
"""Relative difference of tempos that count as one."""


class PersonTempo:
    """The beat of a person's last notes; the thread that draws asks for beats, another one reports."""

    def __init__(self, onsets: deque[float], log_message: Callable[[str], None]) -> None:
        """Start without a beat.

        Args:
            onsets: clock times of the last notes [s], to which the player adds.
            log_message: takes a line for the person.
        """
        self.onsets = onsets
        self.log_message = log_message
        self.estimate: tuple[float, Beat | None] = (-1.0, None)
        """The last onset of an estimate, and its beat."""
        self.previous_tempo = 0.0
        """Tempo of the last report [beats per minute], shown or not; 0 without a beat."""
        self.shown_tempo = 0.0

    def find_beat(self) -> Beat | None:
        """Return the beat of the last notes; it is estimated once for each note."""
        onsets = list(self.onsets)
        if not onsets:
            return None
        last_onset, beat = self.estimate
        if last_onset != onsets[-1]:
            beat = estimate_beat(onsets)
            self.estimate = onsets[-1], beat
        return beat

    def find_next_beat(self, time: float, multiple: int) -> float | None:
        """Return the first beat at or after a clock time [s] whose number in the phrase is a multiple; None without."""
        beat = self.find_beat()
        if beat is None or time - beat.time > STALE_SECONDS:
            return None
        return beat.find_next(time, multiple)

    def report(self) -> None:
        """Show the tempo if it is new and two reports agree on it."""
        beat = self.find_beat()
        tempo = beat.beats_per_minute if beat else 0.0
        if tempo and _is_same(tempo, self.previous_tempo) and not _is_same(tempo, self.shown_tempo):
            self.shown_tempo = tempo
            self.log_message(f"your tempo: {tempo:.0f} beats a minute")
        self.previous_tempo = tempo


def _is_same(tempo: float, other: float) -> bool:
    """Whether two tempos count as one."""
    return abs(tempo - other) <= SAME_TEMPO * tempo
