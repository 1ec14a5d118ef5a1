"""`music-rnn score`, as a person types it."""

import json
from pathlib import Path

import pytest
from factories import make_music
from typer.testing import CliRunner

from pipeline import cli
from pipeline.midi import writer

RUN = CliRunner()


@pytest.fixture
def folder(in_folder: Path) -> Path:
    """A folder with one MIDI file of each kind: good, and bad."""
    (in_folder / "music").mkdir()
    writer.write_notes(make_music(0, 20), in_folder / "music/é.mid")
    (in_folder / "music/bad.mid").write_text("# What is this")
    return in_folder


def test_score_goes_on_after_a_bad_file_and_ends_with_code_1(folder: Path) -> None:
    done = RUN.invoke(cli.app, ["score", "maestro", "music"])
    assert done.exit_code == 1
    assert "é.mid" in done.stdout
    assert done.stderr == (
        'error: music/bad.mid: starts with "# Wh", not with MThd; give a MIDI file with notes\n'
    )


def test_score_of_no_good_file_prints_no_table(folder: Path) -> None:
    done = RUN.invoke(cli.app, ["score", "maestro", "music/bad.mid", "absent.mid"])
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.splitlines()[1] == (
        "error: absent.mid: No such file or directory; give a MIDI file with notes"
    )


def test_score_as_json_is_json_alone_on_standard_output(folder: Path) -> None:
    arguments = ["score", "maestro", "music", "--json", "--per-note", "bits.parquet"]
    done = RUN.invoke(cli.app, arguments)
    result = json.loads(done.stdout)
    assert done.stdout.isascii()
    assert [score["file"] for score in result["scores"]] == ["music/é.mid"]
    assert [error["file"] for error in result["errors"]] == ["music/bad.mid"]
    assert "bits.parquet" in done.stderr and Path("bits.parquet").exists()


def test_score_without_failures_ends_with_code_0(folder: Path) -> None:
    done = RUN.invoke(cli.app, ["score", "maestro", "music/é.mid", "--per-note", "b.parquet"])
    assert done.exit_code == 0
    assert done.stdout.endswith("b.parquet\n")


def test_folders_without_a_model_are_scored_by_the_bundled_one(folder: Path) -> None:
    writer.write_notes(make_music(1, 20), folder / "more.mid")
    (folder / "music/bad.mid").unlink()
    for arguments in (["music"], ["music", "more.mid"], ["music", "music"]):
        done = RUN.invoke(cli.app, ["score", *arguments])
        assert (done.exit_code, done.stderr) == (0, "")
        assert "é.mid" in done.stdout


def test_a_folder_with_the_name_of_a_model_is_the_model(folder: Path) -> None:
    (folder / "maestro").mkdir()
    assert RUN.invoke(cli.app, ["score", "maestro", "music/é.mid"]).exit_code == 0
    done = RUN.invoke(cli.app, ["score", "maestro"])
    assert done.exit_code == 2 and "name MIDI files" in done.stderr
