"""The sustain pedal, by hand, against a player that goes from event to event, and in properties."""

import time

import numpy as np
import pytest
from factories import make_pedal_notes
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.errors import MidiError
from pipeline.midi.reader import read_notes
from pipeline.midi.sustain import (
    TrackNotes,
    apply_sustain,
    compute_pedal_states,
    extend_notes,
)
from pipeline.midi.writer import write_notes
from pipeline.notes import quantize
from pipeline.notes.note import make_notes


def make_part(notes=(), pedal=()):
    """Return what notes (on, off, pitch) and moves (time, value) of a pedal make."""
    on, off, pitch = np.array(notes, float).reshape(-1, 3).T
    change, value = np.array(pedal, float).reshape(-1, 2).T
    return TrackNotes(
        on, off, pitch.astype(int), np.arange(len(on)) % 127 + 1, change, value.astype(int)
    )


def list_ends(*parts):
    return [each.off.tolist() for each in apply_sustain(parts)]


CASES = {
    "up again": ([(0, 1, 60)], [(0.5, 127), (3, 0)], [3]),
    "64 is down and 63 is up": ([(0, 1, 60)], [(0.5, 64), (2, 65), (3, 63)], [3]),
    "63 is not down": ([(0, 1, 60), (4, 5, 60)], [(0.5, 63), (3, 0)], [1, 5]),
    "pressed after the release": ([(0, 1, 60), (4, 5, 62)], [(1.5, 127), (3, 0)], [1, 5]),
    "lifted before the release": ([(0, 2, 60)], [(0.5, 127), (1, 0)], [2]),
    "struck again": ([(0, 1, 60), (2, 4, 60), (2.5, 2.6, 61)], [(0.5, 127), (3, 0)], [2, 4, 3]),
    "struck again at the release": ([(0, 1, 60), (1, 2, 60)], [(0.5, 127), (3, 0)], [1, 3]),
    "struck again while held": ([(0, 2, 60), (1, 2, 60)], [(0.5, 127), (3, 0)], [2, 3]),
    "struck twice at once": (
        [(0, 1, 60), (0, 1.5, 60), (2, 3, 60)],
        [(0.5, 127), (4, 0)],
        [2, 2, 4],
    ),
    "never up: the last note off": ([(0, 1, 60), (5, 6, 62)], [(0.5, 127)], [6, 6]),
    "never up: the last move": ([(0, 1, 60)], [(0.5, 127), (7, 100)], [7]),
    "down at the release": ([(0, 1, 60)], [(1, 127), (3, 0)], [3]),
    "up at the release": ([(0, 1, 60)], [(0.5, 127), (1, 0), (2, 127), (3, 0)], [1]),
    "up and down in one instant": (
        [(0, 1, 60), (1, 2, 62)],
        [(0, 127), (2, 0), (2, 127), (3, 0)],
        [2, 3],
    ),
    "down and up in one instant": (
        [(0, 1, 60), (1, 2, 62)],
        [(0, 127), (2, 127), (2, 0), (3, 0)],
        [2, 2],
    ),
    "before all notes": ([(1, 2, 60)], [(0, 127), (3, 0)], [3]),
}


@pytest.mark.parametrize("case", CASES)
def test_by_hand(case):
    notes, pedal, expected = CASES[case]
    assert list_ends(make_part(notes, pedal)) == [expected]


def test_a_pedal_holds_its_own_part_only_and_all_parts_end_the_piece():
    with_pedal, without = make_part([(0, 1, 60)], [(0.5, 127)]), make_part([(0, 2, 60), (3, 9, 60)])
    assert list_ends(with_pedal, without) == [[9], [2, 9]]


def test_a_part_without_notes_is_left_out_and_does_not_end_the_piece():
    assert list_ends(
        make_part([(0, 1, 60), (2, 3, 61)], [(0.5, 127)]), make_part([], [(50, 0)])
    ) == [[3, 3]]
    assert apply_sustain([]) == [] and apply_sustain([make_part([], [(1, 127)])]) == []


@pytest.mark.parametrize("pedal", [[(2, 127), (1, 0)], [(-1, 127), (1, 0)]])
def test_a_pedal_that_goes_back_in_time_is_refused(pedal):
    with pytest.raises(MidiError, match="back in time"):
        apply_sustain([make_part([(0, 1, 60)], pedal)])


@st.composite
def parts(draw, moves=12):
    """A part on few instants, so that notes and moves of the pedal often meet; some instants are no round floats."""
    scale = draw(st.sampled_from([1.0, 0.1, 1 / 384]))
    note = st.tuples(st.integers(0, 12), st.integers(1, 6), st.sampled_from([0, 60, 61, 127]))
    notes = draw(st.lists(note, min_size=1, max_size=15))
    move = st.tuples(st.integers(0, 20), st.sampled_from([0, 1, 63, 64, 65, 127]))
    pedal = sorted(draw(st.lists(move, max_size=moves)), key=lambda each: each[0])
    return make_part(
        [(on * scale, (on + length) * scale, pitch) for on, length, pitch in notes],
        [(at * scale, value) for at, value in pedal],
    )


PEDAL, LET_GO, STRIKE = range(3)


def find_ends_by_events(one, end):
    """Return when notes cease to sound, by going through the events of a part in order."""
    events = [(at, PEDAL, row) for row, at in enumerate(one.pedal_time)]
    events += [(at, LET_GO, row) for row, at in enumerate(one.off)]
    events += [(at, STRIKE, row) for row, at in enumerate(one.on)]
    ceases, down = one.off.copy(), False
    ringing, replaced = set(), set()
    for now, kind, row in sorted(events):
        if kind == PEDAL:
            down = one.pedal_value[row] >= 64
            stop = set() if down else set(ringing)
        elif kind == LET_GO:
            ringing |= {row} if down and row not in replaced else set()
            stop = set()
        else:
            older = {
                each
                for each in range(len(one.on))
                if one.pitch[each] == one.pitch[row] and one.on[each] < now
            }
            replaced |= older
            stop = older & ringing
        ceases[list(stop)] = now
        ringing -= stop
    ceases[list(ringing)] = end
    return ceases


def find_last_event(several):
    return max(
        float(times.max(initial=0)) for one in several for times in (one.off, one.pedal_time)
    )


@pytest.mark.slow
@given(several=st.lists(parts(), min_size=1, max_size=3))
@settings(deadline=None, max_examples=3 * settings().max_examples)
def test_a_player_that_goes_from_event_to_event_agrees(several):
    end = find_last_event(several)
    for one, after in zip(several, apply_sustain(several), strict=True):
        assert after.off.tolist() == find_ends_by_events(one, end).tolist()


@pytest.mark.slow
@given(several=st.lists(parts(), min_size=1, max_size=3))
@settings(deadline=None)
def test_only_ends_change_and_they_are_never_earlier_nor_past_the_piece(several):
    for one, after in zip(several, apply_sustain(several), strict=True):
        for name in set(TrackNotes._fields) - {"off"}:
            assert getattr(after, name) is getattr(one, name)
        assert (after.off >= one.off).all() and (after.off <= find_last_event(several)).all()
        assert after.off.dtype == one.off.dtype


@given(one=parts())
@settings(deadline=None)
def test_no_note_is_extended_past_the_next_onset_of_its_pitch(one):
    (after,) = apply_sustain([one])
    for row in np.flatnonzero(after.off > one.off):
        later = one.on[(one.pitch == one.pitch[row]) & (one.on > one.on[row])]
        assert after.off[row] <= later.min(initial=np.inf)


@given(one=parts(moves=0))
@settings(deadline=None)
def test_without_a_pedal_nothing_changes(one):
    assert apply_sustain([one])[0].off.tobytes() == one.off.tobytes()


@pytest.mark.slow
def test_a_million_notes_take_no_time():
    random = np.random.default_rng(1)
    on = np.sort(random.uniform(0, 1e5, 1_000_000))
    change = np.sort(random.uniform(0, 1e5, 1_000_000))
    pitch, value = random.integers(0, 128, on.size), random.integers(0, 128, change.size)
    began = time.perf_counter()
    apply_sustain([TrackNotes(on, on + 0.1, pitch, pitch, change, value)])
    assert time.perf_counter() - began < 10


PEDAL_CASES = {
    "no pedal": ([0, 1], [], [0, 0]),
    "before the first note": ([1, 2], [(0, 127)], [2, 1]),
    "with the note": ([1, 2], [(1, 64), (2, 63)], [2, 0]),
    "in a chord": ([1, 1, 1], [(1, 127)], [2, 1, 1]),
    "again between two notes": ([1, 2, 3], [(0, 127), (1.5, 0), (1.6, 127)], [2, 2, 1]),
    "again with the note": ([1, 2, 3], [(0, 127), (2, 0), (2, 127)], [2, 2, 1]),
    "pressed and lifted between two notes": ([1, 2], [(1.2, 127), (1.5, 0)], [0, 0]),
    "down and further down": ([1, 2], [(0, 64), (1.5, 127)], [2, 1]),
}


@pytest.mark.parametrize(("onset", "moves", "expected"), PEDAL_CASES.values(), ids=PEDAL_CASES)
def test_the_pedal_of_notes_worked_by_hand(onset, moves, expected):
    pedal = make_part(pedal=moves)
    states = compute_pedal_states(np.array(onset, float), pedal.pedal_time, pedal.pedal_value)
    assert states.tolist() == expected


@given(
    onset=st.lists(st.integers(0, 9), min_size=1, max_size=12).map(sorted),
    moves=st.lists(st.tuples(st.integers(0, 9), st.sampled_from([0, 63, 64, 127])), max_size=12),
)
def test_the_pedal_of_notes_is_that_of_a_player_who_goes_from_event_to_event(onset, moves):
    moves = sorted(moves, key=lambda move: move[0])
    expected, rest, is_down, is_pressed = [], list(moves), False, False
    for time_of_note in onset:
        while rest and rest[0][0] <= time_of_note:
            value = rest.pop(0)[1]
            is_pressed |= value >= 64 and not is_down
            is_down = value >= 64
        expected.append((1 + is_pressed) * is_down)
        is_pressed = False
    pedal = make_part(pedal=moves)
    states = compute_pedal_states(np.array(onset, float), pedal.pedal_time, pedal.pedal_value)
    assert states.tolist() == expected


def test_notes_last_as_long_as_the_pedal_that_they_tell_holds_them():
    notes = make_notes(
        [0.0, 1.0, 2.0, 3.0, 4.0],
        [0.5, 0.5, 0.5, 2.5, 0.5],
        [60, 62, 60, 64, 65],
        64,
        [2, 1, 1, 2, 0],
    )
    sounding = extend_notes(notes)
    assert sounding["duration"].tolist() == [2.0, 2.0, 1.0, 2.5, 0.5]
    assert not sounding["pedal"].any()
    assert notes["duration"].tolist() == [0.5, 0.5, 0.5, 2.5, 0.5]
    assert extend_notes(sounding) is sounding


@given(seed=st.integers(0, 1000), count=st.integers(1, 40))
@settings(deadline=None)
def test_notes_sound_as_the_file_that_is_written_of_them(tmp_path_factory, seed, count):
    notes = quantize.dequantize(make_pedal_notes(seed, count))
    path = tmp_path_factory.getbasetemp() / "piece.mid"
    write_notes(notes, path)
    written = read_notes(path.read_bytes(), "symusic")
    file_sounds = read_notes(path.read_bytes(), "symusic", sustain_pedal=True)
    assert extend_notes(written)["duration"] == pytest.approx(file_sounds["duration"], abs=1e-6)
