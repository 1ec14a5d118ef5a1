"""Stage report."""

import json
import re
from pathlib import Path

import pytest

from pipeline.config import Params
from pipeline.core import paths
from pipeline.report import data
from pipeline.report.sections import quality
from pipeline.stages import report


def test_the_page_answers_the_question(in_made: Path) -> None:
    page = paths.DECISION.read_text("utf-8")
    assert page.startswith("# Which architecture?")
    for word in (
        "Recommended: **baseline**",
        "unigram (n-gram)",
        "Option B",
        "passages of 200 notes",
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
        "pieces",
        "samples",
    ):
        assert f'<section id="{key}"' in page, (
            f"no section {key}: its figures are not read, or were not measured"
        )
    players = len(small.architectures) * small.generate.num_samples + 1
    assert page.count('class="player"') == players
    assert str(Path.cwd()) not in page


def test_bits_by_context_are_those_that_evaluate_wrote(in_made: Path, small: Params) -> None:
    """Figures are read by their place in a row: a page and a stage that disagree draw the wrong ones."""
    both, pitch = quality.build_context_section(
        data.load_report_data(report.load_run_results(small.restrict_to(report.PARAM_SECTIONS)))
    ).figures
    for place, name in enumerate(both.numbers[0][1:], 1):
        told = json.loads(paths.get_calibration_path(name).read_text("utf-8"))["context"]
        for row, sums, alone in zip(told, both.numbers[1:], pitch.numbers[1:], strict=True):
            assert float(sums[0]) == float(alone[0]) == row[0]
            assert float(sums[place]) == pytest.approx(sum(row[2:]), rel=1e-3)
            assert float(alone[place]) == pytest.approx(row[2], rel=1e-3)


def test_a_second_run_gives_equal_bytes_and_no_colour_to_a_pipe(
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
    assert re.search(r"baseline\W+\d+\.\d{3}", shown)
    assert "Recommended: baseline" in shown
    assert "metrics/report.html" in shown
