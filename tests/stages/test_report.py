"""Stage report."""

import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from factories import ROOT
from ruamel.yaml import YAML

from pipeline.config import Params, load_params
from pipeline.core import paths
from pipeline.report import claim_measurements, data
from pipeline.report.sections import quality
from pipeline.stages import report


def test_the_page_answers_the_question(in_made: Path) -> None:
    page = paths.DECISION.read_text("utf-8")
    assert page.startswith("# Which architecture?")
    for word in (
        "Recommended: **baseline**",
        "unigram (n-gram)",
        "Option B",
        "| group |",
        "replicates (cross-validation)",
        "- files left out: 2: .zip file: unzip it first (a.zip)",
        "- leaks: none",
    ):
        assert word in page
    assert str(Path.cwd()) not in page


def test_the_report_shows_all_that_was_measured(in_made: Path, small: Params) -> None:
    page = paths.REPORT.read_text("utf-8")
    for key in (
        "decision",
        "heads",
        "calibration",
        "context",
        "sample_metrics",
        "costs",
        "claims",
        "corpus",
        "pieces",
        "samples",
    ):
        assert f'<section id="{key}"' in page, (
            f"no section {key}: its figures are not read, or were not measured"
        )
    players = len(small.architectures) * small.generate.num_samples + 1
    assert page.count('class="player"') == players
    assert str(Path.cwd()) not in page


def test_it_reads_only_files_that_dvc_tracks(in_made: Path, small: Params) -> None:
    deps = YAML(typ="safe", pure=True).load((ROOT / "dvc.yaml").read_text("utf-8"))["stages"][
        "report"
    ]["deps"]
    # Of params.yaml DVC tracks the sections of the stage.
    tracked = [Path(dep.replace("${corpus}", small.corpus)) for dep in deps] + [paths.PARAMS]
    opened = record_opened_files(lambda: report.run(small.restrict_to(report.PARAM_SECTIONS)))
    assert {paths.INGEST_SUMMARY, paths.PARAMS} <= opened
    assert paths.get_manifest_path(small.corpus) in tracked  # which made-up music does not have
    assert {
        path for path in opened if not any(path.is_relative_to(dep) for dep in tracked)
    } == set()


def test_claims_read_only_sections_that_dvc_tracks(
    in_made: Path, small: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They read params.yaml again, of which any other section is an AttributeError here."""
    loaded = []

    def load_sections(path: Path) -> Params:
        loaded.append(path)
        return load_params(path).restrict_to(report.PARAM_SECTIONS)

    monkeypatch.setattr(claim_measurements.config, "load_params", load_sections)
    report.run(small.restrict_to(report.PARAM_SECTIONS))
    assert set(loaded) == {paths.PARAMS}


def record_opened_files(run: Callable[[], None]) -> set[Path]:
    """Return the files of data/, metrics/ and params.yaml that are opened to be read."""
    opened: set[Path] = set()
    is_recording = True

    def record(event: str, arguments: tuple[Any, ...]) -> None:
        if is_recording and event == "open" and isinstance(arguments[0], str | Path):
            path, _, flags = arguments
            is_read = flags & (os.O_WRONLY | os.O_RDWR) == 0
            path = Path(path).absolute()
            if is_read and path.is_relative_to(Path.cwd()):
                opened.add(path.relative_to(Path.cwd()))

    sys.addaudithook(record)  # which nothing can remove
    run()
    is_recording = False
    names = {"data", "metrics", paths.PARAMS.name}
    return {path for path in opened if path.is_file() and path.parts[0] in names}


def test_bits_by_context_are_those_that_evaluate_wrote(in_made: Path, small: Params) -> None:
    """Figures are read by their place in a row: a page and a stage that disagree draw the wrong ones."""
    both, pitch = quality.build_context_section(
        data.load_report_data(report.load_run_results(small.restrict_to(report.PARAM_SECTIONS)))
    ).figures
    for place, name in enumerate(both.numbers[0][1:], 1):
        rows = json.loads(paths.get_calibration_path(name).read_text("utf-8"))["context"]
        for row, sums, alone in zip(rows, both.numbers[1:], pitch.numbers[1:], strict=True):
            assert float(sums[0]) == float(alone[0]) == row[0]
            assert float(sums[place]) == pytest.approx(sum(row[2:]), rel=1e-3)
            assert float(alone[place]) == pytest.approx(row[2], rel=1e-3)


def test_a_second_run_gives_equal_bytes_and_no_color_to_a_pipe(
    in_made: Path,
    small: Params,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    before = paths.REPORT.read_bytes()
    report.run(small.restrict_to(report.PARAM_SECTIONS))
    assert paths.REPORT.read_bytes() == before
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert max(map(len, shown.splitlines())) <= 80
    assert re.search(r"baseline +[ab]+ +\d+", shown)
    assert "Recommended: baseline" in shown
    assert "metrics/report.html" in shown
