"""A witness changes nothing of what is played, and tells all of it."""

from pipeline.live.note_source import PendingNote
from pipeline.studio.client_queue import ServerMessage
from pipeline.studio.event_port import BroadcastingSource


class Scripted:
    """A source with a part to play, that writes down what is done to it."""

    tempo, done, is_responding = 1.5, False, True

    def __init__(self, *part: PendingNote) -> None:
        self.part = list(part)
        self.did: list[tuple[object, ...]] = []

    def peek(self, floor: int) -> PendingNote | None:
        return self.part[0] if self.part else None

    def commit(self) -> None:
        self.did.append(("accept", self.part.pop(0)))

    def note_on(self, cell: int, pitch: int, velocity: int) -> bool:
        self.did.append(("strike", cell, pitch, velocity))
        return True

    def note_off(self, cell: int, pitch: int) -> None:
        self.did.append(("lift", cell, pitch))

    def cut_at(self, cell: int) -> None:
        self.did.append(("silenced", cell))


FIRST, SECOND = PendingNote(10, 20, 60, 80), PendingNote(40, 5, 64, 70)


def witness(
    *part: PendingNote,
) -> tuple[BroadcastingSource, Scripted, list[ServerMessage], list[tuple[int, list[PendingNote]]]]:
    source, told, judged = (
        Scripted(*part),
        list[ServerMessage](),
        list[tuple[int, list[PendingNote]]](),
    )
    here = BroadcastingSource(
        source, told.append, lambda number, notes: judged.append((number, notes))
    )  # type: ignore[arg-type]
    here.time_of = lambda cell: 1000 + cell / 100
    return here, source, told, judged


def test_a_note_is_told_of_when_it_is_sure_with_its_time() -> None:
    here, source, told, _ = witness(FIRST, SECOND)
    assert (here.tempo, here.done) == (1.5, False)
    assert here.peek(0) == FIRST
    here.commit()
    assert here.peek(10) == SECOND
    assert source.did == [("accept", FIRST)]
    assert [frame["type"] for frame in told] == ["turn", "draft", "note", "draft"]
    times = {"pitch": 60, "velocity": 80, "onset": 1000.1, "duration": 0.2}
    assert told[1] == {"type": "draft", "change": 0, **times}
    assert told[2] == {
        "type": "note",
        "who": "model",
        "number": told[2]["number"],
        "change": 0,
        **times,
    }


def test_a_proposal_that_stays_is_told_of_once_and_again_under_a_change() -> None:
    here, _, told, _ = witness(FIRST)
    for _ in range(5):
        here.peek(0)
    here.control_revision = 7
    for _ in range(5):
        here.peek(0)
    assert [frame["change"] for frame in told if frame["type"] == "draft"] == [0, 7]


def test_a_note_of_a_person_is_told_of_twice_and_judged_by_what_came_before() -> None:
    here, source, told, judged = witness(FIRST)
    here.peek(0)
    here.commit()
    assert here.note_on(20, 67, 90)
    here.note_off(35, 67)
    human = [frame for frame in told if frame.get("who") == "human" or frame["type"] == "end"]
    assert human[0]["onset"] == 1000.2
    assert human[0]["duration"] is None
    assert human[1] == {"type": "end", "number": human[0]["number"], "end": 1000.35}
    assert judged == [(human[0]["number"], [FIRST, PendingNote(20, 15, 67, 90)])]
    assert source.did[1:] == [("strike", 20, 67, 90), ("lift", 35, 67)]


def test_a_key_struck_twice_ends_its_first_note_and_a_lift_alone_ends_none() -> None:
    here, _, told, judged = witness()
    here.note_off(5, 60)
    here.note_on(10, 60, 80)
    here.note_on(20, 60, 80)
    here.note_off(30, 60)
    assert [frame["type"] for frame in told] == ["note", "end", "note", "end"]
    assert [notes[-1] for _, notes in judged] == [
        PendingNote(10, 10, 60, 80),
        PendingNote(20, 10, 60, 80),
    ]


def test_a_model_that_rests_says_nothing_and_begins_afresh() -> None:
    here, source, told, _ = witness(FIRST)
    here.peek(0)
    here.paused = True
    assert here.peek(5) is None
    assert told[-1] == {"type": "turn", "model": False}
    assert source.did == []
    here.paused = False
    assert here.peek(9) == FIRST
    assert source.did == [("silenced", 9)]


def test_what_was_cut_is_shorter_and_what_did_not_sound_is_forgotten() -> None:
    here, source, _, judged = witness(FIRST, SECOND)
    for floor in (10, 40):
        here.peek(floor)
        here.commit()
    here.cut_at(15)
    here.note_on(50, 67, 90)
    here.note_off(60, 67)
    assert judged[0][1] == [FIRST._replace(duration=5), PendingNote(50, 10, 67, 90)]
    assert ("silenced", 15) in source.did
