"""The ends of notes are sent to pages, and their starts are not."""

import time

from pipeline.studio.event_port import EventPort
from pipeline.studio.messages import AllNotesEnded, ModelNoteEnded, ServerMessage


def test_ends_are_sent_and_starts_are_not() -> None:
    sent: list[ServerMessage] = []
    port = EventPort(sent.append)
    for message in ((0x90, 60, 80), (0x80, 60, 64), (0xB0, 64, 0), (0xB0, 123, 0), (0xB0, 120, 0)):
        port.send(message)
    port.close()
    note_end, all_ended = sent
    assert isinstance(note_end, ModelNoteEnded) and isinstance(all_ended, AllNotesEnded)
    assert note_end.pitch == 60
    for end in (note_end, all_ended):
        assert abs(end.time - time.monotonic()) < 5
