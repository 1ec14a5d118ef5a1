"""The layout: imports go down, each stage lists all it depends on, and one thing has one name."""

import ast
import importlib
import re
import subprocess
import sys
import tomllib
from functools import cache
from typing import Any

import architecture
import pytest
from ruamel.yaml import YAML

import pipeline
from pipeline.config import Params

STAGES = (
    "check",
    *("fetch", "ingest", "windows", "ngrams"),
    *("train", "evaluate", "generate", "sample_metrics", "two_sample"),
    *("compare", "benchmark", "report"),
)
UNTRACKED_LIBRARIES = {
    # Reads what earlier stages wrote, and computes no figure.
    "report": {"numpy", "pretty_midi", "pyarrow", "scipy", "symusic"},
    # Imports the name of the reference from the decision, whose intervals use scipy.
    "benchmark": {"scipy"},
}
"""Libraries that a stage imports, that cannot change what it writes."""
HEAVY = {"tensorflow", "keras"}
TENSORFLOW_PACKAGES = (
    "pipeline.models.keras",
    "pipeline.training",
    "pipeline.benchmark",
    "pipeline.export",
)
TESTED_BY = {
    "pipeline.midi.validate": "tests/midi/test_reader.py",
    "pipeline.midi.chunks": "tests/midi/test_repair.py",
    "pipeline.midi.events": "tests/midi/test_repair.py",
    "pipeline.core.errors": "tests/cli/test_cli.py",
    "pipeline.core.paths": "tests/test_pipeline.py",
    "pipeline.stages.runner": "tests/cli/test_cli.py",
    "pipeline.models.scoring": "tests/generation/test_engine.py",
    "pipeline.models.numpy.residual_blocks": "tests/models/numpy/test_layers.py",
    "pipeline.models.keras.attention": "tests/models/keras/test_network.py",
    "pipeline.corpus.sources.zip_archive": "tests/stages/test_fetch.py",
    "pipeline.corpus.sources.folder": "tests/stages/test_fetch.py",
    "pipeline.corpus.sources.sdist": "tests/stages/test_fetch.py",
}
"""Modules that are tested through the one that calls them."""


@cache
def read_stages() -> dict[str, Any]:
    return dict(
        YAML(typ="safe", pure=True).load((architecture.ROOT / "dvc.yaml").read_text("utf-8"))
    )["stages"]


def list_packages() -> list[str]:
    """Return the packages of the map in `pipeline/__init__.py`, the lowest first."""
    return re.findall(r"^    (\w+) ", pipeline.__doc__ or "", re.M)


def list_modules() -> list[str]:
    return [
        name
        for name in architecture.find_modules()
        if name not in ("pipeline", "pipeline.__main__")
    ]


def test_the_map_names_every_package() -> None:
    packages = {name.split(".")[1] for name in list_modules()}
    assert sorted(list_packages()) == sorted(packages)


# A rule for each module is one test that lists those that break it: a test for each of 200 modules takes seconds.
def test_imports_go_down() -> None:
    level = {package: number for number, package in enumerate(list_packages())}
    upward = [
        f"{name} imports {other}"
        for name in list_modules()
        for other in architecture.read_imports(name) - {"pipeline"}
        if level[other.split(".")[1]] > level[name.split(".")[1]]
    ]
    assert not upward


def test_no_module_imports_itself_through_others() -> None:
    for name in list_modules():
        # Python runs the `__init__.py` of the package before any of its modules, whichever imports which.
        package = name.rpartition(".")[0]
        reached = {
            file
            for other in architecture.read_imports(name)
            for file in architecture.collect_imports(other, package)
        }
        own = architecture.find_modules()[name].relative_to(architecture.ROOT).as_posix()
        # pipeline.cli imports its own commands: typer needs them all in one application.
        is_exempt = name.startswith("pipeline.cli.") or own.endswith("__init__.py")
        assert own not in reached or is_exempt, f"{name} imports itself through others"


def list_importers(libraries: set[str]) -> list[str]:
    """Return the modules that import one of these libraries."""
    return [
        name for name in list_modules() if architecture.read_third_party_imports(name) & libraries
    ]


def test_tensorflow_is_imported_only_where_it_is_needed() -> None:
    importers = list_importers(HEAVY)
    assert importers
    assert [name for name in importers if not name.startswith(TENSORFLOW_PACKAGES)] == []


def test_the_endings_of_midi_files_stand_in_one_module() -> None:
    texts = {name: architecture.find_modules()[name].read_text("utf-8") for name in list_modules()}
    assert [name for name, text in texts.items() if '".midi"' in text] == ["pipeline.core.paths"]


def test_midi_files_are_parsed_in_one_package() -> None:
    # pipeline.midi checks the bytes of a file before a library reads them.
    importers = list_importers({"symusic", "pretty_midi", "mido"})
    assert importers
    assert [name for name in importers if not name.startswith("pipeline.midi.")] == []


def test_the_width_of_a_note_is_that_of_the_table_of_features() -> None:
    # These have a literal 4 until their models train again; a track of midi has four columns of its own.
    exempt = ("models", "training", "dataset", "notes", "midi")
    lines = {name: architecture.find_literal_widths(name) for name in list_modules()}
    with_literal = {name for name in lines if lines[name]}
    assert {name for name in with_literal if name.split(".")[1] not in exempt} == set()


def find_imports(name: str) -> list[str]:
    """Return what a module imports at its top, in order."""
    imports: list[str] = []
    for node in architecture.parse_module(name).body:
        if isinstance(node, ast.Import):
            imports += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            imports.append(node.module)
    return imports


def test_tensorflow_is_imported_first_where_its_messages_are_held_back() -> None:
    """Its log level does not reach what it prints of absent GPUs while it is imported."""
    # pipeline.training does so in its __init__, for all its modules.
    exempt = ("pipeline.models.keras", "pipeline.training")
    for name in architecture.find_modules():
        imports = find_imports(name)
        loud = [at for at, imported in enumerate(imports) if imported.split(".")[0] in HEAVY]
        quiet = [at for at, each in enumerate(imports) if each.startswith("pipeline.models.keras")]
        if loud and not name.startswith(exempt):
            assert quiet and quiet[0] < loud[0], f"{name} imports TensorFlow with its messages"


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_lists_all_code_that_it_imports(name: str) -> None:
    deps = read_stages()[name]["deps"]
    assert f"pipeline/stages/{name}.py" in deps
    assert architecture.find_unlisted_code(name, deps) == set()
    assert architecture.find_unused_packages(name, deps) == set()
    assert sum(dep.startswith("pipeline/") for dep in deps) <= 8


def test_a_missing_package_is_seen() -> None:
    deps = read_stages()["train"]["deps"]
    missing = architecture.find_unlisted_code(
        "train", [dep for dep in deps if dep != "pipeline/dataset"]
    )
    assert "pipeline/dataset/windows.py" in missing
    assert architecture.find_unused_packages("train", [*deps, "pipeline/report"]) == {
        "pipeline/report"
    }


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_reads_the_sections_that_dvc_tracks(name: str) -> None:
    module = importlib.import_module(f"pipeline.stages.{name}")
    if "params.yaml" in read_stages()[name]["deps"]:
        assert set(module.PARAM_SECTIONS) == set(Params.model_fields)
        return
    tracked = [param for param in read_stages()[name]["params"] if isinstance(param, str)]
    assert {param.partition(".")[0] for param in tracked} == set(module.PARAM_SECTIONS)


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_tracks_the_libraries_that_can_change_its_figures(name: str) -> None:
    versions = set(
        YAML(typ="safe", pure=True).load((architecture.ROOT / "versions.yaml").read_text("utf-8"))
    )
    tracked = {
        library
        for param in read_stages()[name].get("params", [])
        if isinstance(param, dict)
        for library in param["versions.yaml"]
    }
    files = {
        file
        for file in architecture.collect_imports(f"pipeline.stages.{name}")
        if "/core/" not in file
    }
    imported = {
        library
        for module, path in architecture.find_modules().items()
        if path.relative_to(architecture.ROOT).as_posix() in files
        for library in architecture.read_third_party_imports(module) & versions
    }
    assert tracked == imported - UNTRACKED_LIBRARIES.get(name, set())


def test_stage_command_and_file_share_a_name(project: Params) -> None:
    from typer.main import get_command

    from pipeline.cli import app

    commands = {name.replace("-", "_") for name in get_command(app).commands}
    files = {path.stem for path in (architecture.ROOT / "pipeline/stages").glob("*.py")} - {
        "__init__",
        "runner",
    }
    assert set(read_stages()) == files == set(STAGES)
    assert files <= commands
    shared = {"corpus", "seed", "architectures", "replicates", "model", "gate"}
    assert set(Params.model_fields) - shared <= files


def test_every_module_has_its_test() -> None:
    for name, path in architecture.find_modules().items():
        if (
            name in ("pipeline", "pipeline.__main__")
            or architecture.has_only_docstring(name)
            or path.name == "__init__.py"
        ):
            continue
        mirror = path.relative_to(architecture.ROOT / "pipeline").parent / f"test_{path.name}"
        test = architecture.ROOT / TESTED_BY.get(
            name, "tests/cli/test_cli.py" if ".cli." in name else f"tests/{mirror}"
        )
        assert test.exists(), f"{name} has no {test.relative_to(architecture.ROOT)}"


def test_files_stay_small() -> None:
    long = [
        name
        for name, path in architecture.find_modules().items()
        if len(path.read_text("utf-8").splitlines()) > 400
    ]
    assert not long, f"over 400 lines, so two ideas: {long}"


RESULTS_OF_THE_WORK_TREE = re.compile(
    r"chdir\((architecture\.)?ROOT\)|ROOT / paths\.(?!PARAMS|CLAIMS|CORPORA|PIECES|NOTES)"
    r"|ROOT / f?[\"'](metrics/(?!studies)|models|dvc\.lock)"
)
READS_THE_CHECKOUT_ONLY = {
    # The studies and metrics/studies, which no stage writes.
    "tests/experiments/test_study.py": 4,
    # params.yaml.
    "tests/report/test_claim_measurements.py": 1,
}
"""Test modules that change into the checkout, how often, and for what."""


def test_no_test_reads_results_that_a_run_on_this_machine_wrote() -> None:
    """Tests of committed pages use the fixture committed_metrics, so that they pass after any run."""
    num_reads = {
        path.relative_to(architecture.ROOT).as_posix(): len(matches)
        for path in (architecture.ROOT / "tests").rglob("test_*.py")
        if (matches := RESULTS_OF_THE_WORK_TREE.findall(path.read_text("utf-8")))
    }
    assert num_reads == READS_THE_CHECKOUT_ONLY


def test_locks_name_no_index_and_pin_every_package_by_hash() -> None:
    for lock in ("requirements.lock", "requirements-dev.lock"):
        text = (architecture.ROOT / lock).read_text("utf-8")
        assert "://" not in text
        assert text.count("==") >= 100
        assert all("--hash=" in block for block in re.split(r"\n(?=[a-z])", text.strip()))


def test_every_dependency_is_used_by_the_package() -> None:
    project = tomllib.loads((architecture.ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    base = {name_of_import(line) for line in project["dependencies"]}
    train = {name_of_import(line) for line in project["optional-dependencies"]["train"]}
    used = set().union(
        *(architecture.read_third_party_imports(name) for name in architecture.find_modules())
    )
    # uvicorn serves the live connection of the studio through websockets.
    assert base | train <= used | {"websockets"}
    brought_by_others = {
        "dask",
        "dvc_data",
        "h11",
        "keras",
        "markupsafe",
        "mido",
        "networkx",
        "pydantic_core",
        "pythonosc",
        "rtmidi2",
    }
    assert used - base - train - brought_by_others <= set(sys.stdlib_module_names)


def name_of_import(requirement: str) -> str:
    """Return the name under which a distribution is imported."""
    distribution = re.split(r"[><=\[]", requirement)[0]
    return {"ruamel.yaml": "ruamel", "pillow": "PIL"}.get(distribution, distribution)


def test_help_comes_without_the_heavy_libraries() -> None:
    code = "import sys; from pipeline.cli import app; app(['--help'], standalone_mode=False); print(*sys.modules)"
    out = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=architecture.ROOT,
    )
    loaded = set(out.stdout.split())
    assert not loaded & {
        "tensorflow",
        "keras",
        "pandas",
        "pyarrow",
        "matplotlib",
        "pretty_midi",
        "symusic",
    }
