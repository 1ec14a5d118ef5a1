"""A take holds the notes that began in it, from its own beginning."""

import io

from hypothesis import given
from hypothesis import strategies as st
from pretty_midi import PrettyMIDI

from pipeline.live.recorder import HUMAN, MODEL
from pipeline.studio.recording import TimedRecorder


@given(
    st.floats(0, 1e5), st.lists(st.floats(0, 100), max_size=20), st.floats(0, 100), st.floats(0, 50)
)
def test_only_what_began_in_it_is_taken(
    begun: float, onsets: list[float], start: float, long: float
) -> None:
    take = TimedRecorder()
    take.player_start_time = begun
    take.start(begun + start)
    take.stop(begun + start + long)
    for onset in onsets:
        take.add(HUMAN, onset, 0.5, 60, 80)
    kept = [onset for onset in onsets if begun + start <= begun + onset < begun + start + long]
    assert len(take) == len(kept)
    assert (
        abs(
            sum(take.collect_notes()["onset"])
            - sum(begun + onset - (begun + start) for onset in kept)
        )
        < 1e-6
    )


def test_nothing_is_taken_before_the_button() -> None:
    take = TimedRecorder()
    take.add(MODEL, 1.0, 0.5, 60, 80)
    assert (len(take), take.is_recording) == (0, False)
    take.start(0.0)
    assert take.is_recording
    take.stop(1.0)
    assert not take.is_recording


def test_another_take_begins_empty_and_another_player_keeps_the_time() -> None:
    take = TimedRecorder()
    take.start(10.0)
    take.add(MODEL, 11.0, 0.5, 60, 80)
    take.start(20.0)
    take.add(MODEL, 21.0, 0.5, 62, 80)
    take.player_start_time = 30.0  # another model, another player, whose time begins at 0
    take.add(HUMAN, 1.0, 0.5, 64, 90)
    tracks = PrettyMIDI(io.BytesIO(take.to_midi_bytes())).instruments
    found = {
        track.name: [(note.pitch, note.start, note.end) for note in track.notes] for track in tracks
    }
    assert found == {"model": [(62, 1.0, 1.5)], "human": [(64, 11.0, 11.5)]}
