"""The page as text: no external resources, names escaped, small, and equal bytes each time."""

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import architecture as house
import numpy as np
import pytest
from factories import make_busy
from factories import make_music as notes_of
from ruamel.yaml import YAML

from pipeline.report import html as build
from pipeline.report import sample_player, templates
from pipeline.report.data import Sample

TEMPLATES = (
    "claims.md",
    "page.html",
    "report.html",
    "decision.md",
    "frame.svg",
    "line.svg",
    "scatter.svg",
    "bars.svg",
    "intervals.svg",
    "histogram.svg",
)
HOSTILE = "\"><img src=x onerror=alert(1)><script>alert(2)</script>'</script>&amp;"


class Tags(HTMLParser):
    """Counts tags, and gathers addresses and handlers."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.handlers: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.addresses += [
            value for name, value in attrs if name in ("src", "href", "srcset", "action", "data")
        ]
        self.handlers += [name for name, _ in attrs if name.startswith("on")]


def rename_architecture(report_data, old: str, new: str):
    """Give an architecture another name everywhere."""

    def again(value):
        if isinstance(value, dict):
            return {new if key == old else key: again(each) for key, each in value.items()}
        if isinstance(value, list):
            return [again(each) for each in value]
        return new if value == old else value

    names = [new if name == old else name for name in report_data.architectures]
    params = report_data.results.params.model_copy(update={"architectures": names, "corpus": new})
    facts = replace(
        report_data.results,
        params=params,
        summary=again(report_data.results.summary),
        benchmark=again(report_data.results.benchmark),
        pairs=again(report_data.results.pairs),
        claims=again(report_data.results.claims),
    )
    parts = {
        key: again(getattr(report_data, key))
        for key in (
            "learning_curves",
            "piece_scores",
            "calibration",
            "sample_metrics",
            "claim_rows",
            "study_rows",
        )
    }
    samples = [replace(each, architecture=again(each.architecture)) for each in report_data.samples]
    return replace(report_data, results=facts, samples=samples, **parts)


def test_equal_results_give_equal_bytes(report_data):
    assert build.render_page(report_data) == build.render_page(report_data)


def test_every_section_is_there(report_data):
    page = build.render_page(report_data)
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
        assert f'<section id="{key}"' in page
        assert f'href="#{key}"' in page


def test_what_was_not_measured_has_no_section_and_no_link(report_data):
    page = build.render_page(
        replace(report_data, calibration={}, sample_metrics={}, piece_scores={}, samples=[])
    )
    for key in ("calibration", "context", "sample_metrics", "pieces", "samples"):
        assert f'"{key}"' not in page and f"#{key}" not in page
    assert 'id="decision"' in page


def test_it_asks_for_nothing_from_elsewhere(report_data):
    page = build.render_page(report_data)
    assert all(address.startswith(("#", "data:")) for address in Tags(page).addresses)
    assert not re.search(
        r"@import|url\(|https?:(?!//www\.w3\.org)|fetch\(|XMLHttpRequest|WebSocket|import\(", page
    )
    assert "default-src 'none'" in page


def test_only_its_own_script_may_run(report_data):
    page = build.render_page(report_data)
    script = page.rpartition("<script>")[2].partition("</script>")[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in page
    assert Tags(page).handlers == []


@pytest.mark.parametrize("old", ["expressive", "bidirectional", "baseline", "etude.mid"])
def test_hostile_names_are_words(report_data, old):
    if old == "baseline":  # the reference
        report_data = replace(report_data, results=replace(report_data.results, claims={}))
    plain, hostile = (
        Tags(build.render_page(report_data)),
        Tags(build.render_page(rename_architecture(report_data, old, HOSTILE))),
    )
    assert sorted(hostile.tags) == sorted(plain.tags)
    assert hostile.handlers == []
    assert all(address.startswith(("#", "data:")) for address in hostile.addresses)


def test_the_notes_are_data_that_cannot_end_their_block(report_data):
    page = build.render_page(report_data)
    block = re.search(r'<script type="application/json" id="music">(.*?)</script>', page)[1]
    assert json.loads(block) == sample_player.pack_samples(report_data.samples)


def test_every_figure_has_its_numbers_and_says_what_it_shows(report_data):
    page = build.render_page(report_data)
    figures = re.findall(r"<figure>(.*?)</figure>", page, re.S)
    assert len(figures) > 12
    for figure in figures:
        assert re.search(r'role="img" aria-label="[^"]{20,}"', figure)
        assert "<table" in figure and "<figcaption>" in figure


def test_the_chosen_one_is_marked_wherever_it_stands(report_data):
    page = build.render_page(report_data)
    assert page.count('<tr class="chosen"><th scope="row">expressive</th>') >= 5


def test_a_large_run_stays_below_five_megabytes(report_data):
    rng = np.random.default_rng(0)
    notes = notes_of(0, 5000)
    samples = [
        Sample(name, number, notes, 8, rng.bytes(40_000))
        for name in report_data.architectures
        for number in range(1, 7)
    ]
    rows = [[f"a-piece-with-a-long-name-{k}.midi", 10_000, *[17.5] * 4] for k in range(5000)]
    page = build.render_page(
        replace(
            report_data, samples=samples, piece_scores={**report_data.piece_scores, "rows": rows}
        )
    )
    assert 500_000 < len(page.encode()) < 5_000_000


def test_templates_styles_and_scripts_are_what_the_stage_depends_on():
    report = YAML(typ="safe", pure=True).load((house.ROOT / "dvc.yaml").read_text("utf-8"))[
        "stages"
    ]["report"]
    names = (*build.SCRIPTS, "report.css", *TEMPLATES)
    files = [(templates.STATIC / name).resolve() for name in names]
    for file in files:
        package = file.relative_to(house.ROOT).parts[:2]
        assert "/".join(package) in report["deps"]
    inside = {path for path in files if path.parent == templates.STATIC}
    assert inside == set(templates.STATIC.iterdir())


def compute_luminance(color: str) -> float:
    """Return the relative luminance of #rrggbb. Source: WCAG 2.2."""
    parts = [int(color[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))


def compute_contrast(one: str, other: str) -> float:
    low, high = sorted((compute_luminance(one), compute_luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_contrast_is_enough(theme):
    style = (templates.STATIC / "report.css").read_text("utf-8")
    colors = {
        name: pair[theme]
        for name, *pair in re.findall(r"--(\w+): light-dark\((#\w{6}), (#\w{6})\)", style)
    }
    words = ["ink", "soft", "link", "warn", *(f"a{k}" for k in range(8))]
    for ground in ("paper", "panel"):
        for name in words:
            assert compute_contrast(colors[name], colors[ground]) >= 4.5, (
                f"text {name} on {ground}: AA wants 4.5"
            )
        for name in ("edge", "h0", "h1"):
            assert compute_contrast(colors[name], colors[ground]) >= 3, (
                f"shape {name} on {ground}: AA wants 3"
            )
    assert compute_contrast(colors["h2"], colors["paper"]) >= 3
    assert compute_contrast("#000000", "#ffffff") == pytest.approx(21)


def test_a_page_of_a_busy_machine_says_so(report_data):
    busy = replace(report_data.results, benchmark=make_busy(report_data.results.benchmark))
    page = build.render_page(replace(report_data, results=busy))
    assert page.count("not measured: busy") > len(report_data.architectures)
