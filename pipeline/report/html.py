"""Results to one HTML file that needs nothing else: no script, style, font or picture from elsewhere."""

import base64
import hashlib
from collections.abc import Callable
from itertools import groupby
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from pipeline.report import sample_player, summary
from pipeline.report.blocks import Section
from pipeline.report.charts.svg import Html
from pipeline.report.data import ReportData
from pipeline.report.sections import cost, quality, samples

STATIC = Path(__file__).parent / "static"
SCRIPTS = ("theme.js", "pianoRoll.js", "synth.js", "player.js")
SECTION_BUILDERS: tuple[Callable[[ReportData], Section], ...] = (
    quality.build_decision_section,
    quality.build_heads_section,
    quality.build_calibration_section,
    quality.build_context_section,
    samples.build_sample_metrics_section,
    cost.build_cost_section,
    cost.build_claims_section,
    quality.build_pieces_section,
)


def render_page(data: ReportData) -> str:
    """Return the page; equal results give equal bytes."""
    cards = sample_player.make_sample_players(data.samples, data.by_bits)
    chosen = data.results.summary["best"]["recommended"]
    script = "\n".join(_read_static(name) for name in SCRIPTS)
    return _load_template().render(
        facts=data.results,
        answers=summary.build_answers(data),
        sections=[section for make in SECTION_BUILDERS if not (section := make(data)).is_empty],
        first=next((card for card in cards if card.architecture == chosen), None),
        groups=[
            (number, list(group)) for number, group in groupby(cards, lambda card: card.number)
        ],
        chosen=chosen,
        music=sample_player.pack_samples(data.samples),
        style=Html(_read_static("report.css")),
        script=Html(script),
        allowed=_compute_csp_hash(script),
    )


def _load_template() -> Template:
    place = FileSystemLoader(STATIC)
    made = Environment(
        loader=place,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return made.get_template("report.html")


def _read_static(name: str) -> str:
    return (STATIC / name).read_text(encoding="utf-8")


def _compute_csp_hash(script: str) -> str:
    """Return how the page names its one script as the only one that may run.

    Source: Content Security Policy Level 3, section 2.3.1, hash-source.
    """
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"
