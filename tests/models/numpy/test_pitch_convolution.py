"""The convolutions over the pitches against their formula, and what they must not depend on."""

import numpy as np
import pytest
from factories import make_tiny_model

from pipeline.config.model_rules import PITCH_CONV_SIZE
from pipeline.models.numpy import pitch_convolution
from pipeline.models.numpy.layers import quick_gelu, sigmoid
from pipeline.models.numpy.pitch_convolution import (
    PitchConvolution,
    StepPitchConvolution,
    compute_pitch_features,
)
from pipeline.notes.pitch_ages import MAX_AGE

EQUIVARIANT = {
    "input": "embedding",
    "embedding_dim": 6,
    "cell": "mingru",
    "heads": "categorical",
    "head_dim": 4,
    "pitch_head": "equivariant",
}
WEIGHTS = make_tiny_model(**EQUIVARIANT).weights
RNG = np.random.default_rng(0)
HIDDEN = RNG.normal(0, 1, (40, 6)).astype(np.float32)
ACTIVE = (RNG.integers(0, 300, (40, 128)) * (RNG.random((40, 128)) < 0.1)).astype(np.int16)
AGES = np.where(RNG.random((40, 128)) < 0.3, RNG.integers(0, 3000, (40, 128)), MAX_AGE).astype(
    np.int16
)
LAST = RNG.integers(0, 128, 40)


def convolve_by_hand(x: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Return [128, C] of x [128, F] and a kernel [K, F, C], pitch by pitch."""
    half = PITCH_CONV_SIZE // 2
    out = np.zeros((128, kernel.shape[2]))
    for pitch in range(128):
        for other in range(max(0, pitch - half), min(128, pitch + half + 1)):
            out[pitch] += x[other].astype(float) @ kernel[other - pitch + half]
    return out


def compute_logits(active: np.ndarray, ages: np.ndarray, last: np.ndarray) -> np.ndarray:
    features = compute_pitch_features(active, ages, last)
    return PitchConvolution(WEIGHTS).forward(HIDDEN, features)


def test_features_of_one_pitch():
    features = compute_pitch_features(ACTIVE, AGES, LAST)
    for note, pitch in np.ndindex(40, 128):
        remaining, age = int(ACTIVE[note, pitch]), int(AGES[note, pitch])
        decays = np.exp(-age / np.array([50, 250, 1500])) * (age < MAX_AGE)
        expected = [
            remaining > 0,
            np.exp(-remaining / 20) * (remaining > 0),
            *decays,
            LAST[note] == pitch,
        ]
        assert features[note, pitch] == pytest.approx(np.array(expected, float), abs=1e-6)


def test_logits_are_those_of_two_convolutions_and_a_gate():
    logits = compute_logits(ACTIVE, AGES, LAST)
    features = compute_pitch_features(ACTIVE, AGES, LAST)
    for note in (0, 33, 39):
        gate = sigmoid(
            HIDDEN[note] @ WEIGHTS["pitch_conv/gate/kernel"] + WEIGHTS["pitch_conv/gate/bias"]
        )
        inner = convolve_by_hand(features[note], WEIGHTS["pitch_conv/input_kernel"])
        channels = quick_gelu((inner + WEIGHTS["pitch_conv/input_bias"]) * gate)
        expected = convolve_by_hand(channels, WEIGHTS["pitch_conv/output_kernel"][..., None])[:, 0]
        assert logits[note] == pytest.approx(expected, rel=1e-4, abs=1e-3)


def test_one_note_is_many_at_once():
    logits, step = compute_logits(ACTIVE, AGES, LAST), StepPitchConvolution(WEIGHTS)
    gates = HIDDEN @ WEIGHTS["pitch_conv/gate/kernel"] + WEIGHTS["pitch_conv/gate/bias"]
    for note in range(40):
        alone = step.compute_logits(gates[note] / 2, ACTIVE[note], AGES[note], int(LAST[note]))
        assert alone == pytest.approx(logits[note], rel=1e-4, abs=1e-4)


def test_a_pitch_struck_longer_ago_than_ages_count_was_never_struck():
    step, gate = StepPitchConvolution(WEIGHTS), np.zeros(WEIGHTS["pitch_conv/input_bias"].size)
    ages = AGES[0].astype(np.int64)
    expected = step.compute_logits(gate.astype(np.float32), ACTIVE[0], ages, 60)
    ages[ages == MAX_AGE] = 50_000
    logits = step.compute_logits(gate.astype(np.float32), ACTIVE[0], ages, 60)
    assert np.array_equal(logits, expected)


@pytest.mark.parametrize("semitones", [-12, 1, 7])
def test_transposed_music_gives_transposed_logits(semitones):
    """Of music that stays clear of the ends of the keyboard."""
    margin = PITCH_CONV_SIZE + 12
    near_ends = np.r_[:margin, 128 - margin : 128]
    active, ages, last = ACTIVE.copy(), AGES.copy(), np.full(40, 64)
    active[:, near_ends], ages[:, near_ends] = 0, MAX_AGE
    logits = compute_logits(active, ages, last)
    moved = compute_logits(
        np.roll(active, semitones, axis=1), np.roll(ages, semitones, axis=1), last + semitones
    )
    # The outermost pitches also read that the keyboard ends.
    inside = np.arange(64 - 12, 64 + 12)
    assert moved[:, inside + semitones] == pytest.approx(logits[:, inside], abs=1e-3)
    assert np.ptp(logits[:, inside]) > 0.1


def test_notes_are_computed_in_chunks(monkeypatch):
    whole = compute_logits(ACTIVE, AGES, LAST)
    monkeypatch.setattr(pitch_convolution, "CHUNK_NOTES", 7)
    assert compute_logits(ACTIVE, AGES, LAST) == pytest.approx(whole, abs=1e-4)
    empty = PitchConvolution(WEIGHTS).forward(HIDDEN[:0], np.zeros((0, 128, 6), np.float32))
    assert empty.shape == (0, 128)
