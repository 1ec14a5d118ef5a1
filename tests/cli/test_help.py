"""Help, version and completion of the command line."""

import os
import re
import subprocess
import sys

import pytest
from factories import ROOT
from typer.main import get_command
from typer.testing import CliRunner

from pipeline import cli

RUN = CliRunner()
COMMANDS = sorted(get_command(cli.app).commands)
PANELS = {
    "Play": "play ports studio models score generate export",
    "Compare ideas": "study diff sweep listen pin-best",
    "Your data": "fetch add-corpus",
    "Pipeline stages": "repro check ingest windows ngrams train evaluate "
    "generate-all sample-metrics two-sample compare benchmark report",
    "CI and maintenance": "plan gate promote retrain doctor verify repair update-readme bundle",
}


def run_program(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pipeline", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
    )


def test_help_lists_every_command_in_the_group_of_those_who_use_it() -> None:
    shown = RUN.invoke(cli.app, ["--help"]).output
    groups: dict[str, list[str]] = {}
    for line in shown.splitlines():
        if title := re.match(r"╭─ (.+?) ─", line):
            groups[title[1]] = []
        elif command := re.match(r"│ ([a-z-]+) ", line):
            list(groups.values())[-1].append(command[1])
    del groups["Options"]
    assert groups == {panel: names.split() for panel, names in PANELS.items()}


@pytest.mark.parametrize("command", COMMANDS)
def test_short_help_of_a_command_has_an_example(command: str) -> None:
    shown = RUN.invoke(cli.app, [command, "-h"])
    assert shown.exit_code == 0
    assert f"Example: music-rnn {command}" in shown.output


def test_version_is_that_of_the_package() -> None:
    shown = RUN.invoke(cli.app, ["--version"])
    assert shown.exit_code == 0
    assert re.fullmatch(r"music-rnn \d+\.\d+\.\d+\n", shown.output)


def test_version_without_an_installed_package_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def find_none(name: str) -> str:
        raise cli.PackageNotFoundError

    monkeypatch.setattr(cli, "version", find_none)
    assert RUN.invoke(cli.app, ["--version"]).output == (
        "music-rnn (not installed: run from source)\n"
    )


def test_a_shell_can_complete_commands() -> None:
    completed = run_program(
        _MUSIC_RNN_COMPLETE="complete_bash", COMP_WORDS="music-rnn gen", COMP_CWORD="1"
    )
    assert completed.stdout.split() == ["generate", "generate-all"]


def test_a_shell_can_complete_names_of_models() -> None:
    completed = run_program(
        _MUSIC_RNN_COMPLETE="complete_bash", COMP_WORDS="music-rnn play mae", COMP_CWORD="2"
    )
    assert completed.stdout.split() == ["maestro"]


def test_usage_names_the_program_however_it_was_started() -> None:
    assert "Usage: music-rnn play " in run_program("play", "-h").stdout
