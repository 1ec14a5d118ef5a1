"""Piano rolls, by their pixels."""

import io

import numpy as np
import pytest
from factories import make_music
from PIL import Image

from pipeline.midi import piano_roll
from pipeline.notes.note import make_notes


def draw_png(path, notes, title="tiny: sample-1", prompt=3) -> bytes:
    piano_roll.save_piano_roll(notes, title, prompt, path)
    return path.read_bytes()


def draw_pixels(path, notes, title="tiny: sample-1", prompt=3) -> np.ndarray:
    """Return the pixels [height, width, 3]."""
    with Image.open(io.BytesIO(draw_png(path, notes, title, prompt))) as image:
        assert image.mode == "RGB"
        return np.asarray(image).astype(int)


def crop_to_axes(pixels: np.ndarray) -> np.ndarray:
    """Return the pixels between the axes."""
    rows = slice(piano_roll.MARGIN_TOP + 1, -piano_roll.MARGIN_BOTTOM)
    return pixels[rows, piano_roll.MARGIN_LEFT + 1 : -piano_roll.MARGIN_RIGHT]


def test_equal_notes_give_equal_bytes_and_others_do_not(tmp_path):
    one = draw_png(tmp_path / "a.png", make_music(0, 30))
    assert draw_png(tmp_path / "b.png", make_music(0, 30)) == one
    assert draw_png(tmp_path / "c.png", make_music(1, 30)) != one
    assert draw_png(tmp_path / "d.png", make_music(0, 30), title="another") != one
    assert draw_png(tmp_path / "e.png", make_music(0, 30), prompt=4) != one


def test_it_is_a_picture_without_date_or_program(tmp_path):
    data = draw_png(tmp_path / "a.png", make_music(0, 30))
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    assert not any(word in data for word in (b"tEXt", b"tIME", b"Software"))


def test_the_prompt_is_gray_and_the_rest_is_not(tmp_path):
    def count_colored(prompt: int) -> int:
        pixels = crop_to_axes(draw_pixels(tmp_path / "a.png", make_music(0, 30), prompt=prompt))
        return int((np.ptp(pixels, axis=-1) > 50).sum())

    assert count_colored(30) == 0
    assert 0 < count_colored(15) < count_colored(0)


def test_a_note_is_where_its_time_and_pitch_are(tmp_path):
    notes = make_notes([0.0, 3.0], [1.0, 1.0], [60, 72], [127, 1])
    pixels = crop_to_axes(draw_pixels(tmp_path / "a.png", notes, prompt=0))
    height, width = pixels.shape[:2]
    # 4.4 s across; 17 rows of pitch, of which the first and last two are margins.
    yellow, purple = piano_roll.VELOCITY_COLORS[-1], piano_roll.VELOCITY_COLORS[0]
    assert tuple(pixels[round(height * 14.5 / 17), round(width * 0.7 / 4.4)]) == yellow
    assert tuple(pixels[round(height * 2.5 / 17), round(width * 3.7 / 4.4)]) == purple
    assert (pixels[:, round(width * 2.2 / 4.4)].min() > 200).all()


def test_title_and_labels_of_both_axes_are_drawn(tmp_path):
    pixels = draw_pixels(tmp_path / "a.png", make_music(0, 30))
    for margin in (
        pixels[: piano_roll.MARGIN_TOP],
        pixels[:, : piano_roll.MARGIN_LEFT - 2],
        pixels[-piano_roll.MARGIN_BOTTOM + 6 :, : -piano_roll.MARGIN_RIGHT],
    ):
        assert (margin < 60).all(axis=-1).sum() > 20


@pytest.mark.parametrize(("seconds", "spacing"), [(2, 0.5), (10, 2), (400, 15), (10_000, 300)])
def test_time_labels_are_apart_and_round(seconds, spacing):
    area = piano_roll._make_plot_area(make_notes([0.0], [seconds], [60], [64]))
    ticks = list(piano_roll._list_time_ticks(area))
    assert ticks[0] == 0 and ticks[-1] <= seconds + 0.2 < ticks[-1] + spacing
    assert np.allclose(np.diff(ticks), spacing)
    assert area.time_to_x(ticks[1]) - area.time_to_x(0) >= piano_roll.MIN_TICK_PIXELS


@pytest.mark.parametrize("count", [1, 400])
def test_one_note_and_a_long_piece_can_be_drawn(tmp_path, count):
    height, width = draw_pixels(tmp_path / "a.png", make_music(0, count), prompt=1).shape[:2]
    assert 600 <= width <= 2400
    assert height == 360


@pytest.mark.parametrize(
    ("pitches", "count"), [((0, 127), 2), ((61, 62), 2), ((0,), 1), ((127,), 1)]
)
def test_any_range_of_pitches_can_be_drawn(tmp_path, pitches, count):
    notes = make_notes(np.arange(count), np.ones(count), pitches, np.full(count, 64))
    assert (
        np.ptp(crop_to_axes(draw_pixels(tmp_path / "a.png", notes, prompt=0)), axis=-1).max() > 50
    )


@pytest.mark.parametrize("title", [r"tiny: $\frac$ (prompt gray)", "é ♪ 名", "", "two\nlines"])
def test_any_title_can_be_drawn(tmp_path, title):
    assert draw_png(tmp_path / "a.png", make_music(0, 5), title=title)
