import long_corpus
import numpy as np
from factories import make_quantized_notes
from hypothesis import given
from hypothesis import strategies as st

from pipeline.notes.quantize import DURATION, PITCH, STEP
from pipeline.sample_metrics import features, overlap
from pipeline.sample_metrics.note_counts import count_notes


@given(st.lists(st.integers(0, 60), min_size=1, max_size=5).filter(any))
def test_shares_are_those_of_all_notes_in_one_array(lengths: list[int]) -> None:
    pieces = [make_quantized_notes(seed, length) for seed, length in enumerate(lengths)]
    notes, counts = np.concatenate(pieces), count_notes(iter(pieces))
    pitches = np.bincount(notes[:, PITCH], minlength=128) / len(notes)
    assert (counts.compute_pitch_shares() == pitches).all()
    classes = features.compute_pitch_class_histogram(notes)
    assert (counts.compute_pitch_class_shares() == classes).all()
    for column in (STEP, DURATION):
        cells = features.compute_time_histogram(notes, column)
        assert (counts.compute_time_shares(column) == cells).all()
        bins = overlap.compute_log_time_histogram(notes, column)
        shares = counts.compute_binned_time_shares(column, overlap.TIME_BIN_EDGES)
        assert (shares == bins).all()


def test_counts_of_a_longer_corpus_take_no_more_memory() -> None:
    assert long_corpus.measure_growth(count_notes) < 1
