"""Templates: what they escape, how they write numbers, and what they refuse."""

import pytest
from jinja2 import UndefinedError

from pipeline.report import templates
from pipeline.report.templates import render_template

PAGE = {
    "results": None,
    "comparison": [["a"]],
    "heads": [["a"]],
    "ties": [["a"]],
    "interval_note": "<note>",
    "corpus_rows": [],
    "rule": "<rule>",
}


def test_a_template_without_a_value_is_an_error():
    with pytest.raises(UndefinedError, match="'params' is undefined"):
        render_template("report/static/decision.md", **PAGE)


def test_names_stay_as_they_are_in_markdown(report_data):
    values = {**PAGE, "params": report_data.results.params, "results": report_data.results}
    page = render_template("report/static/decision.md", statements="- <b>", **values)
    assert "- <b>" in page and "<rule>\n" in page


def test_lengths_are_short_and_points_are_pairs():
    environment = templates._make_environment()
    template = environment.from_string(
        "{{ points|polyline }}; {{ length }} {{ share }} {{ count }}"
    )
    values = {"points": [(1.0, 2.25), (30, 4.04)], "length": -12.500, "share": 1 / 3, "count": 70}
    assert template.render(values) == "1.0,2.2 30.0,4.0; -12.5 0.33 70"


@pytest.mark.parametrize("path", ["report/static/report.html", "experiments/static/listen.html"])
def test_pages_extend_the_one_that_has_the_head(path):
    text = (templates.PACKAGE / path).read_text("utf-8")
    assert text.startswith('{% extends "report/static/page.html" %}\n')
    assert all(part not in text for part in ("<head", "<meta", "<style", "<script>"))
