"""Pictures of both sides of a pair."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from factories import make_music
from PIL import Image

from pipeline.experiments import listen_audio, listen_pictures
from pipeline.experiments.listen import Pair
from pipeline.experiments.listen_audio import SAMPLE_RATE
from pipeline.experiments.listen_pictures import MIN_PITCH, ROWS_PER_SEMITONE
from pipeline.notes.note import make_notes


@pytest.fixture(autouse=True)
def without_fluidsynth(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let equal bytes not depend on what is installed."""
    monkeypatch.setattr(listen_audio, "find_soundfont", lambda: None)


def make_pair() -> Pair:
    prompt, real, generated = (make_music(seed, 8) for seed in range(3))
    for side in (real, generated):
        side["onset"] = np.arange(8) / 8
        side["duration"] = 0.1
    return Pair("wide", "etude.mid", prompt, real, generated, is_real_first=True)


def test_each_pair_has_a_picture_and_the_sound_of_both_sides(tmp_path: Path) -> None:
    pair = make_pair()
    folder = tmp_path / "pictures"
    paths = listen_pictures.write_pictures([pair, replace(pair, is_real_first=False)], folder)
    assert [path.name for path in paths] == ["pair-1.png", "pair-2.png"]
    names = {f"pair-{number}-{side}.wav" for number in (1, 2) for side in ("real", "model")}
    assert {path.name for path in folder.iterdir()} == {*names, "pair-1.png", "pair-2.png"}
    sound = listen_audio.decode_wav((folder / "pair-1-model.wav").read_bytes())
    assert sound == pytest.approx(listen_audio.synthesize(pair.generated), abs=1e-4)
    with Image.open(paths[0]) as image:
        assert image.size == (1200, 720)
    before = paths[0].read_bytes()
    listen_pictures.write_pictures([pair], folder)
    assert paths[0].read_bytes() == before


def test_the_real_side_is_drawn_at_the_left(tmp_path: Path) -> None:
    pair = make_pair()
    pictures = []
    for number, each in enumerate((pair, replace(pair, generated=pair.real))):
        (path,) = listen_pictures.write_pictures([each], tmp_path / str(number))
        with Image.open(path) as image:
            pictures.append(np.asarray(image))
    own, copied = pictures
    assert np.array_equal(own[:, :600], copied[:, :600])
    assert not np.array_equal(own[360:, 600:], copied[360:, 600:])
    assert np.array_equal(copied[360:, :600], copied[360:, 600:])


def test_of_a_long_name_the_end_is_shown() -> None:
    assert listen_pictures._shorten("etude.mid") == "etude.mid"
    assert (
        listen_pictures._shorten("folder/" * 20 + "etude.mid")
        == "…" + ("folder/" * 20 + "etude.mid")[-50:]
    )


def test_a_model_that_is_silent_has_a_picture(tmp_path: Path) -> None:
    pair = replace(make_pair(), generated=make_music(0, 8)[:0])
    (path,) = listen_pictures.write_pictures([pair], tmp_path)
    with Image.open(path) as image:
        assert image.size == (1200, 720)


def test_the_spectrogram_shows_which_key_sounds_when() -> None:
    """A4 for a second, then C6 for a second."""
    notes = make_notes([0, 1], [0.9, 0.9], [69, 84], [100, 100])
    levels = listen_pictures.compute_pitch_levels(listen_audio.synthesize(notes), 200)
    loudest = levels.argmax(axis=0) / ROWS_PER_SEMITONE + MIN_PITCH
    assert loudest[10:70] == pytest.approx(69, abs=0.7)
    assert loudest[100:150] == pytest.approx(84, abs=0.7)
    assert levels.max() == 0 and levels.min() == -60


def test_high_notes_are_drawn_above_low_ones() -> None:
    heights = []
    for pitch in (40, 90):
        audio = listen_audio.synthesize(make_notes([0], [1.0], [pitch], [100]))
        pixels = np.asarray(listen_pictures.draw_spectrogram(audio)).astype(int)
        # Yellow is the loudest: much more red and green than blue.
        yellowness = (pixels[..., 0] + pixels[..., 1] - 2 * pixels[..., 2]).sum(axis=1)
        heights.append(yellowness.argmax())
    assert heights[1] < heights[0] - 100


def test_silence_is_dark() -> None:
    levels = listen_pictures.compute_pitch_levels(np.zeros(SAMPLE_RATE), 10)
    assert (levels == -60).all()
    assert (listen_pictures.compute_pitch_levels(np.zeros(0), 10) == -60).all()
