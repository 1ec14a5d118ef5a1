"""Takes are found by an id that nobody guesses, and their names can be file names."""

import pytest

from pipeline.live.recorder import HUMAN, MODEL, Recorder
from pipeline.studio.messages import ClientError
from pipeline.studio.takes import MAX_KEPT, MAX_OTHERS, TakeList, list_notes


def make_recording(*rows: tuple[int, float]) -> Recorder:
    """Return a recording of middle Cs: performer and onset [s] of each."""
    recording = Recorder()
    for performer, onset in rows or [(HUMAN, 0.0)]:
        recording.add(performer, onset, 0.5, 60, 80)
    return recording


def list_names(takes: TakeList) -> list[str]:
    return [take.name for take in takes.describe()]


def test_ids_are_random_and_names_are_numbered() -> None:
    one, two = TakeList(), TakeList()
    ids = {takes.add(make_recording(), 1.0).take_id for takes in (one, two) for _ in range(2)}
    assert len(ids) == 4
    assert all(len(take_id) >= 16 for take_id in ids)
    assert list_names(one) == ["Take 1", "Take 2"]


def test_notes_are_in_order_of_time_and_name_the_performer() -> None:
    recording = make_recording((MODEL, 2.0), (HUMAN, 1.0))
    first = {"performer": "human", "onset": 1.0, "duration": 0.5, "pitch": 60, "velocity": 80}
    assert list_notes(recording) == [first, first | {"performer": "model", "onset": 2.0}]


def test_kept_takes_stay_and_of_the_others_the_last() -> None:
    takes = TakeList()
    takes.keep(takes.add(make_recording(), 1.0).take_id)
    for _ in range(MAX_OTHERS + 2):
        takes.add(make_recording(), 1.0)
    assert list_names(takes) == ["Take 1", *(f"Take {4 + index}" for index in range(MAX_OTHERS))]


def test_a_take_without_notes_is_not_listed_and_takes_no_place() -> None:
    takes = TakeList()
    for _ in range(MAX_OTHERS):
        takes.add(make_recording(), 1.0)
    takes.add(Recorder(), 1.0)
    takes.add(Recorder(), 1.0)
    takes.add(make_recording(), 1.0)
    assert len(takes.describe()) == MAX_OTHERS


def test_too_many_takes_are_not_kept() -> None:
    takes = TakeList()
    for _ in range(MAX_KEPT):
        takes.keep(takes.add(make_recording(), 1.0).take_id)
    more = takes.add(make_recording(), 1.0)
    with pytest.raises(ClientError, match="50 takes are kept already; discard one"):
        takes.keep(more.take_id)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "0 characters; give 1 to 60"),
        ("  ", "0 characters"),
        ("a" * 61, "61 characters"),
        ("../secret", "begins with a dot"),
        (".hidden", "begins with a dot"),
        ("a/b", "has '/'; leave it out"),
        ("a\\b", "leave it out"),
        ("a\nb", "leave it out"),
        ("a\u202eb", "leave it out"),
        ("C:x", "has ':'"),
    ],
)
def test_a_name_that_no_file_can_have_is_refused(name: str, reason: str) -> None:
    takes = TakeList()
    take = takes.add(make_recording(), 1.0)
    with pytest.raises(ClientError) as refused:
        takes.rename(take.take_id, name)
    assert reason in str(refused.value)
    assert take.name == "Take 1"


@pytest.mark.parametrize("change", ["find", "keep", "discard"])
def test_a_take_that_is_not_there_is_refused(change: str) -> None:
    with pytest.raises(ClientError, match="no such take"):
        getattr(TakeList(), change)("Take 1")
