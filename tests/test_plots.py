"""`dvc plots show` and `dvc plots diff` draw each plot of dvc.yaml by architecture, without a network."""

import csv
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from factories import ROOT
from ruamel.yaml import YAML

from pipeline.evaluation import plot_tables

BITS = {"baseline": [17.5, 17.25, 17.0], "stacked": [17.0, 16.5, 16.25]}
REPLICATES = (1, 2)
PLOTS = YAML(typ="safe", pure=True).load((ROOT / "dvc.yaml").read_text("utf-8"))["plots"]
TITLES = [title for plot in PLOTS for title in plot]
SCRIPTS = {
    "vega": "5f0ec89917912f9884ba428b7660407b8a1c01cc6b6cd6b7b0e17176213ff45b",
    "vega-lite": "2453a1233877f1228dbd3293f6f89816a08187a28328541ddf064d5beafcae35",
    "vega-embed": "9df7462e7bb85541b6138e1d01d97288a2b6f4f12efa15cecc2aa8f23b1a3274",
}
"""sha256 of build/<name>.min.js as published, less the line that names a source map."""


def run_command(folder: Path, *command: str) -> str:
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
        rows.writerow(["architecture", "replicate", "epoch", "notes", "loss", "bits_per_note"])
        for name, bits in BITS.items():
            rows.writerows(
                [name, replicate, k, 8192 * k, bit / 50, bit - shift + replicate / 8]
                for replicate in REPLICATES
                for k, bit in enumerate(bits, 1)
            )


def write_tables(folder: Path, shift: float) -> None:
    """Write what stage compare writes for `dvc plots`."""
    write_curves(folder, shift)
    reliability = [[0.25, 0.5, 200, 0.4, 0.4 - shift / 10], [0.5, 1.0, 100, 0.7, 0.6]]
    heads = {name: {"reliability": reliability} for name in ("pitch", "step", "duration")}
    details = {
        name: {"heads": heads, "context": [[k, 16, bits[0] - k / 8, 4, 3] for k in (1, 2, 4)]}
        for name, bits in BITS.items()
    }
    rows = [[f"{k}.mid", 100, *(bits[k] - shift for bits in BITS.values())] for k in range(3)]
    tables = {
        "calibration": plot_tables.format_calibration(details),
        "bits_by_context": plot_tables.format_bits_by_context(details),
        "bits_by_piece": plot_tables.format_bits_by_piece(
            {"columns": ["piece", "notes", *BITS], "rows": rows}
        ),
    }
    (folder / "metrics/plots").mkdir(exist_ok=True)
    for name, text in tables.items():
        (folder / f"metrics/plots/{name}.csv").write_text(text)


@pytest.fixture(scope="module")
def repository(tmp_path_factory) -> Path:
    """The plots of the project over tables of two versions: one committed, one not."""
    folder = tmp_path_factory.mktemp("plots")
    for command in (("git", "init", "-q"), ("dvc", "init", "-q")):
        run_command(folder, *command)
    shutil.copy(ROOT / ".dvc/config", folder / ".dvc/config")
    shutil.copytree(ROOT / ".dvc/plots", folder / ".dvc/plots", dirs_exist_ok=True)
    (folder / "dvc.yaml").write_text(json.dumps({"plots": PLOTS}))
    write_tables(folder, 0)
    run_command(folder, "git", "add", "-A")
    run_command(folder, "git", "commit", "-qm", "tables")
    write_tables(folder, 0.5)
    return folder


def read_specs(page: Path) -> dict[str, dict]:
    """Return what a page draws, in Vega-Lite, by title."""
    body = page.read_text("utf-8").rpartition("<body>")[2]
    begins = [match.end() for match in re.finditer("var spec = ", body)]
    specs = [json.JSONDecoder().raw_decode(body, begin)[0] for begin in begins]
    return {spec["title"]["text"]: spec for spec in specs}


DRAW = """async (spec) => {
    const place = document.body.appendChild(document.createElement('div'));
    await vegaEmbed(place, spec, {mode: 'vega-lite', renderer: 'svg'});
    const find = (query) => [...place.querySelectorAll(query)];
    const colors = (query, name) => find(query).map((mark) => mark.getAttribute(name));
    return {
        lines: colors('.mark-line.role-mark path', 'stroke'),
        points: colors('.mark-symbol.role-mark path', 'fill'),
        titles: find('.role-axis-title text').map((text) => text.textContent),
        legend: find('.role-legend-label text').map((text) => text.textContent),
    };
}"""
"""Draws again as SVG, whose marks can be counted."""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "versions"), [("show", {"workspace"}), ("diff", {"workspace", "HEAD"})]
)
def test_curves_are_drawn_without_a_network(repository, browser, command, versions):
    run_command(repository, "dvc", "plots", command, "-o", command)
    page = repository / command / "index.html"
    visit = browser.open(page.as_uri(), viewport={"width": 1300, "height": 900})
    visit.page.wait_for_function(
        f"document.querySelectorAll('canvas.marks').length === {len(TITLES)}"
    )
    bits = read_specs(page)[TITLES[0]]["data"]["values"]
    assert {row["rev"] for row in bits} == versions
    assert {row["architecture"] for row in bits} == set(BITS)
    assert len(bits) == 12 * len(versions)
    drawn = sorted(float(row["bits_per_note"]) for row in bits if row["rev"] == "workspace")
    expected = [bit - 0.5 + k / 8 for values in BITS.values() for bit in values for k in REPLICATES]
    assert drawn == sorted(expected)
    for canvas in visit.page.locator("canvas.marks").all():
        box = canvas.bounding_box()
        assert box["width"] > 400 and box["height"] > 100
    # Vega warns that "v5" of a schema is not its own "5.20.2"; nothing is amiss.
    assert [each for each in visit.complaints if " spec uses Vega" not in each] == []
    assert visit.abroad == []
    visit.page.context.close()


@pytest.mark.slow
def test_each_plot_has_a_series_for_each_architecture(repository: Path, browser) -> None:
    run_command(repository, "dvc", "plots", "show", "-o", "series")
    page = repository / "series/index.html"
    specs = read_specs(page)
    assert list(specs) == TITLES
    visit = browser.open(page.as_uri())
    drawn = {title: visit.page.evaluate(DRAW, spec) for title, spec in specs.items()}
    for plot in PLOTS:
        ((title, about),) = plot.items()
        marks = drawn[title]
        series = {color for color in (*marks["lines"], *marks["points"]) if color != "gray"}
        assert len(series - {"transparent", None}) == len(BITS), title
        assert set(BITS) <= set(marks["legend"])
        assert {about["x_label"], about["y_label"]} <= set(marks["titles"])
    # One line an architecture and replicate, and one of their mean.
    assert len(drawn[TITLES[0]]["lines"]) == len(BITS) * (len(REPLICATES) + 1)
    assert len(drawn["Bits per note by piece"]["points"]) == 3 * len(BITS)
    visit.page.context.close()


TRAINING = """
import pathlib, sys, time
from pipeline.core import files
for path in (pathlib.Path("models/a/history.csv"), pathlib.Path("models/a/replicates/2/history.csv")):
    rows = ["notes,bits_per_note", *(f"{8 * k},{17 - k}" for k in (1, 2, 3))]
    files.write_text(path, "\\n".join(rows) + "\\n")
pathlib.Path("waits").touch()
while pathlib.Path("waits").exists():
    time.sleep(0.05)
"""


@pytest.mark.slow
def test_curves_of_a_run_that_trains_are_drawn(tmp_path: Path) -> None:
    """DVC holds no lock that keeps `dvc plots` from the output of a stage that runs."""
    for command in (("git", "init", "-q"), ("dvc", "init", "-q")):
        run_command(tmp_path, *command)
    (tmp_path / "train.py").write_text(TRAINING)
    stage = {"cmd": f"exec {sys.executable} train.py", "deps": ["train.py"], "outs": ["models/a"]}
    (tmp_path / "dvc.yaml").write_text(json.dumps({"stages": {"train": stage}}))
    environment = {**os.environ, "DVC_NO_ANALYTICS": "1", "PYTHONPATH": str(ROOT)}
    dvc = [str(Path(sys.executable).parent / "dvc"), "repro", "-q"]
    with subprocess.Popen(dvc, cwd=tmp_path, env=environment) as training:
        for _ in range(1200):
            if (tmp_path / "waits").exists():
                break
            time.sleep(0.05)
        run_command(tmp_path, "bash", "-c", FOLLOW)
        assert training.poll() is None
        (tmp_path / "waits").unlink()
    assert training.returncode == 0
    body = (tmp_path / "dvc_plots/index.html").read_text("utf-8")
    for name in ("models/a/history.csv", "models/a/replicates/2/history.csv"):
        assert name in body
    assert body.count('"bits_per_note": "14"') == 2


FOLLOW = "dvc plots show models/*/history.csv models/*/replicates/*/history.csv -x notes -y bits_per_note"


def test_the_line_that_follows_a_training_is_documented() -> None:
    assert FOLLOW in (ROOT / "docs/experiments.md").read_text("utf-8")


def test_the_scripts_are_those_that_were_published():
    page = (ROOT / ".dvc/plots/offline.html").read_text("utf-8")
    scripts = re.findall(
        r'<script data-name="([\w-]+)" data-version="[\d.]+">(.*?)</script>', page, re.S
    )
    assert {name: hashlib.sha256(text.encode()).hexdigest() for name, text in scripts} == SCRIPTS
    assert "Redistribution and use" in page
