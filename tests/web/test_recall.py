"""The hints of a page beside those that models are trained with."""

import numpy as np
import pytest
from export.test_web_model import PLAYABLE
from factories import make_tiny_model
from playwright.sync_api import Page

from pipeline.export.web_model import make_web_model
from pipeline.notes.quantize import FEATURES, PITCH, QuantizedNotes
from pipeline.notes.recall import LEVEL, MATCH_LENGTHS, MAX_DISTANCE, NO_PITCH, compute_hints

pytestmark = pytest.mark.slow  # a browser
READ = """async ([blob, pieces]) => {
  const { PieceMemory } = await import("/recall.js");
  const memory = new PieceMemory(blob.recall, blob.features.find(({ name }) => name === "step").tokens);
  return pieces.map((notes) => {
    memory.reset();
    return notes.map((note) => memory.addNote(note));
  });
}"""


def make_wandering_notes(seed: int, count: int) -> QuantizedNotes:
    """Make notes [count, 5] on all keys, with runs that come back in other keys."""
    rng = np.random.default_rng(seed)
    runs = rng.integers(0, 12, (40, 36))
    lowest = rng.integers(0, 117, 1 + count // 36)
    notes = rng.integers(0, 1001, (count, len(FEATURES))).astype(np.int16)
    notes[:, PITCH] = (lowest[:, None] + runs[rng.integers(0, 40, len(lowest))]).ravel()[:count]
    return notes


def test_hints_are_those_of_the_whole_piece(script_page: Page) -> None:
    blob = make_web_model(make_tiny_model(**PLAYABLE, recall=True))
    pieces = [make_wandering_notes(1, MAX_DISTANCE + 1500), make_wandering_notes(2, 60)]
    hints = script_page.evaluate(READ, [blob, [notes.tolist() for notes in pieces]])
    expected = [compute_hints(notes[None])[0] for notes in pieces]
    for own, other in zip(hints, expected, strict=True):
        np.testing.assert_array_equal(own, other)
    assert set(expected[0][:, LEVEL]) == set(range(len(MATCH_LENGTHS) + 1))
    assert (expected[0][expected[0][:, LEVEL] > 0] == NO_PITCH).any()
