"""What was played is written as it was, and is training data in one command."""

import io

import mido
import numpy as np
import pytest
from factories import ROOT, make_music
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from pipeline import cli
from pipeline.live.recorder import HUMAN, MAX_FILE_SECONDS, MODEL, Recorder, _encode_varint
from pipeline.midi import reader as midi

PLAYED = st.lists(
    st.tuples(
        st.sampled_from([MODEL, HUMAN]),
        st.integers(0, 50_000),
        st.integers(1, 3000),
        st.integers(0, 127),
        st.integers(1, 127),
    ),
    min_size=1,
    max_size=60,
    unique_by=lambda note: (note[0], note[1], note[3]),
)


def session(notes=(), who=MODEL) -> Recorder:
    log = Recorder()
    for onset, duration, pitch, velocity, *_ in notes:
        log.add(who, float(onset), float(duration), int(pitch), int(velocity))
    return log


@pytest.mark.parametrize("reader", ["symusic", "pretty_midi"])
@given(PLAYED)
def test_both_readers_find_every_note_where_it_was(reader, played):
    log = Recorder()
    for who, onset, duration, pitch, velocity in played:
        log.add(who, onset / 1000, duration / 1000, pitch, velocity)
    notes = midi.read_notes(log.to_midi_bytes(), reader)
    assert len(notes) == len(played) == len(log)
    expected = log.collect_notes()
    order = np.lexsort((notes["velocity"], notes["pitch"], notes["onset"].round(4)))
    other = np.lexsort((expected["velocity"], expected["pitch"], expected["onset"].round(4)))
    for name in ("onset", "pitch", "velocity"):
        assert notes[name][order] == pytest.approx(expected[name][other], abs=1e-6)
    assert (notes["duration"][order] <= expected["duration"][other] + 1e-6).all()


def test_a_note_that_no_other_cuts_keeps_its_duration():
    log = session([(0.5, 1.25, 60, 64), (1.0, 0.004, 62, 80)])
    notes = midi.read_notes(log.to_midi_bytes(), "symusic")
    assert notes["duration"] == pytest.approx([1.25, 0.004])


def test_each_player_has_a_track_of_its_own_and_a_channel():
    log = session([(0, 1, 60, 64)])
    log.add(HUMAN, 0.5, 1, 60, 90)
    tracks = mido.MidiFile(file=io.BytesIO(log.to_midi_bytes())).tracks
    assert [track.name for track in tracks] == ["", "model", "human"]
    ons = [
        (m.channel, m.note, m.velocity) for track in tracks for m in track if m.type == "note_on"
    ]
    assert ons == [(0, 60, 64), (1, 60, 90)]


def test_one_player_or_both_in_order_of_time():
    log = session([(2, 1, 60, 64)])
    log.add(HUMAN, 1.0, 1, 61, 90)
    assert log.collect_notes()["pitch"].tolist() == [61, 60]
    assert log.collect_notes(HUMAN)["pitch"].tolist() == [61]


def test_a_long_session_is_several_files_each_from_its_own_start(tmp_path):
    log = session(
        [(1, 1, 60, 64), (MAX_FILE_SECONDS + 2, 1, 61, 64), (5 * MAX_FILE_SECONDS + 3, 1, 62, 64)]
    )
    files = log.write_midi(tmp_path / "long.mid")
    assert [path.name for path in files] == ["long.mid", "long-2.mid", "long-6.mid"]
    onsets = [midi.read_notes(path.read_bytes(), "symusic")["onset"][0] for path in files]
    assert onsets == pytest.approx([1, 2, 3], abs=1e-3)


def test_silence_writes_nothing(tmp_path):
    assert Recorder().write_midi(tmp_path / "a.mid") == []
    assert not list(tmp_path.iterdir())


def test_numbers_of_a_midi_file_as_its_standard_gives_them():
    table = {
        0: "00",
        0x40: "40",
        0x7F: "7f",
        0x80: "8100",
        0x2000: "c000",
        0x3FFF: "ff7f",
        0x1FFFFF: "ffff7f",
    }
    assert {number: _encode_varint(number).hex() for number in table} == table


def test_a_folder_of_sessions_is_a_corpus_in_one_command(in_folder):
    (in_folder / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    for number in range(3):
        session(make_music(number, 40)).write_midi(in_folder / f"sessions/{number}.mid")
    done = CliRunner().invoke(cli.app, ["add-corpus", "mine", "sessions"], catch_exceptions=False)
    assert done.exit_code == 0
    described = (in_folder / "data/corpora/mine.yaml").read_text("utf-8")
    assert all(f"{number}.mid: " in described for number in range(3))
