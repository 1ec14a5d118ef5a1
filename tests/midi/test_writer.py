"""The MIDI writer, against both readers and mido."""

import io
import warnings

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.core.errors import MidiError
from pipeline.midi import writer
from pipeline.midi.reader import read_notes
from pipeline.notes import quantize
from pipeline.notes.note import NOTE_DTYPE

pytestmark = pytest.mark.usefixtures("skip_fsync")

READERS = ("symusic", "pretty_midi")
MIDDLE_C = np.array([(0, 50, 60, 64, 0)], np.int16)


@st.composite
def grid_codes(draw, most=40):
    """Codes with few pitches and short steps, so that chords, repeats and restrikes are common."""
    cell = st.one_of(st.just(0), st.integers(0, 5), st.integers(0, 1000))
    code = st.tuples(
        cell, cell, st.sampled_from([0, 60, 61, 64, 127]), st.integers(1, 127), st.just(0)
    )
    return np.array(draw(st.lists(code, min_size=1, max_size=most)), np.int16)


def write_bytes(notes, tmp):
    writer.write_notes(notes, tmp)
    return tmp.read_bytes()


@given(codes=grid_codes())
@settings(deadline=None)
def test_what_is_written_is_read_back(tmp_path_factory, codes):
    notes = quantize.dequantize(codes)
    data = write_bytes(notes, tmp_path_factory.getbasetemp() / "piece.mid")
    shifts = 0.001 * len(notes)
    for reader in READERS:
        back = read_notes(data, reader)
        for column in ("pitch", "velocity"):
            np.testing.assert_array_equal(back[column], notes[column])
        assert (back["onset"] - notes["onset"]).min() > -1e-9
        assert (back["onset"] - notes["onset"]).max() < shifts
        for pitch in np.unique(back["pitch"]):
            same_pitch = back[back["pitch"] == pitch]
            onsets, ends = same_pitch["onset"], same_pitch["onset"] + same_pitch["duration"]
            later = onsets[None, :] > onsets[:, None]
            assert not (later & (onsets[None, :] < ends[:, None] - 1e-9)).any()
        assert write_bytes(back, tmp_path_factory.getbasetemp() / "again.mid") == data


@pytest.mark.slow
@given(codes=grid_codes(), first=grid_codes(most=3))
@settings(deadline=None, max_examples=2 * settings().max_examples)
@example(codes=np.array([(0, 1, 60 - row, 9, 0) for row in range(30)], np.int16), first=MIDDLE_C)
@example(codes=np.array([(0, 9, 60, 90 - row, 0) for row in range(30)], np.int16), first=MIDDLE_C)
def test_notes_are_read_back_in_the_same_order_in_chords_and_grid_cells(
    tmp_path_factory, codes, first
):
    codes = np.concatenate([first, codes])
    codes[0, quantize.STEP] = 0
    data = write_bytes(quantize.dequantize(codes), tmp_path_factory.getbasetemp() / "piece.mid")
    for reader in READERS:
        back = quantize.quantize(read_notes(data, reader))
        for column in (quantize.STEP, quantize.PITCH, quantize.VELOCITY):
            np.testing.assert_array_equal(back[:, column], codes[:, column])


@pytest.mark.slow
@given(codes=grid_codes())
@settings(deadline=None)
def test_notes_in_the_order_of_readers_keep_their_onsets(tmp_path_factory, codes):
    notes = quantize.dequantize(codes)
    notes = notes[np.lexsort((notes["velocity"], notes["pitch"], notes["onset"]))]
    data = write_bytes(notes, tmp_path_factory.getbasetemp() / "piece.mid")
    for reader in READERS:
        assert np.abs(read_notes(data, reader)["onset"] - notes["onset"]).max() < 1e-9


@given(codes=grid_codes())
@settings(deadline=None)
def test_notes_that_do_not_overlap_come_back_with_the_same_codes(tmp_path_factory, codes):
    codes[:, quantize.STEP] = np.maximum(codes[:, quantize.STEP], 1)
    codes[0, quantize.STEP] = 0
    gaps = np.append(codes[1:, quantize.STEP], 1000)
    codes[:, quantize.DURATION] = np.minimum(codes[:, quantize.DURATION], gaps)
    data = write_bytes(quantize.dequantize(codes), tmp_path_factory.getbasetemp() / "piece.mid")
    for reader in READERS:
        np.testing.assert_array_equal(quantize.quantize(read_notes(data, reader)), codes)


def test_a_note_ends_where_its_key_is_struck_again(tmp_path):
    notes = np.array(
        [(0.0, 2.0, 60, 50, 0), (1.0, 0.5, 60, 70, 0), (1.0, 3.0, 62, 70, 0)], NOTE_DTYPE
    )
    data = write_bytes(notes, tmp_path / "piece.mid")
    for reader in READERS:
        assert read_notes(data, reader).tolist() == [
            (0.0, 1.0, 60, 50, 0),
            (1.0, 0.5, 60, 70, 0),
            (1.0, 3.0, 62, 70, 0),
        ]


def test_writing_the_same_notes_gives_the_same_bytes(tmp_path):
    notes = np.array([(0.0, 2.0, 60, 50, 0), (0.0, 0.5, 61, 70, 0)], NOTE_DTYPE)
    assert write_bytes(notes, tmp_path / "a.mid") == write_bytes(notes, tmp_path / "b.mid")


def test_a_piece_that_readers_would_refuse_is_not_written(tmp_path):
    with pytest.raises(MidiError, match="ends at 10,001 s"):
        writer.write_notes(np.array([(10_000.0, 1.0, 60, 50, 0)], NOTE_DTYPE), tmp_path / "a.mid")
    assert not (tmp_path / "a.mid").exists()


def test_mido_agrees_that_a_written_file_is_one_piano(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mido
    data = write_bytes(np.array([(0.5, 0.25, 60, 50, 0)], NOTE_DTYPE), tmp_path / "a.mid")
    file = mido.MidiFile(file=io.BytesIO(data))
    assert file.type == 1 and file.ticks_per_beat == 1000
    assert {
        message.channel for track in file.tracks for message in track if not message.is_meta
    } == {0}
    assert file.length == pytest.approx(0.751)


@pytest.mark.parametrize(
    ("steps", "pedal", "expected"),
    [
        ([0, 10], [0, 0], []),
        ([0, 10, 10], [2, 1, 0], [(0, 127), (200, 0)]),
        ([0, 10], [2, 2], [(0, 127), (100, 0), (100, 127), (150, 0)]),
        ([0, 10], [1, 1], [(0, 127), (150, 0)]),
        ([0, 0, 10], [2, 0, 1], [(0, 0), (100, 127), (150, 0)]),
        ([0, 10, 0], [2, 0, 2], [(0, 127), (100, 0), (100, 127), (150, 0)]),
    ],
)
def test_the_pedal_is_written_by_hand(tmp_path, steps, pedal, expected):
    import mido

    codes = [[step, 5, 60 + row, 64, pedal[row]] for row, step in enumerate(steps)]
    data = write_bytes(quantize.dequantize(np.array(codes, np.int16)), tmp_path / "a.mid")
    tick, changes = 0, []
    for message in mido.MidiFile(file=io.BytesIO(data)).tracks[1]:
        tick += message.time
        if message.type == "control_change":
            assert message.control == 64
            changes.append((tick, message.value))
    assert changes == expected


@given(codes=grid_codes(), pedal=st.lists(st.integers(0, 2), min_size=40, max_size=40))
@settings(deadline=None)
def test_a_pedal_that_a_file_can_have_is_read_back(tmp_path_factory, codes, pedal):
    codes[:, quantize.PEDAL] = pedal[: len(codes)]
    path = tmp_path_factory.getbasetemp() / "piece.mid"
    data = write_bytes(quantize.dequantize(codes), path)
    once = read_notes(data, "symusic")
    again = read_notes(write_bytes(once, path), "symusic")
    assert again["pedal"].tolist() == once["pedal"].tolist()
    first_of_onset = np.diff(codes[:, quantize.STEP].cumsum(), append=-1) != 0
    down = codes[:, quantize.PEDAL] > 0
    assert np.array_equal((once["pedal"] > 0)[first_of_onset], down[first_of_onset])
