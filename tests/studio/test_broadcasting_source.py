"""The source changes nothing of what is played, and sends all of it."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from pipeline.live.note_source import PendingNote
from pipeline.live.player import Player
from pipeline.live.recorder import Recorder
from pipeline.live.timeline import SimulatedClock
from pipeline.notes.note import PEDAL_PRESSED, PEDAL_UP
from pipeline.studio.broadcasting_source import BroadcastingSource
from pipeline.studio.event_port import EventPort
from pipeline.studio.messages import (
    HumanNoteEnded,
    NoteStarted,
    Preview,
    ServerMessage,
    TurnChanged,
)


class ScriptedSource:
    """A source with given notes, that lists the calls of its methods."""

    tempo, done, is_responding = 1.5, False, True

    def __init__(self, *notes: PendingNote) -> None:
        self.notes = list(notes)
        self.calls: list[tuple[object, ...]] = []

    def peek(self, floor: int) -> PendingNote | None:
        return self.notes[0] if self.notes else None

    def commit(self) -> None:
        self.calls.append(("commit", self.notes.pop(0)))

    def note_on(self, cell: int, pitch: int, velocity: int, pedal: int) -> bool:
        self.calls.append(("note_on", cell, pitch, velocity, pedal))
        return True

    def note_off(self, cell: int, pitch: int, key_up: int) -> None:
        self.calls.append(("note_off", cell, pitch, key_up))

    def end_turn(self) -> None:
        self.calls.append(("end_turn",))

    def cut_at(self, cell: int) -> None:
        self.calls.append(("cut_at", cell))


FIRST, SECOND = PendingNote(10, 20, 60, 80), PendingNote(40, 5, 64, 70)


@dataclass
class Setup:
    """A source, what it wraps, and what it sends and has measured."""

    source: BroadcastingSource
    scripted: ScriptedSource
    sent: list[ServerMessage]
    measured: list[tuple[int, list[PendingNote]]]

    def types(self) -> list[str]:
        return [message.model_dump()["type"] for message in self.sent]


def make_setup(*notes: PendingNote, has_pedal: bool = False) -> Setup:
    setup = Setup(None, ScriptedSource(*notes), [], [])  # type: ignore[arg-type]
    setup.source = BroadcastingSource(
        setup.scripted,  # type: ignore[arg-type]
        setup.sent.append,
        lambda note_id, context: setup.measured.append((note_id, context)),
        has_pedal,
    )
    setup.source.time_of = lambda cell: 1000 + cell / 100
    return setup


def test_a_note_is_sent_with_its_time_when_it_is_sure() -> None:
    setup = make_setup(FIRST, SECOND)
    source = setup.source
    assert (source.tempo, source.done) == (1.5, False)
    assert source.peek(0) == FIRST
    source.commit()
    assert source.peek(10) == SECOND
    assert setup.scripted.calls == [("commit", FIRST)]
    assert setup.types() == ["turn", "preview", "note_on", "preview"]
    _, preview, note, _ = setup.sent
    times = {"pitch": 60, "velocity": 80, "onset": 1000.1, "duration": 0.2}
    assert preview == Preview(revision=0, **times)
    assert isinstance(note, NoteStarted)
    assert note == NoteStarted(performer="model", note_id=note.note_id, revision=0, **times)


def test_a_note_that_stays_the_next_is_sent_once_and_again_under_a_change() -> None:
    setup = make_setup(FIRST)
    for _ in range(5):
        setup.source.peek(0)
    setup.source.control_revision = 7
    for _ in range(5):
        setup.source.peek(0)
    assert [message.revision for message in setup.sent if isinstance(message, Preview)] == [0, 7]


def test_a_note_of_a_person_is_sent_twice_and_measured_after_what_came_before() -> None:
    setup = make_setup(FIRST)
    source = setup.source
    source.peek(0)
    source.commit()
    assert source.note_on(20, 67, 90, PEDAL_UP)
    source.note_off(35, 67, 35)
    started, ended = setup.sent[-2:]
    assert isinstance(started, NoteStarted)
    assert (started.performer, started.onset, started.duration) == ("human", 1000.2, None)
    assert ended == HumanNoteEnded(note_id=started.note_id, end=1000.35)
    assert setup.measured == [(started.note_id, [FIRST, PendingNote(20, 15, 67, 90)])]
    assert setup.scripted.calls[1:] == [
        ("note_on", 20, 67, 90, PEDAL_UP),
        ("note_off", 35, 67, 35),
    ]


def test_a_note_under_the_pedal_is_measured_as_a_model_of_the_pedal_reads_it() -> None:
    measured = []
    for has_pedal in (False, True):
        setup = make_setup(has_pedal=has_pedal)
        setup.source.note_on(20, 67, 90, PEDAL_PRESSED)
        setup.source.note_off(35, 67, 28)
        measured.append(setup.measured[0][1][-1])
    assert measured == [PendingNote(20, 15, 67, 90), PendingNote(20, 8, 67, 90, PEDAL_PRESSED)]


def test_a_key_pressed_twice_ends_its_first_note_and_a_release_alone_ends_none() -> None:
    setup = make_setup()
    setup.source.note_off(5, 60, 5)
    setup.source.note_on(10, 60, 80, PEDAL_UP)
    setup.source.note_on(20, 60, 80, PEDAL_UP)
    setup.source.note_off(30, 60, 30)
    assert setup.types() == ["note_on", "note_end", "note_on", "note_end"]
    assert [notes[-1] for _, notes in setup.measured] == [
        PendingNote(10, 10, 60, 80),
        PendingNote(20, 10, 60, 80),
    ]


def test_a_model_that_is_paused_sends_nothing_and_starts_afresh() -> None:
    setup = make_setup(FIRST)
    setup.source.peek(0)
    setup.source.paused = True
    assert setup.source.peek(5) is None
    assert setup.sent[-1] == TurnChanged(is_model=False)
    assert setup.scripted.calls == []
    setup.source.paused = False
    assert setup.source.peek(9) == FIRST
    assert setup.scripted.calls == [("cut_at", 9)]


def test_a_note_that_was_cut_is_shorter_and_one_that_did_not_sound_is_forgotten() -> None:
    setup = make_setup(FIRST, SECOND)
    for floor in (10, 40):
        setup.source.peek(floor)
        setup.source.commit()
    setup.source.cut_at(15)
    setup.source.note_on(50, 67, 90, PEDAL_UP)
    setup.source.note_off(60, 67, 60)
    assert setup.measured[0][1] == [FIRST._replace(duration=5), PendingNote(50, 10, 67, 90)]
    assert ("cut_at", 15) in setup.scripted.calls


@pytest.mark.parametrize(
    "interrupt",
    [Player.panic, Player.end_model_notes, lambda player: player.note_on(67, 90)],
    ids=["panic", "end_model_notes", "note_on"],
)
def test_pages_end_a_note_that_they_know_and_that_will_not_sound(
    interrupt: Callable[[Player], None],
) -> None:
    """A person interrupts while the second note is drawn, which is sent to pages then, ahead of its time."""
    setup = make_setup(PendingNote(0, 200, 60, 80), PendingNote(14, 20, 60, 80))
    clock = SimulatedClock()
    player = Player(setup.source, EventPort(setup.sent.append), Recorder(), clock, clock.sleep)
    player.fill_queue()
    player.schedule.send_due()
    commit = setup.source.commit

    def commit_while_a_person_interrupts() -> None:
        interrupt(player)
        commit()

    setup.source.commit = commit_while_a_person_interrupts  # type: ignore[method-assign]
    clock.sleep(0.02)
    player.fill_queue()
    assert setup.types()[-1] == "note_on"
    player.fill_queue()
    assert setup.types()[-1] == "all_notes_off"
    clock.sleep(5)
    player.schedule.send_due()
    assert setup.types()[-1] == "all_notes_off", "nothing else was to come"


def test_a_source_that_stops_ends_its_notes_those_of_the_person_and_its_turn() -> None:
    setup = make_setup(FIRST)
    setup.source.peek(0)
    setup.source.note_on(20, 67, 90, PEDAL_UP)
    setup.source.stop(35)
    assert setup.types()[-3:] == ["note_end", "turn", "all_notes_off"]
    assert setup.sent[-2] == TurnChanged(is_model=False)
    setup.source.stop(35)
    assert setup.types()[-2:] == ["all_notes_off", "all_notes_off"]


def test_a_page_is_sent_the_pedal_of_a_model_that_tells_it() -> None:
    setup = make_setup(FIRST._replace(pedal=2))
    setup.source.has_pedal = True
    setup.source.peek(0)
    setup.source.commit()
    setup.source.note_on(20, 67, 90, PEDAL_UP)
    started = [message for message in setup.sent if isinstance(message, NoteStarted)]
    assert [message.pedal for message in started] == [2, None]
