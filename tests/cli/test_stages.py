"""Commands that run one stage."""

import json
import shutil
from pathlib import Path

import pytest
from factories import ROOT
from report.conftest import make_continuation_comparison
from typer.testing import CliRunner

from pipeline import cli
from pipeline.core import paths
from pipeline.stages import sample_metrics


@pytest.mark.parametrize("has_continuations", [True, False])
def test_measures_of_form_are_printed_in_markdown(
    in_folder: Path, monkeypatch: pytest.MonkeyPatch, has_continuations: bool
) -> None:
    shutil.copy(ROOT / paths.PARAMS, paths.PARAMS)
    path = paths.get_sample_metrics_path("wide")
    path.parent.mkdir(parents=True)
    values = {"continuations": make_continuation_comparison()} if has_continuations else {}

    def write_metrics(params: object, architecture: str) -> None:
        path.write_text(json.dumps(values), encoding="utf-8")

    monkeypatch.setattr(sample_metrics, "run", write_metrics)
    done = CliRunner().invoke(cli.app, ["sample-metrics", "wide"], catch_exceptions=False)
    lines = done.stdout.splitlines()
    assert len(lines) == (4 if has_continuations else 0)
    assert (
        lines[:1] == ["| measure | wide | real | wide less real | real less real |"][: len(lines)]
    )
