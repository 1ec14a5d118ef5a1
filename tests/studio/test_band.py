"""A band plays into the room, and leaves no note behind."""

import time
from pathlib import Path

from pipeline.inference.playing import AS_IT_IS, read_prompt
from pipeline.live.controls import Controls
from pipeline.studio import library
from pipeline.studio.band import Band, Ears, Stage
from pipeline.studio.outbox import Frame
from pipeline.studio.take import Take


def test_ends_are_told_of_and_beginnings_are_not() -> None:
    told: list[Frame] = []
    ears = Ears(told.append)
    for message in ((0x90, 60, 80), (0x80, 60, 64), (0xB0, 64, 0), (0xB0, 123, 0), (0xB0, 120, 0)):
        ears.send(message)
    ears.close()
    assert [(frame["type"], frame.get("pitch")) for frame in told] == [("off", 60), ("silence", None)]
    assert all(abs(frame["at"] - time.monotonic()) < 5 for frame in told)


def test_every_note_that_is_told_of_ends(in_folder: Path) -> None:
    told: list[Frame] = []
    stage = Stage(told.append, Controls(AS_IT_IS), Take(), mode="free")
    stage.take.begin(time.monotonic())
    begun = time.monotonic()
    band = Band(library.choose("expressive")[1], stage, read_prompt(None))
    while sum(frame["type"] == "off" for frame in told) < 3 and time.monotonic() < begun + 20:
        time.sleep(0.02)
    band.stop()
    band.stop()
    notes = [frame for frame in told if frame["type"] == "note"]
    assert len(notes) >= 3
    assert all(begun < frame["onset"] < time.monotonic() + 0.2 for frame in notes)
    assert told[-1]["type"] == "silence"
    assert 3 <= len(stage.take) <= len(notes)
    assert not band.player.running
    assert not band.surprise.thread.is_alive()
