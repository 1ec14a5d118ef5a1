"""`dvc plots show` and `dvc plots diff` draw the learning curves by architecture, without a network."""

import csv
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from factories import ROOT
from ruamel.yaml import YAML

BITS = {"baseline": [17.5, 17.25, 17.0], "stacked": [17.0, 16.5, 16.25]}
SCRIPTS = {
    "vega": "5f0ec89917912f9884ba428b7660407b8a1c01cc6b6cd6b7b0e17176213ff45b",
    "vega-lite": "2453a1233877f1228dbd3293f6f89816a08187a28328541ddf064d5beafcae35",
    "vega-embed": "9df7462e7bb85541b6138e1d01d97288a2b6f4f12efa15cecc2aa8f23b1a3274",
}
"""sha256 of build/<name>.min.js as published, less the line that names a source map."""


def run(folder: Path, *command: str) -> str:
    binaries = str(Path(sys.executable).parent)
    who = {
        f"GIT_{role}_{what}": "a@b.c"
        for role in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    }
    environment = {
        **os.environ,
        **who,
        "PATH": f"{binaries}:{os.environ['PATH']}",
        "DVC_NO_ANALYTICS": "1",
    }
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=True
    ).stdout


def write_curves(folder: Path, shift: float) -> None:
    path = folder / "metrics/learning_curves.csv"
    path.parent.mkdir(exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as out:
        rows = csv.writer(out)
        rows.writerow(["architecture", "epoch", "notes", "loss", "bits_per_note"])
        for name, bits in BITS.items():
            rows.writerows(
                [name, k, 8192 * k, bit / 50, bit - shift] for k, bit in enumerate(bits, 1)
            )


@pytest.fixture(scope="module")
def repository(tmp_path_factory) -> Path:
    """The plots of the project over curves of two versions: one committed, one not."""
    folder = tmp_path_factory.mktemp("plots")
    for command in (("git", "init", "-q"), ("dvc", "init", "-q")):
        run(folder, *command)
    shutil.copy(ROOT / ".dvc/config", folder / ".dvc/config")
    shutil.copytree(ROOT / ".dvc/plots", folder / ".dvc/plots", dirs_exist_ok=True)
    plots = YAML(typ="safe", pure=True).load((ROOT / "dvc.yaml").read_text("utf-8"))["plots"]
    (folder / "dvc.yaml").write_text(json.dumps({"plots": plots}))
    write_curves(folder, 0)
    run(folder, "git", "add", "-A")
    run(folder, "git", "commit", "-qm", "curves")
    write_curves(folder, 0.5)
    return folder


def rows_of(page: str) -> list[list[dict]]:
    """Return the rows of each plot of a page."""
    body = page.rpartition("<body>")[2]
    begins = [found.end() for found in re.finditer("var spec = ", body)]
    return [json.JSONDecoder().raw_decode(body, begin)[0]["data"]["values"] for begin in begins]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "versions"), [("show", {"workspace"}), ("diff", {"workspace", "HEAD"})]
)
def test_curves_are_drawn_without_a_network(repository, browser, command, versions):
    run(repository, "dvc", "plots", command, "-o", command)
    page = repository / command / "index.html"
    visit = browser.open(page.as_uri(), viewport={"width": 1300, "height": 900})
    visit.page.wait_for_function("document.querySelectorAll('canvas.marks').length === 2")
    (bits,) = [rows for rows in rows_of(page.read_text("utf-8")) if "bits_per_note" in rows[0]][:1]
    assert {row["rev"] for row in bits} == versions
    assert {row["architecture"] for row in bits} == set(BITS)
    assert len(bits) == 6 * len(versions)
    mine = sorted(float(row["bits_per_note"]) for row in bits if row["rev"] == "workspace")
    assert mine == sorted(bit - 0.5 for values in BITS.values() for bit in values)
    for canvas in visit.page.locator("canvas.marks").all():
        box = canvas.bounding_box()
        assert box["width"] > 400 and box["height"] > 250
    # Vega warns that "v5" of a schema is not its own "5.20.2"; nothing is amiss.
    assert [each for each in visit.complaints if " spec uses Vega" not in each] == []
    assert visit.abroad == []
    visit.page.context.close()


def test_the_scripts_are_those_that_were_published():
    page = (ROOT / ".dvc/plots/offline.html").read_text("utf-8")
    found = re.findall(
        r'<script data-name="([\w-]+)" data-version="[\d.]+">(.*?)</script>', page, re.S
    )
    assert {name: hashlib.sha256(text.encode()).hexdigest() for name, text in found} == SCRIPTS
    assert "Redistribution and use" in page
