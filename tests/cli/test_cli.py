"""The command line, as a person types it."""

import gc
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from factories import ROOT, make_music
from typer.main import get_command
from typer.testing import CliRunner

from pipeline import cli
from pipeline.core.errors import PipelineError
from pipeline.midi import writer

RUN = CliRunner()


def test_an_error_is_one_line_and_no_traceback(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", "windows"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: params.yaml: cannot be read")
    assert done.stderr.count("\n") == 1


@pytest.mark.slow
def test_a_terminal_of_few_signs_is_no_error(in_folder: Path) -> None:
    writer.write_notes(make_music(0, 20), in_folder / "é.mid")
    for command in (["doctor"], ["score", "maestro", "é.mid"]):
        done = subprocess.run(
            [sys.executable, "-m", "pipeline", *command],
            capture_output=True,
            text=True,
            check=False,
            env={
                **os.environ,
                "PYTHONIOENCODING": "ascii",
                "PYTHONPATH": str(ROOT),
                "COLUMNS": "60",
            },
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert "no params.yaml" in done.stdout or r"\xe9.mid" in done.stdout


def test_what_was_imported_is_not_collected(monkeypatch: pytest.MonkeyPatch) -> None:
    """Collections of it are a fifth of the CPU time until `play` has played a note."""
    monkeypatch.setattr(sys, "argv", ["music-rnn", "--version"])
    gc.unfreeze()
    try:
        with pytest.raises(SystemExit):
            cli.main()
        assert gc.get_freeze_count() > 10_000
    finally:
        gc.unfreeze()


def test_a_bundled_model_may_not_have_the_name_of_an_architecture(in_folder: Path) -> None:
    shutil.copy(ROOT / "params.yaml", in_folder)
    done = RUN.invoke(cli.app, ["bundle", "expressive", "--name", "expressive"])
    assert "--name expressive: is an architecture" in str(done.exception)


def test_a_name_that_is_a_number_with_a_dash_is_a_prompt(in_folder: Path) -> None:
    done = RUN.invoke(cli.app, ["play", "--midi-out", "none", "--notes", "3", "--prompt", "./-2"])
    assert isinstance(done.exception, PipelineError) and "give a MIDI file" in str(done.exception)


@pytest.mark.parametrize("command", ["gate", "promote", "retrain"])
def test_a_base_without_a_name_is_not_the_work_tree(command: str) -> None:
    """As from an unset variable: the results would be compared with themselves and pass every check."""
    done = RUN.invoke(cli.app, [command, "--base", ""])
    assert done.exit_code == 2 and "names no revision" in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["fetch", "../../../evil"],
        ["evaluate", ""],
        ["generate-all", "../x"],
        ["bundle", "../x"],
        ["train", "nobody"],
    ],
)
def test_a_name_is_no_path(in_folder: Path, words: list[str]) -> None:
    (in_folder / "inner/data/corpora").mkdir(parents=True)
    (in_folder / "inner/params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    (in_folder / "evil.yaml").write_bytes((ROOT / "data/corpora/maestro-sample.yaml").read_bytes())
    before = sorted(in_folder.rglob("*"))
    os.chdir(in_folder / "inner")
    done = RUN.invoke(cli.app, words)
    assert isinstance(done.exception, PipelineError) and repr(words[1]) in str(done.exception)
    assert sorted(in_folder.rglob("*")) == before


@pytest.mark.parametrize(("former", "name"), cli.RENAMED_COMMANDS.items())
def test_a_command_by_its_former_name_says_what_it_is_called_now(former: str, name: str) -> None:
    done = RUN.invoke(cli.app, [former, "x"])
    assert done.exit_code == 2
    assert f"'{former}' is called '{name}' now" in done.stderr
    assert name in get_command(cli.app).commands
    assert former not in get_command(cli.app).commands


@pytest.mark.parametrize(
    ("arguments", "suggestion"),
    [
        (["generat", "x"], "generate"),
        (["train", "stackd"], "stacked"),
        (["study", "maestr"], "maestro"),
        (["fetch", "maestro-smple"], "maestro-sample"),
    ],
)
def test_a_misspelt_name_is_met_with_the_nearest_one(
    arguments: list[str], suggestion: str, in_folder: Path
) -> None:
    shutil.copy(ROOT / "params.yaml", in_folder)
    shutil.copytree(ROOT / "studies", in_folder / "studies")
    shutil.copytree(ROOT / "data/corpora", in_folder / "data/corpora")
    done = RUN.invoke(cli.app, arguments)
    assert done.exit_code != 0
    assert f"id you mean '{suggestion}'" in f"{done.stderr} {done.exception}"
