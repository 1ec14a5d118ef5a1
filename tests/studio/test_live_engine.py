"""A band plays into the room, and leaves no note behind."""

import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from factories import make_tiny_model

from pipeline.generation.generate import UNCONSTRAINED, load_prompt
from pipeline.live.controls import Controls
from pipeline.models.model_io import TrainedModel
from pipeline.studio import catalog
from pipeline.studio.client_queue import ServerMessage
from pipeline.studio.live_engine import EventPort, LiveEngine, SharedState
from pipeline.studio.recording import TimedRecorder


def broken() -> TrainedModel:
    """Make a model without weights, which cannot start."""
    return replace(make_tiny_model(stateful=True), weights={})


def test_ends_are_told_of_and_beginnings_are_not() -> None:
    told: list[ServerMessage] = []
    ears = EventPort(told.append)
    for message in ((0x90, 60, 80), (0x80, 60, 64), (0xB0, 64, 0), (0xB0, 123, 0), (0xB0, 120, 0)):
        ears.send(message)
    ears.close()
    assert [(frame["type"], frame.get("pitch")) for frame in told] == [
        ("off", 60),
        ("silence", None),
    ]
    assert all(abs(frame["at"] - time.monotonic()) < 5 for frame in told)


def test_a_model_that_cannot_start_leaves_no_thread_behind() -> None:
    stage, before = (
        SharedState(lambda _: None, Controls(UNCONSTRAINED), TimedRecorder()),
        threading.active_count(),
    )
    with pytest.raises(KeyError):
        LiveEngine(broken(), stage, load_prompt(None))
    with pytest.raises(IndexError):
        LiveEngine(make_tiny_model(), stage, load_prompt(None)[:0])
    assert threading.active_count() == before
    assert stage.recorder.player_start_time == 0


def test_every_note_that_is_told_of_ends(in_folder: Path) -> None:
    told: list[ServerMessage] = []
    stage = SharedState(told.append, Controls(UNCONSTRAINED), TimedRecorder())
    stage.recorder.start(time.monotonic())
    begun = time.monotonic()
    band = LiveEngine(catalog.load_by_name("maestro")[1], stage, load_prompt(None))
    stage.mode = "accompany"  # as it is set when the band starts
    band.start()
    while sum(frame["type"] == "off" for frame in told) < 3 and time.monotonic() < begun + 20:
        time.sleep(0.02)
    band.stop()
    band.stop()
    notes = [frame for frame in told if frame["type"] == "note"]
    assert len(notes) >= 3
    assert all(begun < frame["onset"] < time.monotonic() + 0.2 for frame in notes)
    assert told[-1]["type"] == "silence"
    assert 3 <= len(stage.recorder) <= len(notes)
    assert not band.player.running
    assert not band.surprisal.thread.is_alive()
