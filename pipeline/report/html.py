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
from pipeline.report.data import Found
from pipeline.report.sections import cost, quality, samples

STATIC = Path(__file__).parent / "static"
SCRIPTS = ("theme.js", "pianoRoll.js", "synth.js", "player.js")
SECTIONS: tuple[Callable[[Found], Section], ...] = (
    quality.decided,
    quality.predicted,
    quality.calibrated,
    quality.by_context,
    samples.like_music,
    cost.costs,
    cost.claimed,
    quality.by_piece,
)


def page(found: Found) -> str:
    """Return the page; equal results give equal bytes."""
    cards = sample_player.cards(found.samples, found.ranked)
    chosen = found.facts.summary["best"]["recommended"]
    script = "\n".join(_static(name) for name in SCRIPTS)
    return _template().render(
        facts=found.facts,
        answers=summary.answers(found),
        sections=[section for make in SECTIONS if not (section := make(found)).empty],
        first=next((card for card in cards if card.architecture == chosen), None),
        groups=[(number, list(group)) for number, group in groupby(cards, lambda card: card.number)],
        chosen=chosen,
        music=sample_player.data(found.samples),
        style=Html(_static("report.css")),
        script=Html(script),
        allowed=_fingerprint(script),
    )


def _template() -> Template:
    place = FileSystemLoader(STATIC)
    made = Environment(loader=place, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return made.get_template("report.html")


def _static(name: str) -> str:
    return (STATIC / name).read_text(encoding="utf-8")


def _fingerprint(script: str) -> str:
    """Return how the page names its one script as the only one that may run.

    Source: Content Security Policy Level 3, section 2.3.1, hash-source.
    """
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"
