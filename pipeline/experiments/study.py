"""A study: several experiments described in one file, run by DVC, and the page that is made of them.

Each run is one `dvc exp run --temp`, so that the work tree stays as it is and what was run before comes from the cache.
"""

import json
import shlex
import subprocess
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError, model_validator

from pipeline.config import Params
from pipeline.config.schema import Identifier, ModelConfig, StrictModel
from pipeline.core import git, path_encoding, yaml
from pipeline.core.errors import DataError, PipelineError
from pipeline.core.suggestions import suggest_name

STUDIES_DIR = Path("studies")


class StudyError(PipelineError):
    """A study is not described well, or one of its experiments failed."""


class Factorial(StrictModel):
    """Blocks for all combinations of three axes, from some architectures."""

    architectures: list[Identifier]
    input: list[str]
    heads: list[str]
    loss_on: list[str]
    embedding_dim: int
    """Of the embedding input."""
    head_dim: int
    """Of categorical and mixture heads."""


class Run(StrictModel):
    """One experiment."""

    description: str
    params: dict[str, Any]
    """Values of params.yaml, by dotted key."""
    architectures: list[Identifier]
    factorial: Factorial | None = None
    compare_with: list[Annotated[str, Field(pattern=r"^[a-z0-9_-]+/[a-z0-9_-]+$")]] = Field(
        default_factory=list
    )
    """Models, as `run/architecture`, that all of this run are compared with besides their own reference."""


class Study(StrictModel):
    """Experiments, and where their results go."""

    title: str
    page: Annotated[str, Field(pattern=r"^docs/[a-z0-9-]+\.md$")]
    metrics: Annotated[str, Field(pattern=r"^metrics/studies/[a-z0-9-]+\.json$")]
    runs: dict[Identifier, Run]

    @model_validator(mode="after")
    def _check_comparison_order(self) -> "Study":
        done: set[str] = set()
        for name, run in self.runs.items():
            done.add(name)
            for other in run.compare_with:
                if other.partition("/")[0] not in done:
                    raise ValueError(
                        f"run {name} is against {other}, which is of no run so far; put that run first"
                    )
        return self


def load_study(name: str) -> Study:
    """Read a study.

    Raises:
        StudyError: there is none of that name, or it says something it must not.
    """
    path = STUDIES_DIR / f"{name}.yaml"
    try:
        return Study.model_validate(yaml.load_yaml(path))
    except OSError as error:
        names = sorted(each.stem for each in STUDIES_DIR.glob("*.yaml"))
        known = ", ".join(names) or "none here"
        suggestion = suggest_name(name, names)
        raise StudyError(f"{path}: no such study; there are: {known}{suggestion}") from error
    except (ValidationError, ValueError) as error:
        raise StudyError(f"{path}: {' '.join(str(error).split())}") from error


def build_factorial_configs(factorial: Factorial, params: Params) -> dict[str, ModelConfig]:
    """Return the blocks of a factorial, by names such as `stacked_embedding_mixture_every`.

    What an axis brings with it follows it: a width, a chain, and the memory that the objective trains.
    """
    made = {}
    axes = product(factorial.architectures, factorial.input, factorial.heads, factorial.loss_on)
    for name, kind, heads, loss_on in axes:
        changes = {
            "input": kind,
            "embedding_dim": factorial.embedding_dim if kind == "embedding" else 0,
            "heads": heads,
            "head_dim": 0 if heads == "regression" else factorial.head_dim,
            "loss_on": loss_on,
            "stateful": loss_on == "all",
        }
        made[f"{name}_{kind}_{heads}_{loss_on}"] = ModelConfig.model_validate(
            {**params.get_model_config(name).model_dump(), **changes}
        )
    return made


def list_architectures(run: Run, params: Params) -> list[str]:
    """Return the architectures that a run trains."""
    return [
        *run.architectures,
        *(build_factorial_configs(run.factorial, params) if run.factorial else []),
    ]


def build_overrides(run: Run, params: Params) -> list[str]:
    """Return the `-S` values of a run."""
    made = build_factorial_configs(run.factorial, params) if run.factorial else {}
    out = [f"{key}={_format_override(value)}" for key, value in run.params.items()]
    out += [f"+model.{name}={_format_override(block.model_dump())}" for name, block in made.items()]
    return [*out, f"architectures={_format_override(list_architectures(run, params))}"]


def _format_override(value: Any) -> str:
    """Write a value as DVC's overrides want it: lists and mappings without quotes or spaces."""
    if isinstance(value, Mapping):
        return (
            "{" + ",".join(f"{key}:{_format_override(each)}" for key, each in value.items()) + "}"
        )
    if isinstance(value, list):
        return "[" + ",".join(map(_format_override, value)) + "]"
    return str(value).lower() if isinstance(value, bool) else str(value)


def build_command(name: str, run: Run, params: Params) -> list[str]:
    """Return the words of the command that makes an experiment."""
    return [
        "dvc",
        "exp",
        "run",
        "-n",
        name,
        *(part for each in build_overrides(run, params) for part in ("-S", each)),
    ]


def format_command_line(name: str, run: Run, params: Params) -> str:
    """Return that command as a person types it, or nothing where a factorial makes it too long to type."""
    return "" if run.factorial else shlex.join(build_command(name, run, params))


def find_experiment_commit(name: str) -> str:
    """Return the commit of a DVC experiment, or nothing if there is none of that name."""
    return next((each.commit for each in git.list_experiments() if each.name == name), "")


def describe_source_commit(name: str) -> str:
    """Return the commit that an experiment started from, shortened, and whether its code was changed since."""
    made = next(each for each in git.list_experiments() if each.name == name)
    changed = git.run_git(
        "diff", "--name-only", made.baseline_commit, made.commit, "--", "pipeline", "dvc.yaml"
    )
    return made.baseline_commit[:7] + (" with changes" if changed else "")


def run_experiment(name: str, run: Run, params: Params) -> str:
    """Run an experiment unless it is there already, and return its commit.

    Raises:
        StudyError: it failed, and what DVC said stands above; or DVC cannot run it below this folder.
    """
    if not find_experiment_commit(name):
        if problem := path_encoding.find_cache_path_problem():
            raise StudyError(problem)
        done = subprocess.run([*build_command(name, run, params), "--temp"], check=False)
        if done.returncode or not find_experiment_commit(name):
            raise StudyError(
                f"experiment {name} failed; mend what DVC says above and run the study again"
            )
    return find_experiment_commit(name)


def read_json_at_commit(commit: str, path: Path) -> Any:
    """Return a JSON file as it is in a commit.

    Raises:
        StudyError: it is not there.
    """
    try:
        return json.loads(git.run_git("show", f"{commit}:{path.as_posix()}"))
    except (DataError, ValueError) as error:
        raise StudyError(
            f"{path} is not in experiment {commit[:7]}; remove it with 'dvc exp remove'"
        ) from error
