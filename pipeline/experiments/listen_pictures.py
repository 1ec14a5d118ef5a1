"""Pictures of the pairs of a listening test, to look at what gives a model away: piano rolls and spectrograms.

Shapes: S samples of sound, W columns and H rows of a picture.
"""

import io
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from pipeline.core import files
from pipeline.experiments.listen import Pair
from pipeline.experiments.listen_audio import SAMPLE_RATE, Samples, encode_wav, render_audio
from pipeline.midi import piano_roll
from pipeline.midi.piano_roll import (
    HEIGHT,
    MARGIN_BOTTOM,
    MARGIN_LEFT,
    MARGIN_RIGHT,
    MARGIN_TOP,
    MIN_WIDTH,
    VELOCITY_COLORS,
    WHITE,
)
from pipeline.notes.note import Notes
from pipeline.notes.theory import pitch_name

WINDOW_SAMPLES = 4096
"""Of a spectrum, 0.19 s."""
MIN_PITCH, MAX_PITCH = 21, 117
"""Of the spectrogram, where middle C is 60: from the lowest key of a piano to an octave above the highest but one."""
ROWS_PER_SEMITONE = 3
RANGE_DECIBELS = 60
"""From the loudest spot to the darkest color."""
MAX_TITLE = 50
"""Characters; of a longer name the end is shown."""


def write_pictures(pairs: Sequence[Pair], folder: Path) -> list[Path]:
    """Write `pair-1.png` with rolls and spectrograms of both sides, and `pair-1-real.wav` and `pair-1-model.wav`.

    Equal pairs give equal bytes, where the same synthesizer plays them.

    Args:
        pairs: in the order of the test.
        folder: made if it is not there; files of the same names are replaced.

    Returns:
        The paths of the pictures.

    Raises:
        PipelineError: FluidSynth failed.
    """
    paths = []
    for number, pair in enumerate(pairs, 1):
        columns = []
        for side, notes in (("real", pair.real), ("model", pair.generated)):
            audio = render_audio(notes)
            files.write_bytes(folder / f"pair-{number}-{side}.wav", encode_wav(audio))
            name = pair.piece if side == "real" else pair.model
            title = f"pair {number}, {side}: {_shorten(name)}"
            columns.append(_stack([_draw_roll(notes, title), draw_spectrogram(audio)]))
        path = folder / f"pair-{number}.png"
        files.write_bytes(path, _encode_png(_place_side_by_side(columns)))
        paths.append(path)
    return paths


def _shorten(name: str) -> str:
    """Return a name that fits above a piano roll."""
    return name if len(name) <= MAX_TITLE else f"…{name[-MAX_TITLE:]}"


def _draw_roll(notes: Notes, title: str) -> Image.Image:
    """Return the piano roll of one side."""
    if not len(notes):
        image = Image.new("RGB", (MIN_WIDTH, HEIGHT), WHITE)
        font = ImageFont.load_default(piano_roll.TITLE_FONT_SIZE)
        ImageDraw.Draw(image).text((MARGIN_LEFT, MARGIN_TOP), f"{title}: no notes", "black", font)
        return image
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "roll.png")
        piano_roll.save_piano_roll(notes, title, 0, path)
        with Image.open(path) as image:
            return image.copy()


def draw_spectrogram(audio: Samples) -> Image.Image:
    """Return the spectrogram of a sound [S]: time from left to right, pitch upward, loudness as color."""
    num_columns = MIN_WIDTH - MARGIN_LEFT - MARGIN_RIGHT
    levels = compute_pitch_levels(audio, num_columns)
    picture = Image.fromarray(_color_levels(levels[::-1]))
    height = HEIGHT - MARGIN_TOP - MARGIN_BOTTOM
    image = Image.new("RGB", (MIN_WIDTH, HEIGHT), WHITE)
    image.paste(picture.resize((num_columns, height)), (MARGIN_LEFT, MARGIN_TOP))
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(piano_roll.LABEL_FONT_SIZE)
    for pitch in range(24, MAX_PITCH, 12):
        y = HEIGHT - MARGIN_BOTTOM - height * (pitch - MIN_PITCH) / (MAX_PITCH - MIN_PITCH)
        draw.text((MARGIN_LEFT - 6, y), pitch_name(pitch), "black", font, "rm")
    text = f"{len(audio) / SAMPLE_RATE:.1f} s, {RANGE_DECIBELS} dB"
    draw.text((MIN_WIDTH - MARGIN_RIGHT, HEIGHT - 4), text, "black", font, "rb")
    return image


def compute_pitch_levels(audio: Samples, num_columns: int) -> NDArray[np.float64]:
    """Return the loudness [H, W] of each third of a semitone, the lowest first, from -60 to 0 [dB] below the loudest."""
    if not len(audio):
        return np.full((1, num_columns), -float(RANGE_DECIBELS))
    centers = np.linspace(0, len(audio) - 1, num_columns).astype(int)
    padded = np.pad(audio, WINDOW_SAMPLES // 2)
    windows = np.lib.stride_tricks.sliding_window_view(padded, WINDOW_SAMPLES)[centers]
    spectra = np.abs(np.fft.rfft(windows * np.hanning(WINDOW_SAMPLES), axis=1))
    pitches = np.arange(MIN_PITCH * ROWS_PER_SEMITONE, MAX_PITCH * ROWS_PER_SEMITONE)
    hertz = 440 * 2 ** ((pitches / ROWS_PER_SEMITONE - 69) / 12)
    bins = np.rint(hertz * WINDOW_SAMPLES / SAMPLE_RATE).astype(int)
    shares = spectra[:, bins].T / max(float(spectra.max()), 1e-9)
    return np.asarray(20 * np.log10(np.maximum(shares, 10 ** (-RANGE_DECIBELS / 20))))


def _color_levels(levels: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return colors [H, W, 3] of levels [H, W] in dB."""
    colors = np.array(VELOCITY_COLORS, float)
    position = (1 + levels / RANGE_DECIBELS) * (len(colors) - 1)
    points = np.arange(len(colors))
    channels = [np.interp(position, points, channel) for channel in colors.T]
    return np.stack(channels, axis=-1).astype(np.uint8)


def _stack(images: Sequence[Image.Image]) -> Image.Image:
    """Return images, one below the other."""
    width = max(image.width for image in images)
    stacked = Image.new("RGB", (width, sum(image.height for image in images)), WHITE)
    y = 0
    for image in images:
        stacked.paste(image, (0, y))
        y += image.height
    return stacked


def _place_side_by_side(images: Sequence[Image.Image]) -> Image.Image:
    """Return images of one height, from left to right."""
    placed = Image.new("RGB", (sum(image.width for image in images), images[0].height), WHITE)
    x = 0
    for image in images:
        placed.paste(image, (x, 0))
        x += image.width
    return placed


def _encode_png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()
