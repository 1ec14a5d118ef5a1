"""The pages at the top of the project, made of the results, so that no number there is typed by hand."""

import re
import shutil
from pathlib import Path

from pipeline.core import files, paths
from pipeline.core.errors import DataError
from pipeline.report import claims, claims_page, tables
from pipeline.report.tables import Facts

README = Path("README.md")
PICTURE = Path("docs/sample.png")
PARTS = re.compile(r"(<!-- (?P<name>\w+): filled by `music-rnn readme` -->\n).*?(<!-- /(?P=name) -->)", re.S)


def filled(text: str, facts: Facts) -> str:
    """Return the text of README.md with its marked parts made anew.

    Raises:
        DataError: a part is not there, or one is there that nothing fills.
    """
    known = {"decision": decision(facts)}
    found = {match["name"] for match in PARTS.finditer(text)}
    if found != set(known):
        raise DataError(f"{README}: marked parts are {sorted(found)}, not {sorted(known)}; take it from Git again")
    return PARTS.sub(lambda match: f"{match[1]}\n{known[match['name']]}\n\n{match[3]}", text)


def decision(facts: Facts) -> str:
    """Return the core of the decision: sentences, architectures, bits of the floors."""
    floors = facts.summary["floors"]
    told = ", ".join(f"{name} {floors[name]['bits_per_note']:.2f}" for name in floors)
    return "\n\n".join(
        [tables.table(tables.short(facts)), f"Floors: {told} bits per note.", " ".join(tables.verdict(facts))]
    )


def write(facts: Facts) -> None:
    """Fill README.md, put a sample of the recommended model beside it, and hold the claims against the results."""
    files.write_text(claims_page.PAGE, claims_page.markdown(facts, claims.load(paths.CLAIMS)))
    files.write_text(README, filled(README.read_text(encoding="utf-8"), facts))
    picture = paths.samples(facts.summary["best"]["recommended"]) / "01.png"
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(picture, PICTURE)
