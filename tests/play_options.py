"""Options of a session of `play`, for tests."""

from typing import Any

from pipeline.live.run import PlayOptions

DEFAULTS: dict[str, Any] = {
    "midi_in": "",
    "mode": "solo",
    "prompt": None,
    "tempo": 1.0,
    "response_delay": 0.8,
    "seed": 0,
    "recording": None,
}


def play_options(**changes: Any) -> PlayOptions:
    """Return options of 20 notes to a file, with some of them changed."""
    return PlayOptions(**{"midi_out": "none", "num_notes": 20, **DEFAULTS, **changes})
