"""Commands that list, score, sample and export models, as a person types them."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from factories import ROOT, make_music, make_tiny_model
from typer.main import get_command
from typer.testing import CliRunner

from pipeline import cli
from pipeline.cli import options
from pipeline.core import paths
from pipeline.midi import reader, writer
from pipeline.models import model_io
from pipeline.notes.note import Notes

RUN = CliRunner()
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
    assert lines[0].startswith("maestro     10.277 bits per note on maestro-v3, 713,445 weights")
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


def test_a_missing_model_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    monkeypatch.chdir(tmp_path)
    writer.write_notes(make_music(0, 20), tmp_path / "a.mid")
    done = RUN.invoke(cli.app, ["score", "baseline", "a.mid"])
    assert "train one with 'dvc repro'" in str(done.exception)


GENERATE = ["generate", "maestro", "--notes", "40", "--seed", "3"]


def read_generated(path: str) -> Notes:
    return reader.read_notes(Path(path).read_bytes(), "symusic")


def test_generate_prints_the_files_that_it_wrote(in_folder: Path) -> None:
    done = RUN.invoke(cli.app, [*GENERATE, "-o", "a.mid"])
    assert done.stdout == "a.mid\na.png\n"
    assert Path("a.mid").exists() and Path("a.png").exists()


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


def test_export_writes_a_page_and_wants_one_of_two_files(in_folder: Path) -> None:
    done = RUN.invoke(cli.app, ["export", "maestro", "--html", "page.html"])
    assert done.stdout == "page.html\n"
    assert "<title>maestro:" in Path("page.html").read_text("utf-8")
    for arguments in ([], ["--html", "a.html", "-o", "a.tflite"]):
        done = RUN.invoke(cli.app, ["export", "maestro", *arguments])
        assert done.exit_code == 2
        assert "give one of the two" in done.stderr
    assert [path.name for path in in_folder.iterdir()] == ["page.html"]
