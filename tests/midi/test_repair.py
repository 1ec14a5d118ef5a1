"""Damaged MIDI files: what is skipped leaves every other note where it was; what is refused names the cause."""

import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent.parent / "hostile"))

import damage
import kinds

from pipeline.core.errors import MidiError
from pipeline.midi import reader as midi
from pipeline.midi.repair import Fix, check_lost_notes
from pipeline.midi.validate import validate_midi

READERS: tuple[midi.Reader, ...] = ("symusic", "pretty_midi")
FILES = list(damage.make_damaged_files())
FIXED, REFUSED = ([each for each in FILES if bool(each.fix) is fixed] for fixed in (True, False))


def parametrize_files(files):
    return pytest.mark.parametrize("each", files, ids=[each.name for each in files])


@pytest.mark.parametrize("reader", READERS)
@parametrize_files(FIXED)
def test_a_damaged_file_has_the_notes_of_the_sound_one_and_one_fix(each, reader):
    sound = midi.read_midi(damage.MUSIC, reader)
    music = midi.read_midi(each.data, reader)
    assert not sound.fixes and len(sound.notes) == damage.NUM_NOTES
    (fix,) = music.fixes
    assert each.fix in str(fix)
    assert f"byte {fix.byte:,}: " in str(fix) and 0 <= fix.byte < len(each.data)
    if each.num_notes > damage.NUM_NOTES:
        assert len(music.notes) == each.num_notes
    elif each.name == "notes after End of Track":
        assert music.notes.tobytes() == midi.read_notes(damage.MUSIC, reader).tobytes()
    else:
        assert sorted(music.notes.tolist()) == sorted(sound.notes.tolist())


@pytest.mark.parametrize("reader", READERS)
@parametrize_files(REFUSED)
def test_a_file_that_is_refused_names_the_cause_and_the_byte(each, reader):
    with pytest.raises(MidiError) as caught:
        midi.read_midi(each.data, reader)
    message = str(caught.value)
    assert each.error in message and "\n" not in message
    assert "byte" in message or "track" in message


def test_each_cause_has_its_own_text():
    texts = {
        str(fix).partition(": ")[2] for each in FIXED for fix in validate_midi(each.data).fixes
    }
    assert len({text.partition(" (")[0] for text in texts}) == 12


def test_a_sound_file_is_passed_on_as_it_is():
    clean = validate_midi(damage.MUSIC)
    assert clean.data is damage.MUSIC and clean.fixes == ()


def test_the_byte_of_a_fix_is_that_of_the_file_also_inside_a_riff_wrapper():
    clock = damage.between(b"\0\xf8")
    wrapped = b"RIFF\0\0\0\0RMIDdata" + len(clock).to_bytes(4, "little") + clock
    plain = validate_midi(clock).fixes[0]
    assert clock[plain.byte : plain.byte + 2] == b"\0\xf8"
    assert validate_midi(wrapped).fixes[1] == Fix(plain.cause, 1, plain.byte + 20, 1)


@pytest.mark.parametrize(
    ("num_lost", "num_notes", "is_refused"),
    [(1, 1, False), (2, 199, True), (2, 200, False), (10, 1000, False), (11, 1000, True)],
)
def test_one_note_or_one_percent_may_be_lost(num_lost, num_notes, is_refused):
    cause = "note events with a data byte over 127"
    fixes = [Fix("events with a data byte over 127", 99, 5, 1), Fix(cause, num_lost, 7, 2)]
    if is_refused:
        message = f"{num_lost} damaged note events beside {num_notes:,} .* 1%; track 2, byte 7"
        with pytest.raises(MidiError, match=message):
            check_lost_notes(fixes, num_notes)
    else:
        check_lost_notes(fixes, num_notes)


@pytest.mark.slow
def test_a_million_skipped_events_are_refused_and_a_file_of_any_size_takes_seconds():
    with pytest.raises(MidiError, match="more than 1,000,000 damaged events"):
        validate_midi(kinds.midi(kinds.track(b"\0\xf8" * 1_000_001)))


def test_random_damage_that_is_skipped_leaves_most_notes_where_they_were():
    random = np.random.default_rng(0)
    shares = []
    for _ in range(300):
        sound = kinds.midi(kinds.track(kinds.melody(random)), kinds.track(kinds.melody(random)))
        damaged = bytearray(sound)
        for place in random.integers(len(sound), size=int(random.integers(1, 6))):
            damaged[place] = int(random.integers(256))
        try:
            music = midi.read_midi(bytes(damaged), "symusic")
        except MidiError:
            continue
        if music.fixes:
            shares.append(measure_shared(music.notes, midi.read_notes(sound, "symusic")))
    assert len(shares) > 30 and np.median(shares) > 0.75 and np.mean(shares) > 0.7


def measure_shared(notes, others):
    """Return how many notes have equal onset and pitch, as a share of the longer piece."""
    counts = [
        Counter(zip(each["onset"].round(3).tolist(), each["pitch"].tolist(), strict=True))
        for each in (notes, others)
    ]
    return (counts[0] & counts[1]).total() / max(len(notes), len(others))


SKIPPED = st.sampled_from(
    [
        b"\xf8",
        b"\xfe",
        b"\xff\x51\x03\0\0\0",
        b"\xff\x59\x02\x09\0",
        b"\xb0\x40\x80",
        b"\xc3\xff",
        b"\xe0\x80\x80",
    ]
)
KEPT = st.one_of(
    st.tuples(st.sampled_from([0x80, 0x90, 0x91, 0xB0]), st.integers(0, 127), st.integers(0, 127)),
    st.tuples(st.sampled_from([0xC0, 0xD1]), st.integers(0, 127)),
)


@given(
    rows=st.lists(st.tuples(st.integers(0, 20_000), KEPT, st.none() | SKIPPED), max_size=30),
    uses_running_status=st.booleans(),
)
@settings(deadline=None, max_examples=2 * settings().max_examples)
def test_what_is_kept_has_the_ticks_and_bytes_of_a_track_without_the_damage(
    rows, uses_running_status
):
    sound, damaged, running = b"", b"", -1
    for delta, event, skipped in rows:
        sound += kinds.number(delta) + bytes(event)
        if skipped:  # half of the delta time is before the damage
            damaged += kinds.number(delta // 2) + skipped
            delta -= delta // 2
            running = skipped[0] if skipped[0] < 0xF0 else running
        is_running = uses_running_status and event[0] == running
        damaged += kinds.number(delta) + bytes(event[is_running:])
        running = event[0]
    expected = list(read_events(kinds.midi(kinds.track(sound + kinds.END))))
    data = kinds.midi(kinds.track(damaged + kinds.END))
    assert list(read_events(validate_midi(data).data)) == expected


def read_events(data):
    """Yield tick, status and content of the first track, with mido's reading of running status."""
    import io

    import mido

    tick = 0
    for message in mido.MidiFile(file=io.BytesIO(data)).tracks[0]:
        tick += message.time
        yield tick, message.bytes() if not message.is_meta else message.type
