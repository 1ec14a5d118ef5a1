"""The command line, as a person types it."""

import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, music
from typer.main import get_command
from typer.testing import CliRunner

from pipeline import cli
from pipeline.music import midi

RUN = CliRunner()


@pytest.mark.parametrize("command", sorted(get_command(cli.app).commands))
def test_every_command_explains_itself_with_an_example(command: str) -> None:
    shown = RUN.invoke(cli.app, [command, "--help"])
    assert shown.exit_code == 0
    assert f"Example: music-rnn {command}" in shown.output


def test_an_error_is_one_line_and_no_traceback(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", "windows"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: params.yaml: cannot be read")
    assert done.stderr.count("\n") == 1


def test_a_missing_model_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    monkeypatch.chdir(tmp_path)
    midi.write_notes(music(0, 20), tmp_path / "a.mid")
    done = RUN.invoke(cli.app, ["score", "baseline", "a.mid"])
    assert "train one with 'dvc repro'" in str(done.exception)
