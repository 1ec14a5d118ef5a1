"""Stage report."""

from pathlib import Path

from pipeline import paths


def test_the_page_answers_the_question(in_made: Path) -> None:
    page = paths.DECISION.read_text("utf-8")
    assert page.startswith("# Which architecture?")
    for word in ("Recommended: **baseline**", "unigram (floor)", "Option B", "passages of 200 notes"):
        assert word in page
    assert str(Path.cwd()) not in page
