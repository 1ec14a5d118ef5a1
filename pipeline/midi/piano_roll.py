"""A piano roll: time across, pitch up, loudness as colour.

Shapes: N notes.
"""

import io
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from pipeline.core import files
from pipeline.notes.note import Notes

INCHES_PER_SECOND = 0.28
WIDTH_RANGE = (6.0, 24.0)
"""Narrowest and widest picture [inches]."""


def save_piano_roll(notes: Notes, title: str, prompt_length: int, path: Path) -> None:
    """Write a PNG; equal notes give equal bytes.

    Args:
        notes: [N], at least one.
        title: stands above.
        prompt_length: how many of the first notes were given, shown in grey.
        path: where the picture goes.
    """
    seconds = float((notes["onset"] + notes["duration"]).max())
    figure = Figure(
        figsize=(float(np.clip(seconds * INCHES_PER_SECOND, *WIDTH_RANGE)), 3.6),
        layout="constrained",
    )
    axes = figure.add_subplot()
    corners = np.stack([_compute_corner_times(notes), _compute_corner_pitches(notes)], axis=-1)
    colours = notes["velocity"].astype(float)
    axes.add_collection(PolyCollection(list(corners[:prompt_length]), facecolors="0.65"))
    rest = PolyCollection(
        list(corners[prompt_length:]), array=colours[prompt_length:], cmap="viridis", clim=(1, 127)
    )
    axes.add_collection(rest)
    axes.set_xlim(float(notes["onset"].min()) - 0.2, seconds + 0.2)
    octaves = np.arange(12, 128, 12)
    axes.set_yticks(octaves, [f"C{octave // 12 - 1}" for octave in octaves])
    # After the ticks, which widen the limits to hold them all.
    axes.set_ylim(int(notes["pitch"].min()) - 2, int(notes["pitch"].max()) + 3)
    axes.grid(axis="y", alpha=0.3)
    axes.set_xlabel("seconds")
    axes.set_title(title, fontsize=10, parse_math=False)
    figure.colorbar(rest, ax=axes, label="velocity", pad=0.01)
    buffer = io.BytesIO()
    FigureCanvasAgg(figure).print_png(buffer, metadata={"Software": None})
    files.write_bytes(path, buffer.getvalue())


def _compute_corner_times(notes: Notes) -> np.ndarray:
    """Return the times [N, 4] of the corners of each note."""
    end = notes["onset"] + notes["duration"]
    return np.stack([notes["onset"], end, end, notes["onset"]], axis=1)


def _compute_corner_pitches(notes: Notes) -> np.ndarray:
    """Return the heights [N, 4] of the corners of each note."""
    low, high = notes["pitch"] - 0.45, notes["pitch"] + 0.45
    return np.stack([low, low, high, high], axis=1)
