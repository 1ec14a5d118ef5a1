"""The sound of notes."""

import sys
from pathlib import Path

import numpy as np
import pytest

from pipeline.core.errors import PipelineError
from pipeline.experiments import listen_audio
from pipeline.experiments.listen_audio import SAMPLE_RATE
from pipeline.midi.reader import read_file_notes
from pipeline.notes.note import Notes, make_notes

FLUIDSYNTH = """#!{python}
import pathlib, sys, wave
*_, audio, soundfont, notes = sys.argv
pathlib.Path({log!r}).write_text(soundfont)
pathlib.Path({log!r} + ".mid").write_bytes(pathlib.Path(notes).read_bytes())
with wave.open(audio, "wb") as file:
    file.setnchannels(2)
    file.setsampwidth(2)
    file.setframerate({rate})
    file.writeframes(b"\\x00\\x40\\x00\\x20" * 10)
"""


def make_note(pitch: int = 69, onset: float = 0.0, duration: float = 0.5) -> Notes:
    return make_notes([onset], [duration], [pitch], [100])


def find_frequency(audio: np.ndarray) -> float:
    """Return the frequency of the strongest partial [Hz]."""
    return float(np.abs(np.fft.rfft(audio)).argmax() * SAMPLE_RATE / len(audio))


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A program named fluidsynth that writes ten samples, and a soundfont."""
    program = tmp_path / "fluidsynth"
    log = str(tmp_path / "log")
    text = FLUIDSYNTH.format(python=sys.executable, log=log, rate=SAMPLE_RATE)
    program.write_text(text, encoding="utf-8")
    program.chmod(0o755)
    (tmp_path / "piano.sf2").touch()
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(listen_audio, "SOUNDFONT_FOLDERS", (tmp_path,))
    return tmp_path


@pytest.mark.parametrize(("pitch", "hertz"), [(69, 440.0), (57, 220.0), (72, 523.25)])
def test_a_tone_has_the_frequency_of_its_key(pitch: int, hertz: float) -> None:
    assert find_frequency(listen_audio.synthesize(make_note(pitch))) == pytest.approx(hertz, abs=2)


def test_notes_sound_from_their_onset_to_their_end() -> None:
    audio = np.abs(listen_audio.synthesize(make_note(onset=1.0, duration=0.5)))
    assert not audio[: SAMPLE_RATE - 1].any()
    assert audio[SAMPLE_RATE : SAMPLE_RATE + 1000].max() > 0.1
    assert audio[round(1.85 * SAMPLE_RATE) :].max() < 0.01
    assert len(audio) == round(1.9 * SAMPLE_RATE)


def test_many_loud_notes_do_not_clip() -> None:
    notes = make_notes(np.zeros(20), np.ones(20), np.arange(40, 60), np.full(20, 127))
    assert np.abs(listen_audio.synthesize(notes)).max() == pytest.approx(1)


def test_the_highest_keys_and_no_notes_are_silent_and_no_error() -> None:
    assert not listen_audio.synthesize(make_note(127)).any()
    assert len(listen_audio.render_audio(make_note()[:0])) == 0


def test_a_wav_file_holds_the_samples() -> None:
    audio = np.linspace(-1, 1, 101)
    data = listen_audio.encode_wav(audio)
    assert data == listen_audio.encode_wav(audio)
    assert listen_audio.decode_wav(data) == pytest.approx(audio, abs=1e-4)


def test_fluidsynth_plays_where_it_is_installed(installed: Path) -> None:
    audio = listen_audio.render_audio(make_note(60))
    # The mean of both channels.
    assert audio == pytest.approx(np.full(10, 0.375), abs=1e-4)
    assert (installed / "log").read_text() == str(installed / "piano.sf2")
    assert read_file_notes(installed / "log.mid")["pitch"].tolist() == [60]


def test_without_a_soundfont_or_the_program_there_are_tones(
    installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (installed / "piano.sf2").rename(installed / "piano.txt")
    assert listen_audio.find_soundfont() is None
    (installed / "piano.txt").rename(installed / "piano.sf2")
    monkeypatch.setenv("PATH", "")
    assert len(listen_audio.render_audio(make_note())) > SAMPLE_RATE / 2


def test_a_failure_of_fluidsynth_is_one_line_with_the_remedy(installed: Path) -> None:
    text = f"#!{sys.executable}\nraise SystemExit('line\\nno memory')"
    (installed / "fluidsynth").write_text(text, encoding="utf-8")
    with pytest.raises(
        PipelineError, match=r"piano\.sf2: no memory; mend it, or remove it"
    ) as failure:
        listen_audio.render_audio(make_note())
    assert "\n" not in str(failure.value)
