"""A piano roll as PNG: time from left to right, pitch upward, velocity as color.

Shapes: N notes.
"""

import io
import math
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageFont

from pipeline.core import files
from pipeline.notes.note import Notes
from pipeline.notes.theory import pitch_name

HEIGHT = 360
"""[pixels]"""
MIN_WIDTH, MAX_WIDTH = 600, 2400
"""[pixels]"""
PIXELS_PER_SECOND = 28
"""In pictures that are neither of the least nor of the greatest width."""
MARGIN_LEFT, MARGIN_TOP, MARGIN_RIGHT, MARGIN_BOTTOM = 48, 30, 86, 44
"""Around the notes [pixels]."""
MARGIN_SECONDS = 0.2
"""Time before the first onset and after the last end [s]."""
MIN_TICK_PIXELS = 60
"""Least distance of labels of the time axis [pixels]."""
SECONDS_PER_TICK = (0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600)

Color = tuple[int, int, int]
WHITE: Color = (255, 255, 255)
BLACK: Color = (0, 0, 0)
GRID_COLOR: Color = (216, 216, 216)
PROMPT_COLOR: Color = (166, 166, 166)
VELOCITY_COLORS: tuple[Color, ...] = (
    (68, 1, 84),
    (59, 82, 139),
    (33, 145, 140),
    (94, 201, 98),
    (253, 231, 37),
)
"""Five colors of viridis, for velocities from 1 to 127; colors between them are interpolated."""
TITLE_FONT_SIZE, LABEL_FONT_SIZE = 14, 12
"""[pixels]"""


class PlotArea(NamedTuple):
    """Where the notes are drawn, and what its edges stand for."""

    width: int
    """Of the whole picture [pixels]."""
    start: float
    """Time of the left edge [s]."""
    end: float
    """Time of the right edge [s]."""
    min_pitch: int
    """The lowest row."""
    max_pitch: int
    """The highest row."""

    @property
    def right(self) -> int:
        """Right edge [pixels]."""
        return self.width - MARGIN_RIGHT

    @property
    def bottom(self) -> int:
        """Lower edge [pixels]."""
        return HEIGHT - MARGIN_BOTTOM

    @property
    def row_height(self) -> float:
        """Height of the row of one pitch [pixels]."""
        return (self.bottom - MARGIN_TOP) / (self.max_pitch - self.min_pitch + 1)

    def time_to_x(self, seconds: float) -> float:
        """Return the position of a time [pixels]."""
        share = (seconds - self.start) / (self.end - self.start)
        return MARGIN_LEFT + share * (self.right - MARGIN_LEFT)

    def pitch_to_y(self, pitch: int) -> float:
        """Return the middle of the row of a pitch [pixels]."""
        return self.bottom - (pitch - self.min_pitch + 0.5) * self.row_height


def save_piano_roll(notes: Notes, title: str, prompt_length: int, path: Path) -> None:
    """Write a PNG; equal notes give equal bytes.

    Args:
        notes: [N], at least one.
        title: text above the notes.
        prompt_length: number of notes of the prompt, the first ones, which are drawn in gray.
        path: the file to write.
    """
    area = _make_plot_area(notes)
    image = Image.new("RGB", (area.width, HEIGHT), WHITE)
    draw = ImageDraw.Draw(image)
    _draw_pitch_axis(draw, area)
    _draw_time_axis(draw, area)
    _draw_notes(draw, area, notes, prompt_length)
    frame = (MARGIN_LEFT, MARGIN_TOP, area.right, area.bottom)
    draw.rectangle(frame, outline=BLACK)
    _draw_color_scale(draw, area)
    center = (MARGIN_LEFT + area.right) / 2
    _draw_text(draw, (center, MARGIN_TOP / 2), title, "mm", TITLE_FONT_SIZE)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    files.write_bytes(path, buffer.getvalue())


def _make_plot_area(notes: Notes) -> PlotArea:
    """Fit time and pitch to the notes."""
    start = float(notes["onset"].min()) - MARGIN_SECONDS
    end = float((notes["onset"] + notes["duration"]).max()) + MARGIN_SECONDS
    width = MARGIN_LEFT + MARGIN_RIGHT + round((end - start) * PIXELS_PER_SECOND)
    width = min(max(width, MIN_WIDTH), MAX_WIDTH)
    return PlotArea(width, start, end, int(notes["pitch"].min()) - 2, int(notes["pitch"].max()) + 2)


def _draw_pitch_axis(draw: ImageDraw.ImageDraw, area: PlotArea) -> None:
    """Draw a line and a label at each C, or at the lowest and highest note where there is no C."""
    pitches = range(max(area.min_pitch, 0), min(area.max_pitch, 127) + 1)
    labeled = [pitch for pitch in pitches if pitch % 12 == 0]
    for pitch in labeled or sorted({area.min_pitch + 2, area.max_pitch - 2}):
        y = area.pitch_to_y(pitch)
        draw.line((MARGIN_LEFT, y, area.right, y), GRID_COLOR)
        _draw_text(draw, (MARGIN_LEFT - 6, y), pitch_name(pitch), "rm")


def _draw_time_axis(draw: ImageDraw.ImageDraw, area: PlotArea) -> None:
    """Draw ticks with labels, and the unit."""
    for seconds in _list_time_ticks(area):
        x = area.time_to_x(seconds)
        draw.line((x, area.bottom, x, area.bottom + 4), BLACK)
        _draw_text(draw, (x, area.bottom + 6), f"{seconds:g}", "mt")
    center = (MARGIN_LEFT + area.right) / 2
    _draw_text(draw, (center, HEIGHT - 4), "time [s]", "mb")


def _list_time_ticks(area: PlotArea) -> Iterator[float]:
    """Yield the times of ticks [s], so far apart that their labels do not touch."""
    least = MIN_TICK_PIXELS * (area.end - area.start) / (area.right - MARGIN_LEFT)
    spacing = next((step for step in SECONDS_PER_TICK if step >= least), math.ceil(least))
    first = math.ceil(area.start / spacing)
    last = math.floor(area.end / spacing)
    for index in range(max(first, 0), last + 1):
        yield index * spacing


def _draw_notes(
    draw: ImageDraw.ImageDraw, area: PlotArea, notes: Notes, prompt_length: int
) -> None:
    """Draw a bar for each note, later notes over earlier ones."""
    half_height = max(0.45 * area.row_height, 1)
    for index, (onset, duration, pitch, velocity, _) in enumerate(notes.tolist()):
        left = area.time_to_x(onset)
        right = max(area.time_to_x(onset + duration), left + 1)
        y = area.pitch_to_y(pitch)
        color = PROMPT_COLOR if index < prompt_length else _velocity_color(velocity)
        draw.rectangle((left, y - half_height, right, y + half_height), fill=color)


def _draw_color_scale(draw: ImageDraw.ImageDraw, area: PlotArea) -> None:
    """Draw the colors of the velocities from 1 at the bottom to 127 at the top."""
    left, right = area.right + 12, area.right + 24
    height = area.bottom - MARGIN_TOP
    for y in range(MARGIN_TOP, area.bottom + 1):
        velocity = 1 + 126 * (area.bottom - y) / height
        draw.line((left, y, right, y), _velocity_color(velocity))
    for velocity in (1, 64, 127):
        y = round(area.bottom - (velocity - 1) / 126 * height)
        _draw_text(draw, (right + 5, y), str(velocity), "lm")
    _draw_text(draw, (left, HEIGHT - 4), "velocity", "lb")


def _velocity_color(velocity: float) -> Color:
    """Return the color of a velocity from 1 to 127."""
    position = (velocity - 1) / 126 * (len(VELOCITY_COLORS) - 1)
    index = min(int(position), len(VELOCITY_COLORS) - 2)
    share = position - index
    low, high = VELOCITY_COLORS[index], VELOCITY_COLORS[index + 1]
    red, green, blue = (round(a + share * (b - a)) for a, b in zip(low, high, strict=True))
    return red, green, blue


def _draw_text(
    draw: ImageDraw.ImageDraw,
    position: tuple[float, float],
    text: str,
    anchor: str,
    size: int = LABEL_FONT_SIZE,
) -> None:
    """Draw a text; the two letters of the anchor are those of Pillow, such as "mm" for its middle."""
    draw.text(position, text, BLACK, ImageFont.load_default(size), anchor)
