"""No session is lost: not by a kill, and not by a disk that is full."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipeline import cli
from pipeline.core.errors import DiskError
from pipeline.live import journal
from pipeline.live.journal import HEADER, Journal, keep_recording, recover_recordings
from pipeline.live.recorder import HUMAN, MODEL, NoteRow, Recorder
from pipeline.midi import reader

CHILD = """
import sys
from pathlib import Path
from fake_port import Wire
from pipeline.config.schema import DEFAULT_MODEL
from factories import UNCONSTRAINED
from pipeline.live import midi_ports, run
from pipeline.models import model_io

midi_ports.open_output = lambda name: Wire()
model = model_io.load_model(model_io.BUNDLED / DEFAULT_MODEL)
options = run.PlayOptions("x", "", "solo", None, 0, 4.0, 0.8, 0, Path(sys.argv[1]))
run.run_player(model, UNCONSTRAINED, options, print)
"""
"""A session of the bundled model on a port that takes everything."""


@pytest.fixture(autouse=True)
def home(tmp_path_factory, monkeypatch):
    """Make a home and a folder for temporary files that are empty."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setattr(journal, "fallback_folders", lambda: [home])
    return home


def add_notes(recorder, first, last):
    for number in range(first, last):
        recorder.add(MODEL, number / 3, 0.25, 60 + number, 64)


def list_journals(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.journal"))


def fill_disk(monkeypatch, *folders):
    """Let nothing be written to a journal in some folders: /dev/full fails as a full disk does."""
    open_file = Path.open

    def open_full(path, mode="r", **options):
        if path.parent in folders and "x" in mode:
            return open_file(Path("/dev/full"), "wb", **options)
        return open_file(path, mode, **options)

    monkeypatch.setattr(Path, "open", open_full)


def read_pitches(path):
    return reader.read_notes(path.read_bytes(), "symusic")["pitch"].tolist()


@pytest.mark.parametrize(
    "row", [NoteRow(MODEL, 1 / 3, 0.1 + 0.2, 0, 1), NoteRow(HUMAN, 86399.1, 0.001, 127, 127)]
)
def test_a_line_of_the_journal_keeps_every_bit_of_a_note(row):
    assert journal._parse_row(journal._format_row(row).rstrip(b"\n")) == row


@pytest.mark.parametrize(
    "line",
    [
        *(b"", b"model 1.0 2.0 60", b"drums 1 2 60 64", b"model nan 2 60 64", b"model 1 2 128 64"),
        *(b"model 1 2 60 0", b"human 1 -2 60 64", b"human 1e300 2 60 64", b"human 1 2 6x 64"),
    ],
)
def test_a_damaged_line_is_no_note(line):
    assert journal._parse_row(line) is None


def test_a_killed_process_leaves_its_notes_and_the_next_start_recovers_them(tmp_path, home):
    tests = Path(__file__).parent.parent
    search_path = os.pathsep.join([str(tests), str(tests.parent)])
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, str(tmp_path / "a.mid")],
        env={**os.environ, "PYTHONPATH": search_path, "HOME": str(home), "TMPDIR": str(home)},
        stdout=subprocess.DEVNULL,
    ) as process:
        try:
            deadline = time.monotonic() + 60
            while not any(path.read_bytes().count(b"\n") > 5 for path in list_journals(tmp_path)):
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.02)
            assert list(recover_recordings([tmp_path])) == [], "it is still written"
        finally:
            process.send_signal(signal.SIGKILL)
    num_lines = list_journals(tmp_path)[0].read_bytes().count(b"\n") - 1
    assert not (tmp_path / "a.mid").exists()
    lines = []
    with keep_recording(Recorder(), tmp_path / "b.mid", lines.append):
        pass
    recovered = tmp_path / "a-recovered.mid"
    assert lines == [f"{recovered}: {num_lines} notes of a session that was killed"]
    assert len(read_pitches(recovered)) == num_lines >= 5
    assert not list_journals(tmp_path)


def test_repair_recovers_a_recording_too_and_overwrites_nothing(in_folder):
    (in_folder / "a-recovered.mid").write_bytes(b"mine")
    line = b"model 1.0 2.0 60 64\n"
    (in_folder / "a.mid.1.journal").write_bytes(HEADER + b"\n" + line + b"model 1.5 2.0 6")
    (in_folder / "other.journal").write_bytes(line)
    (in_folder / "b.mid.1.journal").write_bytes(line)
    done = CliRunner().invoke(cli.app, ["repair"], catch_exceptions=False)
    assert "a-recovered(2).mid: 1 notes of a session that was killed" in done.output
    assert (in_folder / "a-recovered.mid").read_bytes() == b"mine"
    assert read_pitches(in_folder / "a-recovered(2).mid") == [60]
    names = ["b.mid.1.journal", "other.journal"]
    assert [path.name for path in list_journals(in_folder)] == names, "files of others stay"


def test_a_journal_without_notes_is_removed_without_a_word(tmp_path):
    (tmp_path / "a.mid.1.journal").write_bytes(HEADER + b"\n")
    assert list(recover_recordings([tmp_path])) == []
    assert not list(tmp_path.iterdir())


def test_a_journal_is_kept_where_its_recording_cannot_be_written(tmp_path, monkeypatch):
    path = tmp_path / "a.mid.1.journal"
    path.write_bytes(HEADER + b"\nmodel 1.0 2.0 60 64\n")

    def refuse(self, path):
        raise DiskError(f"{path}: cannot be written")

    monkeypatch.setattr(Recorder, "write_midi", refuse)
    assert list(recover_recordings([tmp_path])) == [
        f"{tmp_path / 'a-recovered.mid'}: cannot be written"
    ]
    assert path.exists()


def test_notes_are_on_the_disk_while_they_are_played_and_the_end_leaves_a_midi_file(tmp_path):
    recorder, lines = Recorder(), []
    with keep_recording(recorder, tmp_path / "new" / "a.mid", lines.append):
        add_notes(recorder, 0, 3)
        deadline = time.monotonic() + 30
        while list_journals(tmp_path / "new")[0].read_bytes().count(b"\n") < 4:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        add_notes(recorder, 3, 5)
    assert lines == [str(tmp_path / "new" / "a.mid")]
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.mid"]
    assert read_pitches(tmp_path / "new" / "a.mid") == [60, 61, 62, 63, 64]


def test_a_full_disk_is_one_line_and_the_journal_goes_on_elsewhere(tmp_path, home, monkeypatch):
    recorder, lines = Recorder(), []
    fill_disk(monkeypatch, tmp_path)
    writer = Journal(recorder, tmp_path / "a.mid", lines.append)
    add_notes(recorder, 0, 2)
    writer.start()
    add_notes(recorder, 2, 4)
    writer.stop()
    place = tmp_path / f"a.mid.{os.getpid()}.journal"
    assert lines == [
        f"{place}: cannot be written (No space left on device); the recording is in {home}"
    ]
    assert list_journals(home)[0].read_bytes().count(b"\n") == 1 + 4
    writer.remove()
    assert not list_journals(home)


def test_a_disk_that_fills_up_loses_no_note_that_was_written_before(tmp_path, home):
    recorder, lines = Recorder(), []
    writer = Journal(recorder, tmp_path / "a.mid", lines.append)
    add_notes(recorder, 0, 2)
    writer.start()
    with Path("/dev/full").open("wb") as full_disk:
        os.dup2(full_disk.fileno(), writer.file.fileno())
    add_notes(recorder, 2, 4)
    writer.stop()
    assert len(lines) == 1
    assert list_journals(home)[0].read_bytes().count(b"\n") == 1 + 4


def test_without_any_disk_the_music_goes_on_and_one_line_names_each_place(
    tmp_path, home, monkeypatch
):
    recorder, lines = Recorder(), []
    fill_disk(monkeypatch, tmp_path, home)
    writer = Journal(recorder, tmp_path / "a.mid", lines.append)
    add_notes(recorder, 0, 2)
    for _ in range(3):
        writer.write_notes()
    assert len(lines) == 2
    assert lines[1].endswith("the recording is in memory only")


def test_a_recording_that_cannot_be_written_is_saved_elsewhere_and_the_place_named(tmp_path, home):
    (tmp_path / "sessions").write_bytes(b"a file where a folder should be")
    (home / "a.mid").write_bytes(b"mine")
    recorder, lines = Recorder(), []
    with keep_recording(recorder, tmp_path / "sessions" / "a.mid", lines.append):
        add_notes(recorder, 0, 2)
    assert all("sessions" in line and f"is in {home}" in line for line in lines[:2])
    assert lines[2:] == [str(home / "a(2).mid")]
    assert read_pitches(home / "a(2).mid") == [60, 61]
    assert (home / "a.mid").read_bytes() == b"mine"
    assert not list_journals(home)


def test_a_recording_that_can_be_written_nowhere_is_an_error_and_its_journal_stays(
    tmp_path, monkeypatch
):
    def refuse(self, path):
        raise DiskError(f"{path}: cannot be written")

    monkeypatch.setattr(Recorder, "write_midi", refuse)
    recorder = Recorder()
    with (
        pytest.raises(DiskError, match=r"a\.mid: cannot be written"),
        keep_recording(recorder, tmp_path / "a.mid", print),
    ):
        add_notes(recorder, 0, 2)
    assert list_journals(tmp_path)[0].read_bytes().count(b"\n") == 1 + 2


def test_without_a_recording_nothing_is_written(in_folder):
    with keep_recording(Recorder(), None, print):
        pass
    assert not list(in_folder.iterdir())
