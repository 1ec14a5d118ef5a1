"""A MIDI file that the model continues, as the page draws it.

Shapes: N notes.
"""

from typing import Any

from pipeline.notes.note import Notes

MAX_PROMPT_NOTES = 512
"""Notes of a file that the model reads, the last."""


def describe_prompt(notes: Notes) -> dict[str, Any]:
    """Return the length of a file, and the notes that the model reads.

    Args:
        notes: [N] of the whole file, at least one.

    Returns:
        `notes` and `seconds` of the whole file, `read_seconds` of the part that the model reads, and that part as `roll`:
        onset [s] from its first note, duration [s] and pitch of each note. Seconds are from the first onset to the last end.
    """
    read = notes[-MAX_PROMPT_NOTES:]
    columns = zip(read["onset"] - read["onset"][0], read["duration"], read["pitch"], strict=True)
    return {
        "notes": len(notes),
        "seconds": _measure_length(notes),
        "read_seconds": _measure_length(read),
        "roll": [
            [round(float(onset), 3), round(float(duration), 3), int(pitch)]
            for onset, duration, pitch in columns
        ],
    }


def _measure_length(notes: Notes) -> float:
    """Return the seconds from the first onset to the last end."""
    end = (notes["onset"] + notes["duration"]).max()
    return round(float(end - notes["onset"][0]), 3)
