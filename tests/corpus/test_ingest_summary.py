"""The summary of ingest, as lines for people and on disk."""

from pathlib import Path

import pytest
from factories import make_ingest_summary

from pipeline.core.errors import DataError
from pipeline.corpus import ingest_summary
from pipeline.corpus.ingest_summary import (
    IngestSummary,
    SummaryLine,
    WorkFile,
)


def describe_topics(summary: IngestSummary, sequence_length: int = 0) -> dict[str, str]:
    lines = ingest_summary.describe_summary(summary, sequence_length)
    return {line.topic: f"{line.message} -> {line.hint}" for line in lines}


def test_all_that_was_left_out_is_said_with_its_number() -> None:
    lines = describe_topics(make_ingest_summary())
    assert lines["taken"].startswith("1,000 notes in 6 pieces")
    assert lines["notes left out"].startswith("4,800 in 8 files: drums (channel 10)")
    assert lines["files left out"].startswith("2: .zip file: unzip it first (a.zip)")
    assert lines["instruments"].startswith("Piano 600, Bass 400")
    assert lines["damage skipped"].startswith("3 bytes after End of Track in 2 files (b.mid)")
    assert lines["merged"].startswith("up to 2 instruments became one part in 7 files")


@pytest.mark.parametrize(
    ("counts", "hints"),
    [
        ((800, 100, 100), set()),
        ((970, 25, 5), {"train", "test"}),
        ((900, 100, 0), {"test"}),
        ((995, 5, 0), {"train", "validation", "test"}),
        ((450, 50, 500), set()),
    ],
)
def test_uneven_and_empty_splits_have_a_remedy(
    counts: tuple[int, int, int], hints: set[str]
) -> None:
    lines = ingest_summary.describe_summary(make_ingest_summary(*counts))
    assert {line.topic for line in lines if line.hint} == hints


@pytest.mark.parametrize(("sequence_length", "is_short"), [(0, False), (4, False), (5, True)])
def test_a_piece_without_a_window_and_its_target_is_named(
    sequence_length: int, is_short: bool
) -> None:
    line = describe_topics(make_ingest_summary(), sequence_length).get("short pieces", "")
    assert ("jingle.mid (5, validation)" in line) is is_short
    assert ("lower windows.sequence_length" in line) is is_short


def test_a_summary_on_disk_is_the_same_and_equal_bytes(tmp_path: Path) -> None:
    path = tmp_path / "summary.json"
    ingest_summary.save_summary(path, make_ingest_summary())
    data = path.read_bytes()
    assert ingest_summary.load_summary(path) == make_ingest_summary()
    ingest_summary.save_summary(path, ingest_summary.load_summary(path))
    assert path.read_bytes() == data


@pytest.mark.parametrize("text", ["{}", "not JSON", ""])
def test_what_is_no_summary_says_what_to_run(tmp_path: Path, text: str) -> None:
    path = tmp_path / "summary.json"
    with pytest.raises(DataError, match=r"summary\.json: .* run 'dvc repro ingest'"):
        ingest_summary.load_summary(path)
    path.write_text(text)
    with pytest.raises(DataError, match=r"summary\.json: .* run 'dvc repro -f -s ingest'"):
        ingest_summary.load_summary(path)


def make_work(**split_of: str) -> list[WorkFile]:
    return [
        WorkFile(member=f"{name}.mid", split=split, composition="Waltz")
        for name, split in split_of.items()
    ]


def test_a_work_in_two_splits_is_a_leak_unless_the_manifest_accepts_it() -> None:
    works = [
        make_work(a="train", b="train"),
        make_work(c="test", d="validation", e="train", f="test"),
    ]
    summary = make_ingest_summary().model_copy(update={"near_duplicates": works})
    assert ingest_summary.find_near_duplicate_leaks(summary) == [
        "e.mid (train) is the same work as c.mid (test) and d.mid (validation)"
    ]
    assert ingest_summary.find_near_duplicate_leaks(summary, ["Waltz"]) == []
    assert ingest_summary.find_near_duplicate_leaks(summary, splits=("train", "validation")) == [
        "e.mid (train) is the same work as d.mid (validation)"
    ]
    lines = describe_topics(summary)
    assert lines["same works"].startswith("6 files are 2 works")
    assert lines["leaks"].endswith(
        "give all files of a work one split in the manifest, or leave them out"
    )


def test_nothing_left_out_is_said() -> None:
    assert "left out" not in describe_topics(make_ingest_summary())
    whole = {"files_left_out": [], "notes_left_out": []}
    assert (
        describe_topics(make_ingest_summary().model_copy(update=whole))["left out"] == "nothing -> "
    )


def test_no_leak_is_said_and_what_the_manifest_accepts_is_named() -> None:
    assert describe_topics(make_ingest_summary())["leaks"] == "none -> "
    lines = ingest_summary.describe_summary(make_ingest_summary(), accepted=["Haydn / Sonata"])
    assert lines[-1] == SummaryLine(
        "leaks", "none but those that the manifest accepts: Haydn / Sonata"
    )


def test_lines_are_printed_with_a_mark_where_something_is_amiss(
    capsys: pytest.CaptureFixture[str],
) -> None:
    ingest_summary.print_lines(
        [SummaryLine("taken", "1 note"), SummaryLine("test", "no\x1b piece", "add music")]
    )
    shown = capsys.readouterr().err.splitlines()
    assert [line.split() for line in shown] == [
        ["taken", "1", "note"],
        ["!", "test", "no", "piece"],
        ["->", "add", "music"],
    ]
