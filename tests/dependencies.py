"""The dependencies of this project and their licenses: `python tests/dependencies.py` writes docs/dependencies.md."""

import re
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs/dependencies.md"
HEAD = """# Dependencies

Written by `python tests/dependencies.py` from `pyproject.toml`, which has the reasons, and from the metadata of the installed packages.
Versions and hashes of these and of all that they need are in the lock files. The extras `azure`, `gs`, `s3` and `ssh`
each have the plugin of DVC for that store.

| package | extra | license | reason |
|---|---|---|---|
"""


def list_requirements() -> list[tuple[str, str, str]]:
    """Return package, extra and reason of every line of pyproject.toml that names one."""
    requirements, extra = [], "all"
    for line in (ROOT / "pyproject.toml").read_text("utf-8").splitlines():
        if begin := re.match(r"([a-z]+) = \[$", line):
            extra = "all" if begin[1] == "dependencies" else begin[1]
        elif entry := re.match(
            r'  "([A-Za-z0-9_.-]+)(?:\[[a-z0-9]+\])?>=[^"]+",\s*(?:# *(.*))?$', line
        ):
            requirements.append((entry[1], extra, entry[2] or ""))
    return requirements


def read_license(package: str) -> str:
    """Return the license in the metadata of a package."""
    try:
        about = metadata(package)
    except PackageNotFoundError:
        return "not installed"
    stated = about.get("License-Expression") or ""
    of_class = [
        line.rpartition(" :: ")[2]
        for line in about.get_all("Classifier") or []
        if line.startswith("License")
    ]
    return (
        stated or "; ".join(of_class) or (about.get("License") or "not stated").splitlines()[0][:60]
    )


def render_page() -> str:
    """Return the page."""
    return HEAD + "".join(
        f"| {name} | {extra} | {read_license(name)} | {why} |\n"
        for name, extra, why in list_requirements()
    )


if __name__ == "__main__":
    PAGE.write_text(render_page(), encoding="utf-8")
