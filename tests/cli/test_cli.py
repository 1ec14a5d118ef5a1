"""The command line, as a person types it."""

import gc
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from factories import ROOT, make_music, make_tiny_model
from typer.main import get_command
from typer.testing import CliRunner

from pipeline import cli
from pipeline.cli import options
from pipeline.config import Params
from pipeline.config.schema import SamplingConfig
from pipeline.core import paths
from pipeline.core.errors import ParamsError, PipelineError
from pipeline.live import run
from pipeline.midi import reader, writer
from pipeline.models import model_io
from pipeline.notes.note import Notes

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


def test_a_missing_model_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    monkeypatch.chdir(tmp_path)
    writer.write_notes(make_music(0, 20), tmp_path / "a.mid")
    done = RUN.invoke(cli.app, ["score", "baseline", "a.mid"])
    assert "train one with 'dvc repro'" in str(done.exception)


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


SAMPLE = ["generate", "maestro", "--notes", "3", "--force", "-o", "out.mid"]


def test_a_model_that_was_trained_here_does_not_hide_the_bundled_one(in_folder: Path) -> None:
    assert RUN.invoke(cli.app, SAMPLE).stderr == ""
    bundled = Path("out.mid").read_bytes()
    model_io.save_model(make_tiny_model(), Path("models/maestro"))
    done = RUN.invoke(cli.app, SAMPLE)
    assert (
        done.stderr == "maestro: the bundled model; give models/maestro for the one trained here\n"
    )
    assert Path("out.mid").read_bytes() == bundled
    for folder in ("models/maestro", str(in_folder / "models/maestro")):
        done = RUN.invoke(cli.app, ["generate", folder, *SAMPLE[2:]])
        assert (done.exit_code, done.stderr) == (0, "")
        assert Path("out.mid").read_bytes() != bundled


def test_the_bundled_model_is_the_default(in_folder: Path) -> None:
    model_io.save_model(make_tiny_model(), Path("models/expressive"))
    writer.write_notes(make_music(0, 20), in_folder / "a.mid")
    RUN.invoke(cli.app, SAMPLE)
    bundled = Path("out.mid").read_bytes()
    assert RUN.invoke(cli.app, ["generate", *SAMPLE[2:]]).exit_code == 0
    assert Path("out.mid").read_bytes() == bundled
    named = RUN.invoke(cli.app, ["score", "maestro", "a.mid"]).stdout
    assert RUN.invoke(cli.app, ["score", "a.mid"]).stdout == named
    assert RUN.invoke(cli.app, ["score", "."]).stdout.replace("./", "") != named  # two files
    for command in ("play", "studio"):
        options = get_command(cli.app).commands[command].params
        assert next(each for each in options if each.name == "model").default == "maestro"


def test_score_without_music_is_refused(in_folder: Path) -> None:
    done = RUN.invoke(cli.app, ["score", "maestro"])
    assert done.exit_code == 2 and "name MIDI files, or folders of them" in done.stderr


def test_models_are_listed_with_corpus_and_bits(in_folder: Path, committed_metrics: Path) -> None:
    shutil.copy(ROOT / "params.yaml", in_folder)
    shutil.copytree(committed_metrics / paths.EVALUATIONS, in_folder / paths.EVALUATIONS)
    model_io.save_model(make_tiny_model(), Path("models/expressive"))
    lines = RUN.invoke(cli.app, ["models"]).stdout.splitlines()
    assert lines[0].startswith("maestro     10.302 bits per note on maestro-v3, 713,055 weights")
    assert re.match(r"expressive  1\d\.\d{3} bits per note on maestro-sample, ", lines[1])
    assert len(lines) == 2


def test_a_misspelt_model_is_met_with_the_nearest_one(in_folder: Path) -> None:
    model_io.save_model(make_tiny_model(), Path("models/baseline"))
    done = RUN.invoke(cli.app, ["generate", "basline", "-o", "a.mid"])
    assert str(done.exception) == (
        "no model 'basline' here; train one with 'dvc repro', or take one of: "
        "maestro (bundled), baseline; did you mean 'baseline'?"
    )


def test_lists_have_the_replicate_that_plays_and_a_path_finds_the_others(in_folder: Path) -> None:
    for replicate in (1, 3):
        folder = paths.get_replicate_dir("mine", replicate)
        model_io.save_model(make_tiny_model(seed=replicate), folder)
    music = str(in_folder / "a.mid")
    writer.write_notes(make_music(0, 20), Path(music))
    assert model_io.list_model_names(paths.MODELS) == ["mine"]
    shown = RUN.invoke(cli.app, ["models"]).output
    assert "mine " in shown and "replicates" not in shown
    first = RUN.invoke(cli.app, ["score", "mine", music, "--json"])
    third = RUN.invoke(cli.app, ["score", "models/mine/replicates/3", music, "--json"])
    assert (first.exit_code, third.exit_code) == (0, 0)
    assert first.output != third.output


def test_a_bundled_model_may_not_have_the_name_of_an_architecture(in_folder: Path) -> None:
    shutil.copy(ROOT / "params.yaml", in_folder)
    done = RUN.invoke(cli.app, ["bundle", "expressive", "--name", "expressive"])
    assert "--name expressive: is an architecture" in str(done.exception)


def test_a_name_that_is_a_number_with_a_dash_is_a_prompt(in_folder: Path) -> None:
    done = RUN.invoke(cli.app, ["play", "--midi-out", "none", "--notes", "3", "--prompt", "./-2"])
    assert isinstance(done.exception, PipelineError) and "give a MIDI file" in str(done.exception)


def test_a_model_that_may_be_in_training_is_not_called_missing_alone(
    in_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "pipeline.maintenance.repair.find_dvc_runs", lambda: ["process 7: dvc repro"]
    )
    done = RUN.invoke(cli.app, ["generate", "stacked", "-o", "out.mid"])
    assert str(done.exception).endswith(
        "process 7: dvc repro is at work here and may be training it"
    )


@pytest.mark.parametrize("command", ["gate", "promote", "retrain"])
def test_a_base_without_a_name_is_not_the_work_tree(command: str) -> None:
    """As of an unset variable: the results would be compared with themselves, and nothing speak against them."""
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


@pytest.fixture
def written(in_folder: Path) -> Path:
    """A folder with music, and things that are no music."""
    writer.write_notes(make_music(0, 20), in_folder / "a.mid")
    for name in ("b.mid", "b-2.mid", "play.mid", "b.png", "b"):
        (in_folder / name).write_bytes((in_folder / "a.mid").read_bytes())
    (in_folder / "folder").mkdir()
    (in_folder / "link.mid").symlink_to("b.mid")
    os.mkfifo(in_folder / "pipe.mid")
    return in_folder


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


GENERATE = ["generate", "maestro", "--notes", "40", "--seed", "3"]


def read_generated(path: str) -> Notes:
    return reader.read_notes(Path(path).read_bytes(), "symusic")


def test_generate_prints_the_files_that_it_wrote(in_folder: Path) -> None:
    done = RUN.invoke(cli.app, [*GENERATE, "-o", "a.mid"])
    assert done.stdout == "a.mid\na.png\n"
    assert Path("a.mid").exists() and Path("a.png").exists()


def test_export_writes_a_page_and_wants_one_of_two_files(in_folder: Path) -> None:
    done = RUN.invoke(cli.app, ["export", "maestro", "--html", "page.html"])
    assert done.stdout == "page.html\n"
    assert "<title>maestro:" in Path("page.html").read_text("utf-8")
    for arguments in ([], ["--html", "a.html", "-o", "a.tflite"]):
        done = RUN.invoke(cli.app, ["export", "maestro", *arguments])
        assert done.exit_code == 2
        assert "give one of the two" in done.stderr
    assert [path.name for path in in_folder.iterdir()] == ["page.html"]


def test_generate_has_options_of_sampling(in_folder: Path) -> None:
    assert RUN.invoke(cli.app, [*GENERATE, "-o", "plain.mid"]).exit_code == 0
    limits = ["--no-prompt", "--key", "D pentatonic", "--max-notes-per-second", "3"]
    assert RUN.invoke(cli.app, [*GENERATE, *limits, "-o", "limited.mid"]).exit_code == 0
    for option in ("--temperature", "--top-p"):
        arguments = [*GENERATE, option, "0.2", "-o", f"{option}.mid"]
        assert RUN.invoke(cli.app, arguments).exit_code == 0
        assert read_generated(f"{option}.mid").tolist() != read_generated("plain.mid").tolist()
    limited = read_generated("limited.mid")
    assert set(limited["pitch"] % 12) <= {2, 4, 6, 9, 11}
    onsets = np.rint(limited["onset"] * 100)
    assert (onsets[3:] - onsets[:-3] >= 100).all()


def test_an_option_of_sampling_beats_the_project(in_folder: Path) -> None:
    (in_folder / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    sampling = options.load_sampling(temperature=0.5, key="C major")
    project_sampling = options.load_sampling()
    changes = {"pitch_temperature": 0.5, "time_temperature": 0.5, "velocity_temperature": 0.5}
    changes |= {"key": "C major"}
    assert sampling == project_sampling.model_copy(update=changes)


def test_velocity_has_options_of_its_own(in_folder: Path) -> None:
    sampling = options.load_sampling(0.5, 0.9, velocity_temperature=2.0, velocity_top_p=0.7)
    assert (sampling.pitch_temperature, sampling.velocity_temperature) == (0.5, 2.0)
    assert (sampling.time_top_p, sampling.velocity_top_p) == (0.9, 0.7)
    plain = [*GENERATE, "-o", "plain.mid"]
    assert RUN.invoke(cli.app, plain).exit_code == 0
    even = [*GENERATE, "--velocity-top-p", "0.01", "-o", "even.mid"]
    assert RUN.invoke(cli.app, even).exit_code == 0
    plain_notes, even_notes = read_generated("plain.mid"), read_generated("even.mid")
    assert plain_notes["velocity"].tolist() != even_notes["velocity"].tolist()


def test_play_has_options_of_velocity(in_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configs: list[SamplingConfig] = []
    monkeypatch.setattr(run, "run_player", lambda model, config, *_: configs.append(config))
    arguments = ["play", "--velocity-temperature", "0.5", "--velocity-top-p", "0.7"]
    assert RUN.invoke(cli.app, arguments).exit_code == 0
    changes = {"velocity_temperature": 0.5, "velocity_top_p": 0.7}
    assert configs == [options.load_sampling().model_copy(update=changes)]


def test_sampling_outside_a_project_is_that_of_the_committed_params(
    in_folder: Path, project: Params
) -> None:
    assert options.load_sampling() == project.generate.sampling
    assert options.load_sampling().pitch_top_p == 0.98


def test_no_prompt_writes_the_generated_notes_alone(written: Path) -> None:
    prompt = ["--prompt", "a.mid"]
    assert RUN.invoke(cli.app, [*GENERATE, *prompt, "-o", "both.mid"]).exit_code == 0
    assert RUN.invoke(cli.app, [*GENERATE, *prompt, "--no-prompt", "-o", "new.mid"]).exit_code == 0
    both, new = read_generated("both.mid"), read_generated("new.mid")
    assert (len(both), len(new)) == (60, 40)
    prompt_pitches = read_generated("a.mid")["pitch"].tolist()
    assert sorted(both["pitch"]) == sorted([*prompt_pitches, *new["pitch"].tolist()])
    assert new["onset"][0] == 0


def test_a_part_of_a_prompt_is_continued(written: Path) -> None:
    onsets = read_generated("a.mid")["onset"]
    window = ["--prompt-start", "1", "--prompt-end", "3"]
    arguments = [*GENERATE, "--prompt", "a.mid", *window, "-o", "part.mid"]
    assert RUN.invoke(cli.app, arguments).exit_code == 0
    selected = (onsets >= 1) & (onsets < 3)
    assert 0 < selected.sum() < len(onsets)
    assert len(read_generated("part.mid")) == selected.sum() + 40


@pytest.mark.parametrize(
    ("window", "message"),
    [
        (
            ["--prompt-start", "99"],
            "no note starts at 99 s or later; its notes start from 0.2 s to 2.9 s",
        ),
        (["--prompt-end", "0"], "no note starts from 0 s up to 0 s"),
    ],
)
def test_a_part_of_a_prompt_without_notes_is_refused(
    window: list[str], message: str, written: Path
) -> None:
    done = RUN.invoke(cli.app, [*GENERATE, "--prompt", "a.mid", *window, "-o", "part.mid"])
    assert message in str(done.exception)
    assert not Path("part.mid").exists()


def test_a_misspelt_key_names_the_nearest_one(in_folder: Path) -> None:
    done = RUN.invoke(cli.app, [*GENERATE, "--key", "f# Minor", "-o", "a.mid"])
    assert str(done.exception).endswith("did you mean 'F# minor'?")


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
