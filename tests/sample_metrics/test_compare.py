import json
from dataclasses import replace

import long_corpus
import numpy as np
import pytest
from factories import make_quantized_notes
from sample_metrics.conftest import make_codes

from pipeline.notes.quantize import DURATION, PITCH, STEP, QuantizedNotes
from pipeline.sample_metrics import compare, features, memorization, overlap
from pipeline.sample_metrics.compare import ReferenceMusic
from pipeline.sample_metrics.continuations import PromptContinuations
from pipeline.sample_metrics.features import TrainingReference
from pipeline.sample_metrics.memorization import SuffixIndex, find_longest_match


def make_tune(seed: int, count: int) -> QuantizedNotes:
    """Make music as usual, but of pitches that hang on nothing, so that it copies and repeats little."""
    made = make_quantized_notes(seed, count)
    made[:, PITCH] = np.random.default_rng(seed).integers(48, 80, count)
    return made


PIECES = [make_tune(10, 900), make_tune(11, 500)]
TRAINING = [make_tune(seed, 700) for seed in range(3)]


@pytest.fixture(scope="module")
def music() -> ReferenceMusic:
    return ReferenceMusic(
        compare.cut_reference_passages(PIECES, 240), PIECES, TRAINING, ["a.mid", "b.mid", "c.mid"]
    )


@pytest.fixture(scope="module")
def comparison(music: ReferenceMusic) -> dict:
    played = [make_tune(20, 240), np.concatenate([make_tune(21, 200), TRAINING[1][60:100]])]
    return compare.compare_samples(played, music)


def test_copies_in_real_continuations_are_looked_for_too(music: ReferenceMusic) -> None:
    """The model copies 30 notes, the piece goes on with 50 of the training music."""
    played = np.concatenate([make_tune(21, 210), TRAINING[1][60:90]])
    following = np.concatenate([TRAINING[2][100:150], make_tune(22, 430)])
    pair = PromptContinuations("a", make_tune(23, 20), played, following)
    comparison = compare.compare_samples([played], replace(music, continuations=[pair]))
    copies = comparison["continuations"]["measures"]["copy"]
    assert (copies["generated"], copies["real"]) == (30, 50)
    assert copies["generated"] == comparison["measures"]["copy"]["samples"][0]
    without = compare.compare_samples([played], music)
    assert comparison | {"continuations": None} == without | {"continuations": None}


def compute_features(passages: list[QuantizedNotes]) -> list[dict[str, float]]:
    """Return the measures of passages, held against the training music."""
    reference = TrainingReference.from_pieces(TRAINING, passages)
    return features.compute_sample_features(passages, reference)


def test_passages_are_as_long_as_asked_or_as_the_longest_piece():
    assert [len(part) for part in compare.cut_reference_passages(PIECES, 240)] == [240] * 5
    assert [len(part) for part in compare.cut_reference_passages(PIECES, 2000)] == [900]
    assert (
        len(compare.cut_reference_passages([make_quantized_notes(0, 900)] * 9, 30))
        == compare.MAX_PASSAGES
    )


def test_measures_stand_beside_those_of_held_out_music(comparison, music):
    densities = [features.compute_density(make_tune(20, 240))]
    held_out = compute_features(music.held_out_passages)
    assert set(comparison["measures"]) == set(held_out[0])
    assert densities[0] in [
        pytest.approx(value, rel=1e-4) for value in comparison["measures"]["density"]["samples"][1:]
    ]
    values = [each["polyphony"] for each in held_out]
    expected = [np.mean(values), min(values), max(values)]
    assert comparison["measures"]["polyphony"]["held_out"] == pytest.approx(expected, rel=1e-4)
    assert (comparison["samples"], comparison["notes"], comparison["passages"]) == (2, 240, 5)


@pytest.mark.parametrize(
    ("samples", "held_out", "verdict"),
    [
        ([4.0, 9.0], [3, 5, 6, 7, 8], "within"),
        # One sample outside the range does not make the mean lie there, nor does one within.
        ([1.0, 9.0], [3, 5, 6, 7, 8], "within"),
        ([1.0, 4.0], [3, 5, 6, 7, 8], "below"),
        ([20.0, 5.0], [3, 5, 6, 7, 8], "above"),
        ([8.0, 8.0], [3, 5, 6, 7, 8], "within"),
        ([0.0], [0, 0, 0, 0, 0], "within"),
        ([9.0], [3, 5, 6, 7], "unknown"),
    ],
)
def test_the_verdict_is_where_the_mean_lies_in_the_range_of_held_out_passages(
    samples, held_out, verdict
):
    assert compare.judge_measure(samples, held_out) == verdict


def test_each_measure_stands_beside_its_verdict(comparison):
    assert comparison["measures"]["copy"]["verdict"] == "above"
    verdicts = [values["verdict"] for values in comparison["measures"].values()]
    assert set(verdicts) <= {"within", "below", "above"}


def test_copies_are_named(comparison):
    first, second = comparison["copies"]
    index = SuffixIndex(TRAINING)
    assert (second["sample"], second["piece"], second["from"] + second["notes"]) == (
        2,
        "b.mid",
        240,
    )
    assert second["notes"] >= 40
    assert first["notes"] == find_longest_match(make_tune(20, 240), index).num_notes < 20


def test_overlap_stands_beside_that_of_held_out_with_training_music(comparison, music):
    parts = [
        overlap.split_passages(pieces, 60, compare.OVERLAP_PASSAGES)
        for pieces in (PIECES, TRAINING)
    ]
    expected = overlap.compute_overlapping_areas(*parts)
    assert set(comparison["overlap"]) == set(overlap.FEATURE_FUNCTIONS)
    for name, areas in comparison["overlap"].items():
        assert areas["held_out_training"] == pytest.approx(expected[name], abs=1e-4)
        assert all(0 <= area <= 1 for area in areas.values())


def test_histograms_are_shares_of_all_notes(comparison):
    shown = comparison["histograms"]
    every = np.concatenate(TRAINING)
    assert shown["pitches"]["training"] == pytest.approx(
        (np.bincount(every[:, PITCH], minlength=128) / 2100).tolist(), abs=1e-4
    )
    for name in ("steps", "durations"):
        assert len(shown[name]["edges_seconds"]) == len(shown[name]["samples"]) + 1
    zero = (np.concatenate(PIECES)[:, STEP] == 0).mean()
    assert shown["steps"]["held_out"][0] == pytest.approx(zero, abs=1e-4)
    assert all(
        sum(shown[name][kind]) == pytest.approx(1, abs=0.01)
        for name in shown
        for kind in ("samples", "held_out")
    )


@pytest.mark.slow
def test_a_longer_corpus_takes_no_more_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memorization, "BATCH_NOTES", 100)
    monkeypatch.setattr(compare, "OVERLAP_PASSAGES", 4)
    samples = [make_tune(20, 100)]
    names = [f"{number}.mid" for number in range(long_corpus.LONG)]

    def compare_with(pieces: long_corpus.MadePieces) -> None:
        passages = compare.cut_reference_passages(pieces, 100)[:2]
        compare.compare_samples(samples, ReferenceMusic(passages, pieces, pieces, names))

    assert long_corpus.measure_growth(compare_with) < 4


def test_the_comparison_is_json(comparison):
    assert json.loads(json.dumps(comparison, allow_nan=False)) == comparison


def list_fired_detectors(**changes) -> list[str]:
    """Return the detectors that fire for made-up music whose columns were changed."""
    sample = make_tune(30, 240)
    for name, change in changes.items():
        column = {"step": STEP, "duration": DURATION, "pitch": PITCH}[name]
        sample[:, column] = change(sample[:, column])
    held_out = compute_features(compare.cut_reference_passages(PIECES, 240))
    ours = compute_features([make_tune(31, 240), sample])
    fired = compare.detect_collapse(ours, held_out)
    assert all(1 not in numbers for numbers in fired.values())
    return [name for name, numbers in fired.items() if numbers == [2]]


def replace_from(half, value):
    """Replace all from the middle on."""
    return lambda column: np.where(np.arange(240) < half, column, value)


@pytest.mark.parametrize(
    ("changes", "fires"),
    [
        ({}, []),
        ({"pitch": replace_from(200, 60)}, ["one note repeating"]),
        ({"step": replace_from(200, 0)}, ["time standing still"]),
        (
            {"step": lambda column: column * np.linspace(1, 9, 240).astype(int)},
            ["density drifting"],
        ),
        (
            {"pitch": lambda column: column + np.linspace(0, 40, 240).astype(int)},
            ["pitch drifting"],
        ),
        ({"duration": lambda column: column * 3}, []),
    ],
)
def test_each_collapse_is_seen_by_its_detector(changes, fires):
    assert list_fired_detectors(**changes) == fires


def test_too_short_passages_still_have_a_reference():
    pieces, training = (
        [make_quantized_notes(10, 40), make_quantized_notes(11, 17)],
        [make_quantized_notes(1, 30)],
    )
    music = ReferenceMusic(compare.cut_reference_passages(pieces, 16), pieces, training, ["a"])
    comparison = compare.compare_samples([make_quantized_notes(2, 16)], music)
    assert comparison["notes"] == 16
    assert set(comparison["overlap"]["density"]) == {
        "samples_held_out",
        "samples_training",
        "held_out_training",
    }
    assert len(make_codes(pitch=[1])) == 1


@pytest.mark.parametrize(
    ("lengths", "is_enough"),
    [([5], False), ([15], False), ([16], True), ([8, 7], False), ([8, 8], True), ([], False)],
)
def test_music_of_two_passages_of_eight_notes_is_enough(
    lengths: list[int], is_enough: bool
) -> None:
    pieces = [make_tune(seed, length) for seed, length in enumerate(lengths)]
    assert bool(compare.find_length_problem([*pieces, make_tune(9, 1)])) is not is_enough


@pytest.mark.parametrize(
    ("held_out", "training"),
    [([16], [16]), ([8, 8], [9, 8]), ([2000], [150, 150]), ([9, 30], [400])],
)
def test_music_that_is_just_long_enough_is_measured(
    held_out: list[int], training: list[int]
) -> None:
    pieces = [make_tune(seed, length) for seed, length in enumerate(held_out)]
    songs = [make_tune(seed + 50, length) for seed, length in enumerate(training)]
    passages = compare.cut_reference_passages(pieces, 2000)
    samples = [make_tune(70, len(passages[0])), make_tune(71, len(passages[0]))]
    music = ReferenceMusic(passages, pieces, songs, [f"{k}.mid" for k in range(len(songs))])
    comparison = compare.compare_samples(samples, music)
    assert json.loads(json.dumps(comparison, allow_nan=False)) == comparison
