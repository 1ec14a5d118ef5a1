"""MIDI files written by hand, byte by byte, with the values that the standard gives; then properties; then real files.

The bytes are in golden/midi.yaml.
"""

import itertools
import os
import struct
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from pipeline.core.errors import MidiError
from pipeline.corpus.bundle import CorpusBundle
from pipeline.midi import reader as midi
from pipeline.midi import validate as chunks
from pipeline.notes.note import validate_notes

pytestmark = pytest.mark.usefixtures("skip_fsync")

GOLDEN = YAML(typ="safe", pure=True).load(
    (Path(__file__).parent.parent / "golden" / "midi.yaml").read_text()
)
SAMPLE = Path(__file__).parent.parent.parent / "data" / "raw" / "maestro-sample.zip"
READERS = ("symusic", "pretty_midi")
NOTE_ON_OFF = "00 90 3C 40 64 80 3C 00"
END = "00 FF 2F 00"


def parse_hex(lines):
    return bytes.fromhex("".join(line.partition("#")[0] for line in lines.splitlines()))


def make_smf(*tracks, kind=0, division=100):
    chunks = [
        b"MTrk" + struct.pack(">I", len(track)) + track for track in map(bytes.fromhex, tracks)
    ]
    return b"MThd" + struct.pack(">IHHH", 6, kind, len(chunks), division) + b"".join(chunks)


def list_rows(notes):
    """Return onset, duration, pitch and velocity of each note."""
    return [row[:4] for row in notes.tolist()]


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(
    "case", [case for case in GOLDEN if "notes" in case], ids=lambda case: case["name"]
)
def test_golden(case, reader):
    expected = case["notes"] if isinstance(case["notes"], list) else case["notes"][reader]
    assert list_rows(midi.read_notes(parse_hex(case["bytes"]), reader)) == [
        tuple(row) for row in expected
    ]


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(
    "case", [case for case in GOLDEN if "error" in case], ids=lambda case: case["name"]
)
def test_golden_refused(case, reader):
    with pytest.raises(MidiError, match=case["error"]) as caught:
        midi.read_notes(parse_hex(case["bytes"]), reader)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("cut", range(1, 60))
def test_every_cut_of_a_file_is_refused(cut, reader):
    whole = make_smf(END, NOTE_ON_OFF + NOTE_ON_OFF + END, kind=1)
    if cut < len(whole):
        with pytest.raises(MidiError):
            midi.read_notes(whole[:-cut], reader)


@pytest.mark.parametrize("reader", READERS)
def test_bytes_after_the_last_track_do_not_matter(reader):
    whole = make_smf(NOTE_ON_OFF + END)
    assert list_rows(midi.read_notes(whole + b"\0\0 trailer", reader)) == list_rows(
        midi.read_notes(whole, reader)
    )


@pytest.mark.parametrize("reader", READERS)
def test_more_ticks_than_fit_are_refused(reader):
    data = make_smf("FF FF FF 7F 90 3C 40 64 80 3C 00" * 9 + END)
    ticks = 9 * (2**28 - 1) + 9 * 100
    with pytest.raises(MidiError, match=f"track 1: .* {ticks:,} ticks, more than 31 bits"):
        midi.read_notes(data, reader)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("num_controls", [8, 16, 17, 33])
def test_ticks_that_begin_again_at_zero_in_32_bits_are_refused(reader, num_controls):
    # The second note is 51 days or more after the first; 16 * (2**28 - 1) + 16 are 2**32 ticks.
    far = "FF FF FF 7F B0 07 40" * num_controls
    data = make_smf(NOTE_ON_OFF + far + "10" + NOTE_ON_OFF[2:] + END)
    with pytest.raises(MidiError, match="more than 31 bits can count"):
        midi.read_notes(data, reader)


@pytest.mark.slow
@pytest.mark.parametrize("delta", ["8F FF 7F", "9F 7F", "FF 7F"])
def test_the_ticks_of_a_large_track_are_counted_exactly(delta):
    ticks = 0
    for byte in bytes.fromhex(delta):
        ticks = ticks << 7 | byte & 0x7F
    event = bytes.fromhex(delta) + b"\x40\x40"
    most = chunks.MAX_TICK // ticks
    for count, is_refused in ((most, False), (most + 1, True)):
        if count * len(event) > chunks.MAX_FILE_BYTES - 100:
            continue
        data = make_smf((b"\0\xb0\x07\x40" + event * count).hex() + END)
        if is_refused:
            with pytest.raises(MidiError, match="more than 31 bits"):
                chunks.validate_midi(data)
        else:
            assert chunks.validate_midi(data).data is data


def test_damage_in_a_file_of_a_user_is_logged(tmp_path, capsys):
    path = tmp_path / "a.mid"
    path.write_bytes(make_smf(NOTE_ON_OFF + "00 F8" + END))
    assert len(midi.read_file_notes(path)) == 1
    assert f"{path}: damage skipped at track 1, byte 30: system real-time bytes (1)" in (
        " ".join(capsys.readouterr().err.split("\n"))
    )
    path.write_bytes(make_smf(*[NOTE_ON_OFF + "00 F8" + END] * 9, kind=1))
    midi.read_file_notes(path)
    logged = capsys.readouterr().err
    assert logged.count("damage skipped at") == 5 and "4 more kinds of damage skipped" in logged


DRUM = "00 99 23 7F 10 89 23 00"


@pytest.mark.parametrize("reader", READERS)
def test_drums_are_counted_and_a_file_of_drums_alone_is_refused(reader):
    music = midi.read_midi(make_smf(DRUM * 2 + NOTE_ON_OFF + END), reader)
    assert len(music.notes) == 1 and music.num_drum_notes == 2
    with pytest.raises(MidiError, match=r"^only drums \(channel 10\): 2 notes, none with a pitch$"):
        midi.read_notes(make_smf(DRUM * 2 + END), reader)


@pytest.mark.parametrize(
    ("track", "message"),
    [
        (
            NOTE_ON_OFF + "84 EB AC 00 90 3D 40 10 80 3D 00",  # 10,147,328 + 100 ticks of 28 ms
            "note 2 of 2 (pitch 61) begins after 78.9 hours, more than 24; a delta time is damaged",
        ),
        (
            NOTE_ON_OFF + "00 90 3D 40 84 EB AC 00 80 3D 00",
            "note 2 of 2 (pitch 61) lasts 78.9 hours, more than 24; a delta time is damaged",
        ),
    ],
)
def test_a_note_days_away_is_refused_with_its_time_and_the_limit(track, message):
    tempo = "00 FF 51 03 2A B9 80"  # 2.8 s
    with pytest.raises(MidiError) as caught:
        midi.read_notes(make_smf(tempo + track + END), "symusic")
    assert str(caught.value) == message
    with pytest.raises(MidiError, match=r"track 1: .* tick 10,147,\d+; pretty_midi reads"):
        midi.read_notes(make_smf(tempo + track + END), "pretty_midi")


@pytest.mark.parametrize(
    "filler", [b"\xff" * 2**20, b"\x00" * 2**20, b"\x90" * 2**20, b"\xff\x7f\x00" * 2**18]
)
def test_a_megabyte_of_nonsense_costs_no_time(filler):
    began = time.perf_counter()
    data = b"MThd\0\0\0\x06\0\0\0\x01\0\x60MTrk" + struct.pack(">I", len(filler)) + filler
    with pytest.raises(MidiError):
        midi.read_notes(data, "symusic")
    assert time.perf_counter() - began < 5


def test_what_is_no_file_or_over_the_cap_is_refused_unread(tmp_path):
    with (tmp_path / "large.mid").open("wb") as file:
        file.truncate(30 * 2**30)  # it takes no space
    with pytest.raises(
        MidiError, match=r"32,212,254,720 bytes are more than the 8,388,608 allowed"
    ):
        chunks.read_file(tmp_path / "large.mid")
    os.mkfifo(tmp_path / "pipe.mid")
    for path in (tmp_path / "pipe.mid", Path("/dev/zero")):
        with pytest.raises(MidiError, match="a pipe or device is no file"):
            chunks.read_file(path)
    for path in (tmp_path, tmp_path / "absent.mid"):
        with pytest.raises(OSError, match=r"Is a directory|No such file"):
            chunks.read_file(path)
    (tmp_path / "a.mid").write_bytes(b"MThd")
    assert chunks.read_file(tmp_path / "a.mid") == b"MThd"


def test_a_file_over_the_cap_is_refused():
    with pytest.raises(MidiError, match="more than the"):
        midi.read_notes(b"MThd" + bytes(9 * 2**20), "symusic")


@given(data=st.binary(max_size=80))
@settings(deadline=None, max_examples=2 * settings().max_examples)
def test_any_track_is_read_or_refused_in_one_line(data):
    for reader, pedal in itertools.product(READERS, (False, True)):
        try:
            notes = midi.read_notes(make_smf(data.hex() + END), reader, pedal)
        except MidiError as error:
            assert "\n" not in str(error)
        else:
            assert validate_notes(notes) is notes


@st.composite
def tempo_maps(draw):
    """A track of tempo changes, and notes, on a resolution that divides nothing evenly."""
    changes = draw(st.lists(st.tuples(st.integers(0, 300), st.integers(1, 2**24 - 1)), max_size=8))
    track = "".join(
        f"{delta >> 7 | 0x80:02X}{delta & 0x7F:02X} FF 51 03 {tempo:06X} "
        for delta, tempo in changes
    )
    notes = "".join(
        f"{draw(st.integers(0, 127)):02X} 90 3C 40 {draw(st.integers(1, 127)):02X} 80 3C 00 "
        for _ in "12345"
    )
    return make_smf(track + END, notes + END, kind=1, division=draw(st.integers(1, 0x7FFF)))


@given(data=tempo_maps())
@settings(deadline=None)
def test_the_two_readers_agree_bit_for_bit_on_any_tempo_map(data):
    results = []
    for reader in READERS:
        try:
            results.append(midi.read_notes(data, reader).tobytes())
        except MidiError as error:
            results.append(str(error))
    assert results[0] == results[1]


@pytest.mark.slow
@pytest.mark.usefixtures("ingested")
def test_the_two_readers_agree_bit_for_bit_on_real_performances():
    corpus = CorpusBundle(SAMPLE)
    total = 0
    for piece in corpus.pieces[:4]:
        fast, reference = (midi.read_notes(corpus.read_piece(piece), reader) for reader in READERS)
        assert fast.tobytes() == reference.tobytes(), piece.member
        total += len(fast)
    assert total == 2367 + 5323 + 12418 + 3142


HELD = """
    0A B0 40 7F   # tick 10: pedal down
    00 90 3C 40   # tick 10: C
    0A 80 3C 00   # tick 20: C is let go, and sounds
    00 90 3E 40   # tick 20: D
    0A 40 40      # tick 30: (note on) E
    0A 3C 41      # tick 40: (note on) C again: the first C ends
    0A 3C 00      # tick 50: C is let go, and sounds
    0A B0 40 3F   # tick 60: pedal up: the second C ends
    0A 80 3E 00   # tick 70: D is let go
    0A 80 40 00   # tick 80: E is let go
"""


@pytest.mark.parametrize("reader", READERS)
def test_the_pedal_holds_notes_only_if_asked(reader):
    data = make_smf(parse_hex(HELD).hex() + END)
    first, second, d, e = (
        (0.05, 0.05, 60, 64),
        (0.2, 0.05, 60, 65),
        (0.1, 0.25, 62, 64),
        (0.15, 0.25, 64, 64),
    )
    assert list_rows(midi.read_notes(data, reader)) == [
        pytest.approx(row) for row in (first, d, e, second)
    ]
    first, second = (0.05, 0.15, 60, 64), (0.2, 0.1, 60, 65)
    assert list_rows(midi.read_notes(data, reader, sustain_pedal=True)) == [
        pytest.approx(row) for row in (first, d, e, second)
    ]


@pytest.mark.parametrize("reader", READERS)
def test_other_channels_other_controls_and_drums_hold_nothing(reader):
    others = "00 B1 40 7F 00 B0 42 7F 00 B0 43 7F 00 B0 7B 00 00 B9 40 7F 00 99 23 7F"
    data = make_smf(others + NOTE_ON_OFF + "64 B1 40 00 00 89 23 00" + END)
    assert list_rows(midi.read_notes(data, reader, sustain_pedal=True)) == list_rows(
        midi.read_notes(data, reader)
    )
    with pytest.raises(MidiError, match="no notes"):
        midi.read_notes(make_smf("00 B0 40 7F" + END), reader, sustain_pedal=True)


@pytest.mark.parametrize("pedal", [False, True])
def test_a_pedal_after_more_ticks_than_fit_is_refused(pedal):
    data = make_smf(NOTE_ON_OFF + "FF FF FF 7F B0 40 7F" * 9 + END)
    with pytest.raises(MidiError, match="more than 31 bits can count"):
        midi.read_notes(data, "symusic", sustain_pedal=pedal)


@pytest.mark.parametrize("reader", READERS)
def test_a_note_has_the_pedal_of_all_tracks_at_its_onset(reader):
    left = "00 90 30 40 32 80 30 00" + "32 90 31 40 32 80 31 00" + END
    right = (
        "00 B1 40 7F 00 91 3C 40 46 81 3C 00"
        + "00 B1 40 00 0A B1 40 40 14 91 3D 40 32 81 3D 00"
        + END
    )
    notes = midi.read_notes(make_smf(left, right, kind=1), reader)
    assert notes[["pitch", "pedal"]].tolist() == [(48, 2), (60, 1), (49, 2), (61, 1)]
    held = midi.read_notes(make_smf(left, right, kind=1), reader, sustain_pedal=True)
    assert not held["pedal"].any()


@pytest.mark.parametrize("first, second", [("0", "3"), ("3", "0")])
@pytest.mark.parametrize("values", [("00", "40"), ("40", "00")])
def test_readers_agree_on_pedals_of_two_channels_at_one_instant(first, second, values):
    """They list the two channels of a track in different orders."""
    track = (
        f"00 9{first} 3C 40 00 B{first} 40 {values[0]} 00 9{second} 3C 40 00 B{second} 40 {values[1]}"
        + f"01 8{second} 3C 00 01 8{first} 3C 00"
    )
    fast, reference = (midi.read_notes(make_smf(track + END), reader) for reader in READERS)
    assert fast.tobytes() == reference.tobytes()


@st.composite
def pedalled(draw):
    """Two channels of notes, each with its note off, and of pedals, under tempo changes."""
    events = []
    key = st.lists(st.tuples(st.integers(0, 20), st.integers(1, 20)), min_size=1, max_size=5)
    for channel in draw(st.sampled_from([[0], [0, 3]])):
        for pitch in draw(st.lists(st.integers(60, 63), min_size=1, max_size=4, unique=True)):
            at = 0
            for gap, length in draw(key):
                events.append((at + gap, f"{0x90 | channel:02X} {pitch:02X} 40"))
                at += gap + length
                events.append((at, f"{0x80 | channel:02X} {pitch:02X} 00"))
        for at, value in draw(
            st.lists(st.tuples(st.integers(0, 80), st.sampled_from([0, 63, 64, 127])), max_size=40)
        ):
            events.append((at, f"{0xB0 | channel:02X} 40 {value:02X}"))
    for at, tempo in draw(
        st.lists(st.tuples(st.integers(0, 100), st.integers(1, 2**24 - 1)), max_size=4)
    ):
        events.append((at, f"FF 51 03 {tempo:06X}"))
    events.sort(key=lambda event: event[0])
    before = [0, *(at for at, _ in events)]
    track = " ".join(
        f"{at - last:02X} {event}" for (at, event), last in zip(events, before, strict=False)
    )
    return make_smf(track + END, division=draw(st.integers(1, 0x7FFF)))


@pytest.mark.slow
@given(data=pedalled())
@settings(deadline=None, max_examples=2 * settings().max_examples)
def test_the_two_readers_agree_bit_for_bit_on_any_pedal(data):
    for sustain_pedal in (False, True):
        fast, reference = (midi.read_notes(data, reader, sustain_pedal) for reader in READERS)
        assert fast.tobytes() == reference.tobytes()


@pytest.mark.slow
@pytest.mark.usefixtures("ingested")
def test_the_two_readers_agree_bit_for_bit_on_the_pedal_of_real_performances():
    corpus = CorpusBundle(SAMPLE)
    assert len(corpus.pieces) == 10
    extended = 0
    for piece in corpus.pieces:
        data = corpus.read_piece(piece)
        fast, reference = (midi.read_notes(data, reader, sustain_pedal=True) for reader in READERS)
        assert fast.tobytes() == reference.tobytes(), piece.member
        plain, plain_reference = (midi.read_notes(data, reader) for reader in READERS)
        assert plain.tobytes() == plain_reference.tobytes(), piece.member
        assert not fast["pedal"].any() and set(plain["pedal"].tolist()) == {0, 1, 2}
        assert all((fast[name] == plain[name]).all() for name in ("onset", "pitch", "velocity"))
        assert (fast["duration"] >= plain["duration"]).all()
        extended += np.count_nonzero(fast["duration"] > plain["duration"])
    assert extended == 67_602


@pytest.mark.usefixtures("ingested")
def test_the_sample_has_all_its_notes():
    corpus = CorpusBundle(SAMPLE)
    assert (
        sum(len(midi.read_notes(corpus.read_piece(piece), "symusic")) for piece in corpus.pieces)
        == 101_901
    )
