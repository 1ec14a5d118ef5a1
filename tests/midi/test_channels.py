"""The pedal of a channel, whichever track or program it is on, against the same events on one track."""

import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent.parent / "hostile"))

from kinds import END, midi, number, track

from pipeline.midi import reader
from pipeline.midi.validate import validate_midi

READERS: tuple[reader.Reader, ...] = ("symusic", "pretty_midi")


def make_track(events):
    """Return a track of (tick, bytes), in order of ticks."""
    data, before = b"", 0
    for tick, message in sorted(events, key=lambda event: event[0]):
        data += number(tick - before) + message
        before = tick
    return track(data + END)


def make_pedal(tick, value, channel=0):
    return tick, bytes([0xB0 | channel, 64, value])


def make_note(on, off, pitch, channel=0):
    return [(on, bytes([0x90 | channel, pitch, 80])), (off, bytes([0x80 | channel, pitch, 0]))]


def read_tracks(tracks, name, sustain_pedal=True):
    """Return onset, duration and pitch in ticks of 1/192 s."""
    data = midi(*map(make_track, tracks), division=96)
    notes = reader.read_notes(data, name, sustain_pedal)
    columns = zip(notes["onset"] * 192, notes["duration"] * 192, notes["pitch"], strict=True)
    return [(round(onset), round(duration), int(pitch)) for onset, duration, pitch in columns]


PEDAL = [make_pedal(0, 127), make_pedal(960, 0)]
CASES = {
    "pedal and right hand, left hand": [[*PEDAL, *make_note(0, 96, 72)], make_note(0, 96, 48)],
    "left hand before the pedal": [make_note(0, 96, 48), [*PEDAL, *make_note(0, 96, 72)]],
    "a track of the pedal alone": [PEDAL, make_note(0, 96, 48), make_note(0, 96, 72)],
    "a program that changes between the notes": [
        [*PEDAL, *make_note(0, 96, 48), (96, b"\xc0\x05"), *make_note(96, 192, 72)]
    ],
    "a program after the pedal": [[PEDAL[0], (0, b"\xc0\x05"), *make_note(0, 96, 48), PEDAL[1]]],
}


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("case", CASES)
def test_all_notes_of_a_channel_sound_until_its_pedal_comes_up(case, name):
    ends = [onset + duration for onset, duration, _ in read_tracks(CASES[case], name)]
    assert ends and set(ends) == {960}


@pytest.mark.parametrize("name", READERS)
def test_the_pedal_of_another_channel_holds_nothing(name):
    tracks = [[*PEDAL, *make_note(0, 96, 72)], make_note(0, 96, 48, channel=1)]
    assert read_tracks(tracks, name) == [(0, 96, 48), (0, 960, 72)]
    assert read_tracks(tracks, name, sustain_pedal=False) == [(0, 96, 48), (0, 96, 72)]


@pytest.mark.parametrize(("late", "is_split"), [(b"\xb0\x07\x40", False), (b"\xc0\x05", True)])
def test_a_track_of_one_program_is_not_rewritten(late, is_split):
    data = midi(make_track([(0, b"\xc0\x07"), *PEDAL, *make_note(0, 96, 60), (97, late)]))
    assert validate_midi(data).has_split_channels is is_split


@st.composite
def split_channels(draw):
    """Return events on one track, and the same events on three tracks, with programs that change."""
    together, apart = [], [[], [], []]
    for channel in draw(st.sampled_from([[0], [0, 3]])):
        for pitch in draw(st.lists(st.integers(60, 66), min_size=1, max_size=5, unique=True)):
            hand = draw(st.sampled_from(apart))
            times = draw(st.lists(st.integers(0, 90), min_size=2, max_size=6, unique=True))
            times = sorted(times)[: len(times) // 2 * 2]
            for on, off in zip(times[::2], times[1::2], strict=True):
                together += make_note(on, off, pitch, channel)
                hand += make_note(on, off, pitch, channel)
        for tick in draw(st.sets(st.integers(0, 99), max_size=8)):
            change = make_pedal(tick, draw(st.sampled_from([0, 63, 64, 127])), channel)
            together.append(change)
            draw(st.sampled_from(apart)).append(change)
        for tick in draw(st.lists(st.integers(0, 99), max_size=3)):
            program = bytes([0xC0 | channel, draw(st.integers(0, 127))])
            draw(st.sampled_from(apart)).append((tick, program))
    return together, apart


@pytest.mark.slow
@given(events=split_channels())
@settings(deadline=None, max_examples=settings().max_examples * 3 // 2)
def test_it_does_not_matter_on_which_track_and_program_an_event_is(events):
    together, apart = events
    for name in READERS:
        assert sorted(read_tracks([together], name)) == sorted(read_tracks(apart, name))
