"""The sampling that several commands make of their options."""

from pathlib import Path

import pytest
from factories import ROOT
from typer.testing import CliRunner

from pipeline import cli
from pipeline.cli import options
from pipeline.config import Params
from pipeline.config.schema import SamplingConfig
from pipeline.live import run

RUN = CliRunner()


def test_an_option_of_sampling_beats_the_project(in_folder: Path) -> None:
    (in_folder / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    sampling = options.load_sampling(temperature=0.5, key="C major")
    project_sampling = options.load_sampling()
    changes = {"pitch_temperature": 0.5, "time_temperature": 0.5, "velocity_temperature": 0.5}
    changes |= {"key": "C major"}
    assert sampling == project_sampling.model_copy(update=changes)


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
