"""Stage report."""

import re
from pathlib import Path

import pytest

from pipeline import paths
from pipeline.params import Params
from pipeline.stages import report


def test_the_page_answers_the_question(in_made: Path) -> None:
    page = paths.DECISION.read_text("utf-8")
    assert page.startswith("# Which architecture?")
    for word in ("Recommended: **baseline**", "unigram (floor)", "Option B", "passages of 200 notes"):
        assert word in page
    assert str(Path.cwd()) not in page


def test_the_report_shows_all_that_was_measured(in_made: Path, small: Params) -> None:
    page = paths.REPORT.read_text("utf-8")
    for key in ("decision", "heads", "calibration", "context", "likeness", "costs", "claims", "pieces", "samples"):
        assert f'<section id="{key}"' in page, f"no section {key}: its figures are not read, or were not measured"
    players = len(small.architectures) * small.generate.samples + 1
    assert page.count('class="player"') == players
    assert str(Path.cwd()) not in page


def test_a_second_run_gives_equal_bytes_and_no_colour_to_a_pipe(
    in_made: Path, small: Params, capsys: pytest.CaptureFixture[str]
) -> None:
    before = paths.REPORT.read_bytes()
    report.run(small.only(report.SECTIONS))
    assert paths.REPORT.read_bytes() == before
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert re.search(r"baseline\W+\d+\.\d{3}", shown)
    assert "Recommended: baseline" in shown
    assert "metrics/report.html" in shown
