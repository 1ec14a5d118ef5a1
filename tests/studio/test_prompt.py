"""A prompt has a length, and the part of it that the model reads has notes to draw."""

import numpy as np

from pipeline.notes.note import make_notes
from pipeline.studio.prompt import MAX_PROMPT_NOTES, describe_prompt


def test_a_short_file_is_drawn_as_a_whole() -> None:
    notes = make_notes([2.0, 3.0, 3.5], [4.0, 0.5, 0.5], [60, 64, 67], [80, 80, 80])
    assert describe_prompt(notes) == {
        "notes": 3,
        "seconds": 4.0,  # the first note is the last to end
        "read_seconds": 4.0,
        "roll": [[0.0, 4.0, 60], [1.0, 0.5, 64], [1.5, 0.5, 67]],
    }


def test_of_a_long_file_the_end_is_drawn() -> None:
    count = MAX_PROMPT_NOTES + 100
    onsets = np.arange(count, dtype=float)
    notes = make_notes(onsets, np.full(count, 0.5), np.full(count, 60), np.full(count, 80))
    described = describe_prompt(notes)
    assert (described["notes"], described["seconds"]) == (count, count - 0.5)
    assert len(described["roll"]) == MAX_PROMPT_NOTES
    assert described["read_seconds"] == MAX_PROMPT_NOTES - 0.5
    assert described["roll"][0] == [0.0, 0.5, 60]
