"""An engine sends what it plays, and leaves no note behind."""

import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from factories import UNCONSTRAINED, make_tiny_model

from pipeline.generation.generate import load_prompt
from pipeline.live.controls import Controls
from pipeline.models.model_io import TrainedModel
from pipeline.studio import catalog
from pipeline.studio.live_engine import LiveEngine, SharedState
from pipeline.studio.messages import AllNotesEnded, ModelNoteEnded, NoteStarted, ServerMessage
from pipeline.studio.recording import TimedRecorder


def broken() -> TrainedModel:
    """Make a model without weights, which cannot start."""
    return replace(make_tiny_model(stateful=True), weights={})


def test_a_model_that_cannot_start_leaves_no_thread_behind() -> None:
    state = SharedState(lambda _: None, Controls(UNCONSTRAINED), TimedRecorder())
    before = threading.active_count()
    with pytest.raises(KeyError):
        LiveEngine(broken(), state, load_prompt(None))
    with pytest.raises(IndexError):
        LiveEngine(make_tiny_model(), state, load_prompt(None)[:0])
    assert threading.active_count() == before
    assert state.recorder.player_start_time == 0


@pytest.mark.slow
def test_every_note_that_is_sent_ends(in_folder: Path) -> None:
    sent: list[ServerMessage] = []
    state = SharedState(sent.append, Controls(UNCONSTRAINED), TimedRecorder())
    state.recorder.start(time.monotonic())
    start = time.monotonic()
    engine = LiveEngine(catalog.load_by_name("maestro")[1], state, load_prompt(None))
    state.mode = "accompany"  # as it is set when the engine starts
    engine.start()
    while count(sent, ModelNoteEnded) < 3 and time.monotonic() < start + 20:
        time.sleep(0.02)
    engine.stop()
    engine.stop()
    notes = [message for message in sent if isinstance(message, NoteStarted)]
    assert len(notes) >= 3
    assert all(start < note.onset < time.monotonic() + 0.2 for note in notes)
    assert isinstance(sent[-1], AllNotesEnded)
    assert 3 <= len(state.recorder) <= len(notes)
    assert not engine.player.running
    assert not engine.surprisal.thread.is_alive()


def count(sent: list[ServerMessage], message_type: type[ServerMessage]) -> int:
    return sum(isinstance(message, message_type) for message in sent)
