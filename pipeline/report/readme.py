"""The pages at the top of the project, made of the results, so that no number there is typed by hand."""

import re
import shutil
from pathlib import Path

from pipeline.core import files, paths
from pipeline.core.errors import DataError
from pipeline.report import claims, claims_page, summary, tables
from pipeline.report.tables import RunResults

README = Path("README.md")
SAMPLE_IMAGE = Path("docs/sample.png")
MARKED_PARTS = re.compile(
    r"(<!-- (?P<name>\w+): filled by `music-rnn update-readme` -->\n).*?(<!-- /(?P=name) -->)", re.S
)


def fill_readme(text: str, results: RunResults) -> str:
    """Return the text of README.md with its marked part made anew.

    Raises:
        DataError: the part is not there, or one is there that nothing fills.
    """
    names = [match["name"] for match in MARKED_PARTS.finditer(text)]
    if names != ["decision"]:
        raise DataError(
            f"{README}: marked parts are {names}, not ['decision']; take it from Git again"
        )
    decision = render_decision_summary(results)
    return MARKED_PARTS.sub(lambda match: f"{match[1]}\n{decision}\n\n{match[3]}", text)


def render_decision_summary(results: RunResults) -> str:
    """Return the core of the decision: the table and the statements."""
    table = tables.format_markdown_table(tables.build_summary_table(results))
    return f"{table}\n\n{summary.format_markdown_statements(results)}"


def write_project_pages(results: RunResults) -> None:
    """Fill README.md, put a sample of the recommended model beside it, and hold the claims against the results."""
    claim_set = claims.load_claims(paths.CLAIMS)
    files.write_text(claims_page.PAGE_PATH, claims_page.render_claims_page(results, claim_set))
    files.write_text(README, fill_readme(README.read_text(encoding="utf-8"), results))
    picture = paths.get_samples_dir(results.recommended) / "01.png"
    SAMPLE_IMAGE.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(picture, SAMPLE_IMAGE)
