"""When notes end under the pedal of a model: in a page as in the player."""

import numpy as np
import pytest
from fake_port import Wire
from playwright.sync_api import Page

from pipeline.live.note_source import PendingNote
from pipeline.live.recorder import Recorder
from pipeline.live.scheduler import Schedule
from pipeline.live.timeline import SimulatedClock

pytestmark = pytest.mark.slow  # a browser
ADD = """async (notes) => {
  const { Sustain } = await import("/sustain.js");
  const ended = [];
  const sustain = new Sustain(({ pitch, onset }, time) => ended.push([pitch, onset, time]));
  for (const [onset, duration, pitch, pedal] of notes) {
    sustain.settle(onset - 0.005); // as a page does before it knows the note
    sustain.add({ pitch, onset, keyUp: onset + duration }, pedal);
  }
  sustain.settle(1e6);
  return ended;
}"""
CLEAR = """async () => {
  const { Sustain } = await import("/sustain.js");
  const ended = [];
  const sustain = new Sustain(({ pitch }, time) => ended.push([pitch, time]));
  sustain.add({ pitch: 60, onset: 0, keyUp: 0.1 }, 2);
  sustain.clear();
  sustain.add({ pitch: 62, onset: 1, keyUp: 1.5 }, 0);
  sustain.settle(9);
  return ended;
}"""


def make_pending_notes(seed: int, count: int) -> list[PendingNote]:
    """Make notes on few keys whose pedal moves, with rests longer than a pedal holds notes."""
    rng = np.random.default_rng(seed)
    steps = rng.choice([0, 4, 20, 60, 700], count, p=[0.2, 0.3, 0.3, 0.15, 0.05])
    pedals = rng.choice([0, 1, 2], count, p=[0.2, 0.6, 0.2])
    # Onsets are even and ends odd: no rounding decides which is first.
    durations, pitches = 1 + 2 * rng.integers(0, 75, count), rng.integers(60, 72, count)
    velocities = np.full(count, 80)
    table = np.column_stack([steps.cumsum(), durations, pitches, velocities, pedals])
    return [PendingNote(*row) for row in table.tolist()]


def play_notes(notes: list[PendingNote]) -> list[tuple[int, float, float]]:
    """Return pitch, onset and end [s] of notes as the player sounds them."""
    clock = SimulatedClock(0.0)
    schedule = Schedule(Wire(clock=clock), Recorder(), clock)
    for note in notes:
        schedule.enqueue(note)
    while not schedule.is_idle:
        clock.sleep(schedule.send_due())
    rows = schedule.recorder.collect_notes().tolist()
    return [(pitch, onset, onset + duration) for onset, duration, pitch, *_ in rows]


def test_notes_end_when_the_player_ends_them(script_page: Page) -> None:
    notes = make_pending_notes(1, 400)
    rows = [[note.onset / 100, note.duration / 100, note.pitch, note.pedal] for note in notes]
    ended, expected = script_page.evaluate(ADD, rows), play_notes(notes)
    assert len(ended) == len(expected) == len(notes)
    np.testing.assert_allclose(sorted(map(tuple, ended)), sorted(expected), atol=2e-3)
    held = [note.duration / 100 for note in notes]
    assert sum(end - onset for _, onset, end in ended) > 1.5 * sum(held)


def test_what_is_cleared_has_no_end_and_no_pedal(script_page: Page) -> None:
    assert script_page.evaluate(CLEAR) == [[62, 1.5]]
