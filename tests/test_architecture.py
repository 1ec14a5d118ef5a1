"""The house holds: imports go down, each stage says all it depends on, and a thing has one name."""

import re
import subprocess
import sys
import tomllib
from functools import cache
from typing import Any

import architecture as house
import pytest
from ruamel.yaml import YAML

import pipeline
from pipeline.config import Params

STAGES = (
    *("fetch", "ingest", "windows", "ngrams"),
    *("train", "evaluate", "generate", "sample_metrics"),
    *("compare", "benchmark", "report"),
)
HEAVY = {"tensorflow", "keras"}
TENSORFLOW_PACKAGES = ("pipeline.models.keras", "pipeline.training", "pipeline.benchmark", "pipeline.export")
TESTED_BY = {
    "pipeline.midi.validate": "tests/midi/test_reader.py",
    "pipeline.core.errors": "tests/cli/test_cli.py",
    "pipeline.core.paths": "tests/test_pipeline.py",
    "pipeline.config.schema": "tests/config/test_config.py",
    "pipeline.models.keras.attention": "tests/models/keras/test_network.py",
    "pipeline.corpus.sources.zip_archive": "tests/stages/test_fetch.py",
    "pipeline.corpus.sources.folder": "tests/stages/test_fetch.py",
    "pipeline.corpus.sources.sdist": "tests/stages/test_fetch.py",
}
"""Modules that are tested through the one that calls them."""


@cache
def dvc() -> dict[str, Any]:
    return dict(YAML(typ="safe", pure=True).load((house.ROOT / "dvc.yaml").read_text("utf-8")))["stages"]


def floor_of(name: str) -> int:
    """Return the row of the map in `pipeline/__init__.py` on which a module stands."""
    text = pipeline.__doc__ or ""
    rows = re.findall(r"^    (\w+(?:, \w+)*) ", text, re.M)
    room = name.split(".")[1] if "." in name else name
    found = [number for number, row in enumerate(rows) if room in row.split(", ")]
    assert len(found) == 1, f"{room} is not on the map in pipeline/__init__.py, or twice"
    return found[0]


def modules() -> list[str]:
    return [name for name in house.modules() if name not in ("pipeline", "pipeline.__main__")]


@pytest.mark.parametrize("name", modules())
def test_imports_go_down(name: str) -> None:
    for other in house.imports(name) - {"pipeline"}:
        if other.split(".")[1] != name.split(".")[1]:
            assert floor_of(other) <= floor_of(name), f"{name} imports {other}, which stands above it"


def test_nothing_imports_in_a_circle() -> None:
    for name in modules():
        reached = {each for other in house.imports(name) for each in house.closure(other)}
        own = house.modules()[name].relative_to(house.ROOT).as_posix()
        assert own not in reached or own.endswith("__init__.py"), f"{name} imports itself by way of others"


@pytest.mark.parametrize("name", modules())
def test_tensorflow_stays_in_its_room(name: str) -> None:
    assert name.startswith(TENSORFLOW_PACKAGES) or not house.foreign(name) & HEAVY


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_depends_on_exactly_what_it_imports(name: str) -> None:
    listed = {dep for dep in dvc()[name]["deps"] if dep.endswith(".py")}
    assert listed == house.closure(f"pipeline.stages.{name}")


def test_a_missing_import_would_be_seen() -> None:
    assert "pipeline/notes/quantize.py" in house.closure("pipeline.stages.windows")
    assert "pipeline/notes/quantize.py" not in house.closure("pipeline.stages.ingest")


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_reads_the_sections_that_dvc_tracks(name: str) -> None:
    module = __import__(f"pipeline.stages.{name}", fromlist=["SECTIONS"])
    assert {param.partition(".")[0] for param in dvc()[name]["params"]} == set(module.SECTIONS)


def test_stage_command_and_file_share_a_name(project: Params) -> None:
    from typer.main import get_command

    from pipeline.cli import app

    commands = set(get_command(app).commands)
    files = {path.stem for path in (house.ROOT / "pipeline/stages").glob("*.py")} - {"__init__"}
    assert set(dvc()) == files == set(STAGES)
    assert files <= commands
    assert set(Params.model_fields) - {"corpus", "seed", "architectures", "model", "gate"} <= files


def test_every_module_has_its_test() -> None:
    for name, path in house.modules().items():
        if name in ("pipeline", "pipeline.__main__") or house.says_nothing(name) or path.name == "__init__.py":
            continue
        mirror = path.relative_to(house.ROOT / "pipeline").parent / f"test_{path.name}"
        test = house.ROOT / TESTED_BY.get(name, "tests/cli/test_cli.py" if ".commands." in name else f"tests/{mirror}")
        assert test.exists(), f"{name} has no {test.relative_to(house.ROOT)}"


def test_files_stay_small() -> None:
    long = [name for name, path in house.modules().items() if len(path.read_text("utf-8").splitlines()) > 200]
    assert not long, f"over 200 lines, so two ideas: {long}"


def test_locks_name_no_index_and_pin_every_package_by_hash() -> None:
    for lock in ("requirements.lock", "requirements-dev.lock"):
        text = (house.ROOT / lock).read_text("utf-8")
        assert "://" not in text
        assert text.count("==") >= 100
        assert all("--hash=" in block for block in re.split(r"\n(?=[a-z])", text.strip()))


def test_every_dependency_is_used_by_the_package() -> None:
    project = tomllib.loads((house.ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    named = {re.split(r"[><=\[]", each)[0].replace("ruamel.yaml", "ruamel") for each in project["dependencies"]}
    used = set().union(*(house.foreign(name) for name in house.modules()))
    assert named <= used
    assert used - named - {"numpy", "mido", "dvc", "dvc_data", "networkx", "starlette", "uvicorn"} - HEAVY <= set(
        sys.stdlib_module_names
    )


def test_help_comes_without_the_heavy_libraries() -> None:
    code = "import sys; from pipeline.cli import app; app(['--help'], standalone_mode=False); print(*sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=house.ROOT)
    loaded = set(out.stdout.split())
    assert not loaded & {"tensorflow", "keras", "pandas", "pyarrow", "matplotlib", "pretty_midi", "symusic"}
