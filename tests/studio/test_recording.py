"""A recording holds the notes that started in it, with times from its own start."""

import io

from hypothesis import given
from hypothesis import strategies as st
from pretty_midi import PrettyMIDI

from pipeline.live.recorder import HUMAN, MODEL
from pipeline.studio.recording import TimedRecorder


@given(
    st.floats(0, 1e5), st.lists(st.floats(0, 100), max_size=20), st.floats(0, 100), st.floats(0, 50)
)
def test_only_notes_that_start_in_the_recording_are_kept(
    begun: float, onsets: list[float], start: float, long: float
) -> None:
    recorder = TimedRecorder()
    recorder.player_start_time = begun
    recorder.start(begun + start)
    recorder.stop(begun + start + long)
    for onset in onsets:
        recorder.add(HUMAN, onset, 0.5, 60, 80)
    kept = [onset for onset in onsets if begun + start <= begun + onset < begun + start + long]
    assert len(recorder) == len(kept)
    assert (
        abs(
            sum(recorder.collect_notes()["onset"])
            - sum(begun + onset - (begun + start) for onset in kept)
        )
        < 1e-6
    )


def test_nothing_is_recorded_before_the_start() -> None:
    recorder = TimedRecorder()
    recorder.add(MODEL, 1.0, 0.5, 60, 80)
    assert (len(recorder), recorder.is_recording) == (0, False)
    recorder.start(0.0)
    assert recorder.is_recording
    recorder.stop(1.0)
    assert not recorder.is_recording


def test_shared_notes_stay_when_the_next_recording_starts() -> None:
    recorder = TimedRecorder()
    recorder.start(10.0)
    first = recorder.share_notes()
    recorder.stop(12.0)
    assert recorder.seconds == 2.0
    recorder.add(MODEL, 11.0, 9.0, 60, 80)  # it sounds on after the end
    assert len(first) == 1
    recorder.start(20.0)
    recorder.add(MODEL, 21.0, 0.5, 62, 80)
    assert first.collect_notes()["pitch"].tolist() == [60]
    assert recorder.collect_notes()["pitch"].tolist() == [62]


def test_a_second_recording_starts_empty_and_another_player_keeps_the_time() -> None:
    recorder = TimedRecorder()
    recorder.start(10.0)
    recorder.add(MODEL, 11.0, 0.5, 60, 80)
    recorder.start(20.0)
    recorder.add(MODEL, 21.0, 0.5, 62, 80)
    recorder.player_start_time = 30.0  # another model, another player, whose time begins at 0
    recorder.add(HUMAN, 1.0, 0.5, 64, 90)
    tracks = PrettyMIDI(io.BytesIO(recorder.to_midi_bytes())).instruments
    notes = {
        track.name: [(note.pitch, note.start, note.end) for note in track.notes] for track in tracks
    }
    assert notes == {"model": [(62, 1.0, 1.5)], "human": [(64, 11.0, 11.5)]}
