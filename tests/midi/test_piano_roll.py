import io

import numpy as np
import pytest
from factories import make_music
from matplotlib.image import imread

from pipeline.midi import piano_roll


def picture(path, notes, title="tiny: sample-1", prompt=3) -> bytes:
    piano_roll.save_piano_roll(notes, title, prompt, path)
    return path.read_bytes()


def test_equal_notes_give_equal_bytes_and_others_do_not(tmp_path):
    one = picture(tmp_path / "a.png", make_music(0, 30))
    assert picture(tmp_path / "b.png", make_music(0, 30)) == one
    assert picture(tmp_path / "c.png", make_music(1, 30)) != one


def test_it_is_a_picture_without_date_or_program(tmp_path):
    data = picture(tmp_path / "a.png", make_music(0, 30))
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    assert not any(word in data for word in (b"tEXt", b"tIME", b"Software"))
    assert imread(io.BytesIO(data)).std() > 0.05


def test_the_prompt_is_grey_and_the_rest_is_not(tmp_path):
    def coloured(prompt: int) -> int:
        pixels = imread(io.BytesIO(picture(tmp_path / "a.png", make_music(0, 30), prompt=prompt)))[
            :, :430, :3
        ]
        return int((np.ptp(pixels, axis=-1) > 0.2).sum())

    assert coloured(30) == 0
    assert 0 < coloured(15) < coloured(0)


@pytest.mark.parametrize("count", [1, 400])
def test_one_note_and_a_long_piece_can_be_drawn(tmp_path, count):
    height, width = imread(
        io.BytesIO(picture(tmp_path / "a.png", make_music(0, count), prompt=1))
    ).shape[:2]
    assert 600 <= width <= 2400
    assert height == 360


def test_a_title_is_no_formula(tmp_path):
    assert picture(tmp_path / "a.png", make_music(0, 5), title=r"tiny: $\frac$ (prompt grey)")
