"""A witness changes nothing of what is played, and tells all of it."""

from pipeline.live.note_source import Draft
from pipeline.studio.client_queue import Frame
from pipeline.studio.event_port import Witness


class Scripted:
    """A source with a part to play, that writes down what is done to it."""

    tempo, done, answering = 1.5, False, True

    def __init__(self, *part: Draft) -> None:
        self.part = list(part)
        self.did: list[tuple[object, ...]] = []

    def propose(self, floor: int) -> Draft | None:
        return self.part[0] if self.part else None

    def accept(self) -> None:
        self.did.append(("accept", self.part.pop(0)))

    def strike(self, cell: int, pitch: int, velocity: int) -> bool:
        self.did.append(("strike", cell, pitch, velocity))
        return True

    def lift(self, cell: int, pitch: int) -> None:
        self.did.append(("lift", cell, pitch))

    def silenced(self, cell: int) -> None:
        self.did.append(("silenced", cell))


FIRST, SECOND = Draft(10, 20, 60, 80), Draft(40, 5, 64, 70)


def witness(*part: Draft) -> tuple[Witness, Scripted, list[Frame], list[tuple[int, list[Draft]]]]:
    source, told, judged = Scripted(*part), list[Frame](), list[tuple[int, list[Draft]]]()
    here = Witness(source, told.append, lambda number, notes: judged.append((number, notes)))  # type: ignore[arg-type]
    here.due = lambda cell: 1000 + cell / 100
    return here, source, told, judged


def test_a_note_is_told_of_when_it_is_sure_with_its_time() -> None:
    here, source, told, _ = witness(FIRST, SECOND)
    assert (here.tempo, here.done) == (1.5, False)
    assert here.propose(0) == FIRST
    here.accept()
    assert here.propose(10) == SECOND
    assert source.did == [("accept", FIRST)]
    assert [frame["type"] for frame in told] == ["turn", "draft", "note", "draft"]
    times = {"pitch": 60, "velocity": 80, "onset": 1000.1, "duration": 0.2}
    assert told[1] == {"type": "draft", "change": 0, **times}
    assert told[2] == {"type": "note", "who": "model", "number": told[2]["number"], "change": 0, **times}


def test_a_proposal_that_stays_is_told_of_once_and_again_under_a_change() -> None:
    here, _, told, _ = witness(FIRST)
    for _ in range(5):
        here.propose(0)
    here.change = 7
    for _ in range(5):
        here.propose(0)
    assert [frame["change"] for frame in told if frame["type"] == "draft"] == [0, 7]


def test_a_note_of_a_person_is_told_of_twice_and_judged_by_what_came_before() -> None:
    here, source, told, judged = witness(FIRST)
    here.propose(0)
    here.accept()
    assert here.strike(20, 67, 90)
    here.lift(35, 67)
    human = [frame for frame in told if frame.get("who") == "human" or frame["type"] == "end"]
    assert human[0]["onset"] == 1000.2
    assert human[0]["duration"] is None
    assert human[1] == {"type": "end", "number": human[0]["number"], "end": 1000.35}
    assert judged == [(human[0]["number"], [FIRST, Draft(20, 15, 67, 90)])]
    assert source.did[1:] == [("strike", 20, 67, 90), ("lift", 35, 67)]


def test_a_key_struck_twice_ends_its_first_note_and_a_lift_alone_ends_none() -> None:
    here, _, told, judged = witness()
    here.lift(5, 60)
    here.strike(10, 60, 80)
    here.strike(20, 60, 80)
    here.lift(30, 60)
    assert [frame["type"] for frame in told] == ["note", "end", "note", "end"]
    assert [notes[-1] for _, notes in judged] == [Draft(10, 10, 60, 80), Draft(20, 10, 60, 80)]


def test_a_model_that_rests_says_nothing_and_begins_afresh() -> None:
    here, source, told, _ = witness(FIRST)
    here.propose(0)
    here.resting = True
    assert here.propose(5) is None
    assert told[-1] == {"type": "turn", "model": False}
    assert source.did == []
    here.resting = False
    assert here.propose(9) == FIRST
    assert source.did == [("silenced", 9)]


def test_what_was_cut_is_shorter_and_what_did_not_sound_is_forgotten() -> None:
    here, source, _, judged = witness(FIRST, SECOND)
    for floor in (10, 40):
        here.propose(floor)
        here.accept()
    here.silenced(15)
    here.strike(50, 67, 90)
    here.lift(60, 67)
    assert judged[0][1] == [FIRST._replace(duration=5), Draft(50, 10, 67, 90)]
    assert ("silenced", 15) in source.did
