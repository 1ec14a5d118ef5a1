"""The pages at the top of the project, made of the results, so that no number there is typed by hand."""

import re
import shutil
from pathlib import Path

from pipeline.core import files, paths
from pipeline.core.errors import DataError
from pipeline.report import claims, claims_page, tables
from pipeline.report.tables import RunResults

README = Path("README.md")
SAMPLE_IMAGE = Path("docs/sample.png")
MARKED_PARTS = re.compile(
    r"(<!-- (?P<name>\w+): filled by `music-rnn update-readme` -->\n).*?(<!-- /(?P=name) -->)", re.S
)


def fill_readme(text: str, results: RunResults) -> str:
    """Return the text of README.md with its marked parts made anew.

    Raises:
        DataError: a part is not there, or one is there that nothing fills.
    """
    known = {"decision": render_decision_summary(results)}
    found = {match["name"] for match in MARKED_PARTS.finditer(text)}
    if found != set(known):
        raise DataError(
            f"{README}: marked parts are {sorted(found)}, not {sorted(known)}; take it from Git again"
        )
    return MARKED_PARTS.sub(lambda match: f"{match[1]}\n{known[match['name']]}\n\n{match[3]}", text)


def render_decision_summary(results: RunResults) -> str:
    """Return the core of the decision: sentences, architectures, bits of the floors."""
    floors = results.summary["ngrams"]
    told = ", ".join(f"{name} {floors[name]['bits_per_note']:.2f}" for name in floors)
    return "\n\n".join(
        [
            tables.format_markdown_table(tables.build_summary_table(results)),
            f"Floors: {told} bits per note.",
            " ".join(tables.format_recommendation(results)),
        ]
    )


def write_project_pages(results: RunResults) -> None:
    """Fill README.md, put a sample of the recommended model beside it, and hold the claims against the results."""
    files.write_text(
        claims_page.PAGE_PATH,
        claims_page.render_claims_page(results, claims.load_claims(paths.CLAIMS)),
    )
    files.write_text(README, fill_readme(README.read_text(encoding="utf-8"), results))
    picture = paths.get_samples_dir(results.summary["best"]["recommended"]) / "01.png"
    SAMPLE_IMAGE.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(picture, SAMPLE_IMAGE)
