"""Files that a command writes: never one that it reads, never a folder, and none that exists without --force."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipeline import cli
from pipeline.core.errors import ParamsError

RUN = CliRunner()
SAMPLE = ["generate", "maestro", "--notes", "3", "--force", "-o", "out.mid"]
OUTPUTS = {
    "score maestro b.mid --per-note b.mid": "is read as well",
    "score maestro a.mid b.mid --per-note folder/../b.mid": "is read as well",
    "score maestro b.mid --per-note .": "is a folder",
    "generate maestro --prompt b.mid -o b.mid": "is read as well",
    "generate maestro --prompt b.mid -o link.mid": "is read as well",
    "generate maestro --force --prompt b.png -o b.mid": "the piano roll b.png: is read as well",
    "generate maestro -o only.png": "ends in .mid or .midi",
    "generate maestro -o .": "is a folder",
    "generate maestro -o /": "is a folder",
    "generate maestro -o ..": "is a folder",
    "generate maestro -o folder": "is a folder",
    "generate maestro -o pipe.mid": "is a pipe or device",
    "play --midi-out none --notes 3 --prompt b.mid --record b.mid": "is read as well",
    "play --midi-out none --notes 3 --prompt play.mid": "is read as well",
    "play --midi-out none --notes 3": "--record play.mid: exists; give another name, or --force",
    "play --midi-out none --notes 3 --record b.mid": "b.mid: exists",
    "play --midi-out none --notes 3 --record none/b.mid": "no folder none",
    "play --midi-out none --notes 3 --record none/sessions": "no folder none",
    "generate maestro --notes 3 -o b.mid": "--out b.mid: exists; give another name, or --force",
    "generate maestro --notes 3 -o b.midi": "the piano roll b.png: exists",
    "generate maestro --notes 3 -o foldr/b.mid": "no folder foldr; make it first, or correct the path; did you mean 'folder'?",
    "generate maestro --notes 3 -o none/such/b.mid": "no folder none; make it first, or correct the path",
    "generate maestro --notes 3 --force -o none/b.mid": "no folder none",
    "score maestro a.mid --per-note b": "--per-note b: exists",
    "score maestro a.mid --per-note none/b": "no folder none",
    "export maestro -o b": "--out b: exists",
    "export maestro -o none/b": "no folder none",
    "play --midi-out none --notes 3 --force --prompt b-2.mid --record b.mid": "would overwrite b-2.mid",
    "play --midi-out none --notes 3 --force --prompt b-2.mid --record ./b.mid": "would overwrite b-2.mid",
    "play --midi-out none --notes 3 --record b.wav": "ends in .mid or .midi, or a folder",
    "play --midi-out none --notes 3 --record b": "ends in .mid or .midi, or a folder",
    "export maestro -o /": "is a folder",
    "export maestro -o folder": "is a folder",
    "export maestro --html b.mid": "ends in .html",
    "export maestro --html none/b.html": "no folder none",
}


@pytest.mark.parametrize("line", OUTPUTS)
def test_what_is_read_is_never_written_and_what_is_written_is_a_file(
    line: str, written: Path
) -> None:
    before = {path.name: path.read_bytes() for path in written.iterdir() if path.is_file()}
    done = RUN.invoke(cli.app, line.split())
    assert isinstance(done.exception, ParamsError) and OUTPUTS[line] in str(done.exception)
    assert {path.name: path.read_bytes() for path in written.iterdir() if path.is_file()} == before
    assert not list((written / "folder").iterdir())
    assert not (written / "none").exists()


def test_no_name_at_all_is_refused_and_force_replaces_files(written: Path) -> None:
    assert isinstance(RUN.invoke(cli.app, ["generate", "maestro", "-o", ""]).exception, ParamsError)
    (written / "play-988.mid").write_bytes(
        (written / "a.mid").read_bytes()
    )  # no session has so many parts
    play = "play --midi-out none --notes 3 --force"
    more = (
        f"{play} --record A.MIDI",
        f"{play} --record new",
        f"{play} --record 2026.11.27",
        f"{play} --prompt play-988.mid",
    )
    for line in (" ".join(SAMPLE), *more):
        for _ in range(2):
            assert RUN.invoke(cli.app, line.split()).exit_code == 0
    assert {"out.mid", "out.png", "A.MIDI", "new"} <= {path.name for path in written.iterdir()}
