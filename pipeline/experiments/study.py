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
from pipeline.config.recipes import Model
from pipeline.config.schema import Name, Section
from pipeline.core import git, yaml
from pipeline.core.errors import DataError, PipelineError

STUDIES = Path("studies")


class StudyError(PipelineError):
    """A study is not described well, or one of its experiments failed."""


class Factorial(Section):
    """Blocks for all combinations of three axes, from some architectures."""

    of: list[Name]
    input: list[str]
    heads: list[str]
    objective: list[str]
    width: int
    """Of the embedding input."""
    chain: int
    """Of categorical and mixture heads."""


class Run(Section):
    """One experiment."""

    about: str
    set: dict[str, Any]
    """Values of params.yaml, by dotted key."""
    architectures: list[Name]
    factorial: Factorial | None = None
    against: list[Annotated[str, Field(pattern=r"^[a-z0-9_-]+/[a-z0-9_-]+$")]] = Field(default_factory=list)
    """Models, as `run/architecture`, that all of this run are compared with besides their own reference."""


class Study(Section):
    """Experiments, and where their results go."""

    title: str
    page: Annotated[str, Field(pattern=r"^docs/[a-z0-9-]+\.md$")]
    figures: Annotated[str, Field(pattern=r"^metrics/[a-z0-9-]+\.json$")]
    runs: dict[Name, Run]

    @model_validator(mode="after")
    def _known_before_it_is_compared(self) -> "Study":
        done: set[str] = set()
        for name, run in self.runs.items():
            done.add(name)
            for other in run.against:
                if other.partition("/")[0] not in done:
                    raise ValueError(f"run {name} is against {other}, which is of no run so far; put that run first")
        return self


def load(name: str) -> Study:
    """Read a study.

    Raises:
        StudyError: there is none of that name, or it says something it must not.
    """
    path = STUDIES / f"{name}.yaml"
    try:
        return Study.model_validate(yaml.read(path))
    except OSError as error:
        known = ", ".join(sorted(each.stem for each in STUDIES.glob("*.yaml"))) or "none here"
        raise StudyError(f"{path}: no such study; there are: {known}") from error
    except (ValidationError, ValueError) as error:
        raise StudyError(f"{path}: {' '.join(str(error).split())}") from error


def blocks(factorial: Factorial, params: Params) -> dict[str, Model]:
    """Return the blocks of a factorial, by names such as `stacked_embedding_mixture_every`.

    What an axis brings with it follows it: a width, a chain, and the memory that the objective trains.
    """
    made = {}
    axes = product(factorial.of, factorial.input, factorial.heads, factorial.objective)
    for name, kind, heads, objective in axes:
        changes = {
            "input": kind,
            "width": factorial.width if kind == "embedding" else 0,
            "heads": heads,
            "chain": 0 if heads == "regression" else factorial.chain,
            "objective": objective,
            "memory": "window" if objective == "last" else "carried",
        }
        made[f"{name}_{kind}_{heads}_{objective}"] = Model.model_validate(
            {**params.block(name).model_dump(), **changes}
        )
    return made


def names(run: Run, params: Params) -> list[str]:
    """Return the architectures that a run trains."""
    return [*run.architectures, *(blocks(run.factorial, params) if run.factorial else [])]


def overrides(run: Run, params: Params) -> list[str]:
    """Return the `-S` values of a run."""
    made = blocks(run.factorial, params) if run.factorial else {}
    out = [f"{key}={_plain(value)}" for key, value in run.set.items()]
    out += [f"+model.{name}={_plain(block.model_dump())}" for name, block in made.items()]
    return [*out, f"architectures={_plain(names(run, params))}"]


def _plain(value: Any) -> str:
    """Write a value as DVC's overrides want it: lists and mappings without quotes or spaces."""
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{key}:{_plain(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_plain, value)) + "]"
    return str(value).lower() if isinstance(value, bool) else str(value)


def command(name: str, run: Run, params: Params) -> list[str]:
    """Return the words of the command that makes an experiment."""
    return ["dvc", "exp", "run", "-n", name, *(part for each in overrides(run, params) for part in ("-S", each))]


def line(name: str, run: Run, params: Params) -> str:
    """Return that command as a person types it, or nothing where a factorial makes it too long to type."""
    return "" if run.factorial else shlex.join(command(name, run, params))


def experiment(name: str) -> str:
    """Return the commit of a DVC experiment, or nothing if there is none of that name."""
    return next((each.commit for each in git.experiments() if each.name == name), "")


def made_at(name: str) -> str:
    """Return the commit that an experiment started from, shortened, and whether its code was changed since."""
    made = next(each for each in git.experiments() if each.name == name)
    changed = git.git("diff", "--name-only", made.start, made.commit, "--", "pipeline", "dvc.yaml")
    return made.start[:7] + (" with changes" if changed else "")


def carry_out(name: str, run: Run, params: Params) -> str:
    """Run an experiment unless it is there already, and return its commit.

    Raises:
        StudyError: it failed; what DVC said stands above.
    """
    if not experiment(name):
        done = subprocess.run([*command(name, run, params), "--temp"], check=False)
        if done.returncode or not experiment(name):
            raise StudyError(f"experiment {name} failed; mend what DVC says above and run the study again")
    return experiment(name)


def read(commit: str, path: Path) -> Any:
    """Return a JSON file as it is in a commit.

    Raises:
        StudyError: it is not there.
    """
    try:
        return json.loads(git.git("show", f"{commit}:{path.as_posix()}"))
    except (DataError, ValueError) as error:
        raise StudyError(f"{path} is not in experiment {commit[:7]}; remove it with 'dvc exp remove'") from error
