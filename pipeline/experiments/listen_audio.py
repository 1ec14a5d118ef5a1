"""Notes to sound: by FluidSynth where it and a soundfont are installed, else by tones of a few partials.

Shapes: N notes, S samples of sound.
"""

import io
import shutil
import subprocess
import tempfile
import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.core.errors import PipelineError
from pipeline.midi import writer
from pipeline.notes.note import Notes

SAMPLE_RATE = 22_050
"""Samples a second."""
SOUNDFONT_FOLDERS = (
    Path("/usr/share/sounds/sf2"),
    Path("/usr/share/soundfonts"),
    Path("/usr/local/share/soundfonts"),
    Path("/opt/homebrew/share/soundfonts"),
)
"""Where packages put soundfonts; the first file by name is taken."""
NUM_PARTIALS = 8
TAIL_SECONDS, RELEASE_SECONDS = 0.4, 0.06
"""Of a tone after its end, and the time constant of its release [s]."""
MAX_SAMPLE = 32_767
"""The largest of 16 bits."""

Samples = NDArray[np.float64]
"""[S] mono, from -1 to 1."""


def render_audio(notes: Notes) -> Samples:
    """Return the sound of notes [N] from time 0 to the end of the last; nothing where there is no note.

    Raises:
        PipelineError: FluidSynth failed.
    """
    soundfont = find_soundfont()
    if not len(notes) or soundfont is None:
        return synthesize(notes)
    return _run_fluidsynth(notes, soundfont)


def find_soundfont() -> Path | None:
    """Return the soundfont that FluidSynth plays with; none where either is not installed."""
    if shutil.which("fluidsynth") is None:
        return None
    names = [path for folder in SOUNDFONT_FOLDERS for path in sorted(folder.glob("*.sf[23]"))]
    return names[0] if names else None


def _run_fluidsynth(notes: Notes, soundfont: Path) -> Samples:
    """Return the sound that FluidSynth makes of notes."""
    with tempfile.TemporaryDirectory() as folder:
        midi_path, audio_path = Path(folder, "notes.mid"), Path(folder, "notes.wav")
        writer.write_notes(notes, midi_path)
        options = ["-ni", "-q", "-T", "wav", "-r", str(SAMPLE_RATE), "-F", str(audio_path)]
        command = ["fluidsynth", *options, str(soundfont), str(midi_path)]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode or not audio_path.is_file():
            reason = (done.stderr.strip() or "it wrote no sound").splitlines()[-1]
            raise PipelineError(
                f"fluidsynth with {soundfont}: {reason}; mend it, or remove it to hear the built-in tones"
            )
        return decode_wav(audio_path.read_bytes())


def synthesize(notes: Notes) -> Samples:
    """Return notes [N] as tones that decay as strings do, the faster the higher they are."""
    end = float((notes["onset"] + notes["duration"]).max(initial=0.0))
    num_samples = round((end + TAIL_SECONDS) * SAMPLE_RATE) if len(notes) else 0
    audio = np.zeros(num_samples)
    for onset, duration, pitch, velocity, _ in notes.tolist():
        first = round(onset * SAMPLE_RATE)
        tone = _make_tone(pitch, velocity, duration)[: num_samples - first]
        audio[first : first + len(tone)] += tone
    return audio / max(1.0, float(np.abs(audio).max(initial=0.0)))


def _make_tone(pitch: int, velocity: int, duration: float) -> Samples:
    """Return one note from its onset to the end of its release."""
    time = np.arange(round((duration + TAIL_SECONDS) * SAMPLE_RATE)) / SAMPLE_RATE
    frequency = 440 * 2 ** ((pitch - 69) / 12)
    partials = np.arange(1, NUM_PARTIALS + 1)
    partials = partials[partials * frequency < SAMPLE_RATE / 2]
    weights = np.exp(-0.35 * (partials - 1)) / partials**0.6
    decay = 2.6 * 2 ** (-(pitch - 40) / 22)
    level = 0.04 + 0.34 * (velocity / 127) ** 1.7
    released = np.maximum(time - duration, 0) / RELEASE_SECONDS
    envelope = level * np.exp(-time / decay - released)
    return np.asarray(
        envelope * (weights @ np.sin(2 * np.pi * frequency * partials[:, None] * time))
    )


def encode_wav(audio: Samples) -> bytes:
    """Return sound as a WAV file of 16 bits; equal samples give equal bytes."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(np.rint(np.clip(audio, -1, 1) * MAX_SAMPLE).astype("<i2").tobytes())
    return buffer.getvalue()


def decode_wav(data: bytes) -> Samples:
    """Return the sound of a WAV file of 16 bits, the mean of its channels."""
    with wave.open(io.BytesIO(data)) as file:
        frames = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        channels = frames.reshape(-1, file.getnchannels())
    return np.asarray(channels.mean(axis=1) / MAX_SAMPLE)
