"""A take holds the notes that began in it, from its own beginning."""

import io

from hypothesis import given
from hypothesis import strategies as st
from pretty_midi import PrettyMIDI

from pipeline.live.recorder import HUMAN, MODEL
from pipeline.studio.recording import Take


@given(st.floats(0, 1e5), st.lists(st.floats(0, 100), max_size=20), st.floats(0, 100), st.floats(0, 50))
def test_only_what_began_in_it_is_taken(begun: float, onsets: list[float], start: float, long: float) -> None:
    take = Take()
    take.begun = begun
    take.begin(begun + start)
    take.end(begun + start + long)
    for onset in onsets:
        take.add(HUMAN, onset, 0.5, 60, 80)
    kept = [onset for onset in onsets if begun + start <= begun + onset < begun + start + long]
    assert len(take) == len(kept)
    assert abs(sum(take.notes()["onset"]) - sum(begun + onset - (begun + start) for onset in kept)) < 1e-6


def test_nothing_is_taken_before_the_button() -> None:
    take = Take()
    take.add(MODEL, 1.0, 0.5, 60, 80)
    assert (len(take), take.recording) == (0, False)
    take.begin(0.0)
    assert take.recording
    take.end(1.0)
    assert not take.recording


def test_another_take_begins_empty_and_another_player_keeps_the_time() -> None:
    take = Take()
    take.begin(10.0)
    take.add(MODEL, 11.0, 0.5, 60, 80)
    take.begin(20.0)
    take.add(MODEL, 21.0, 0.5, 62, 80)
    take.begun = 30.0  # another model, another player, whose time begins at 0
    take.add(HUMAN, 1.0, 0.5, 64, 90)
    tracks = PrettyMIDI(io.BytesIO(take.data())).instruments
    found = {track.name: [(note.pitch, note.start, note.end) for note in track.notes] for track in tracks}
    assert found == {"model": [(62, 1.0, 1.5)], "human": [(64, 11.0, 11.5)]}
