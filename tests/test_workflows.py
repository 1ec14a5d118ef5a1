"""The workflows are well formed, and what they run is what a person can run: the script's own commands."""

import re
import shlex
import subprocess
import sys
from functools import cache
from typing import Any

import pytest
from factories import ROOT
from ruamel.yaml import YAML
from typer.main import get_command

from pipeline import cli

FILES = sorted((ROOT / ".github/workflows").glob("*.yml"))
PLAIN = re.compile(
    r"^(git config user\.\w+ |\. \.venv/bin/activate$|if git ls-remote --exit-code |fi$|gh pr create )"
)
"""What a machine of the service needs besides: a name for its commits, the environment, the pull request."""


@cache
def read_jobs(name: str) -> dict[str, Any]:
    return dict(
        YAML(typ="safe", pure=True).load((ROOT / f".github/workflows/{name}.yml").read_text())[
            "jobs"
        ]
    )


def list_steps(name: str) -> list[dict[str, Any]]:
    return [step for job in read_jobs(name).values() for step in job["steps"]]


def list_commands(name: str) -> list[str]:
    return [line.strip() for step in list_steps(name) for line in step.get("run", "").splitlines()]


def test_they_follow_the_schema_of_the_service() -> None:
    check = [
        sys.executable,
        "-m",
        "check_jsonschema",
        "--builtin-schema",
        "vendor.github-workflows",
    ]
    done = subprocess.run([*check, *map(str, FILES)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert [path.stem for path in FILES] == ["ci", "retrain"]


def test_a_fault_would_be_seen(tmp_path) -> None:
    bad = tmp_path / "bad.yml"
    bad.write_text((ROOT / ".github/workflows/ci.yml").read_text().replace("runs-on", "runs_on"))
    check = [
        sys.executable,
        "-m",
        "check_jsonschema",
        "--builtin-schema",
        "vendor.github-workflows",
        str(bad),
    ]
    assert subprocess.run(check, capture_output=True, check=False).returncode == 1


@pytest.mark.parametrize("name", ["ci", "retrain"])
def test_actions_are_of_github_and_pinned_to_a_version(name: str) -> None:
    used = [step["uses"] for step in list_steps(name) if "uses" in step]
    assert used and all(re.fullmatch(r"actions/[a-z/-]+@v\d+", each) for each in used)


@pytest.mark.parametrize("name", ["ci", "retrain"])
def test_no_expression_is_pasted_into_a_shell(name: str) -> None:
    assert not any("${{" in command for command in list_commands(name))


def test_ci_runs_the_script_of_the_project_on_every_python_it_supports() -> None:
    import tomllib

    assert list_commands("ci")[0] == ".ci/run"
    assert (ROOT / ".ci/run").stat().st_mode & 0o111
    tested = read_jobs("ci")["test"]["strategy"]["matrix"]["python"]
    least = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "requires-python"
    ].removeprefix(">=")
    assert tested == ["3.11", "3.12", "3.13"] and tested[0] == least


def test_make_and_readme_name_the_versions_of_python_that_ci_tests() -> None:
    versions = read_jobs("ci")["test"]["strategy"]["matrix"]["python"]
    first, last = versions[0], versions[-1]
    assert f"Python {first} to {last}" in (ROOT / "README.md").read_text("utf-8")
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert f"Python {first} to {last}: make PYTHON=python{last}" in makefile
    lower, upper = (tuple(map(int, version.split("."))) for version in (first, last))
    assert f"{lower} <= sys.version_info < {(upper[0], upper[1] + 1)}" in makefile


def test_retraining_is_one_command_of_ours_and_all_else_is_the_machine() -> None:
    ours = [command for command in list_commands("retrain") if not PLAIN.match(command)]
    assert [command.split()[0] for command in ours] == ["make", "music-rnn"]
    target = ours[0].split()[1].replace(".venv", "$(VENV)")
    assert re.search(rf"^{re.escape(target)}:", (ROOT / "Makefile").read_text(), re.M)
    _, command, *options = shlex.split(ours[1])
    known = {
        name for option in get_command(cli.app).commands[command].params for name in option.opts
    }  # type: ignore[attr-defined]
    assert {option for option in options if option.startswith("--")} <= known


def test_it_retrains_on_all_that_can_make_a_stage_stale() -> None:
    text = (ROOT / ".github/workflows/retrain.yml").read_text()
    for path in ("params.yaml", "dvc.yaml", "pipeline/**", "data/corpora/**", "requirements.lock"):
        assert f"- {path}\n" in text


def test_the_audit_reads_the_lock_that_exists() -> None:
    (audit,) = [command for command in list_commands("ci") if "pip-audit" in command]
    assert "--require-hashes" in audit and (ROOT / audit.split()[-1]).is_file()


@pytest.mark.parametrize(
    ("lock", "extras"), [("requirements", ["train"]), ("requirements-dev", ["train", "dev"])]
)
def test_a_lock_has_every_dependency_at_a_version_that_is_allowed(
    lock: str, extras: list[str]
) -> None:
    import tomllib

    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pinned = dict(
        re.findall(
            r"^([a-z0-9._-]+)(?:\[[^]]*\])?==([^ ;\\]+)", (ROOT / f"{lock}.lock").read_text(), re.M
        )
    )
    pinned = {canonicalize_name(name): version for name, version in pinned.items()}
    asked = [
        *project["dependencies"],
        *(each for extra in extras for each in project["optional-dependencies"][extra]),
    ]
    for each in map(Requirement, asked):
        if each.name != project["name"]:
            name = canonicalize_name(each.name)
            assert name in pinned, f"{name} is not in {lock}.lock; run 'make lock'"
            assert each.specifier.contains(pinned[name]), (
                f"{lock}.lock has {name} {pinned[name]}, not {each.specifier}"
            )
