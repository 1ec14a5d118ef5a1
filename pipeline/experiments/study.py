"""A study: several experiments described in one file, run by DVC, and the page that is made of them.

Each run is one `dvc exp run --temp`, so that the work tree stays as it is and what was run before comes from the cache.
"""

import shlex
import subprocess
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from pipeline.config import Params
from pipeline.config.schema import Identifier, LearningRate, ModelConfig, StrictModel
from pipeline.core import git, path_encoding
from pipeline.core.errors import PipelineError
from pipeline.core.git import Experiment
from pipeline.core.named_yaml import load_named_yaml
from pipeline.core.suggestions import suggest_name
from pipeline.experiments import tune

STUDIES_DIR = Path("studies")


class StudyError(PipelineError):
    """A study is not described well, or an experiment of it failed."""


class Factorial(StrictModel):
    """Model configs for all combinations of three axes, from some architectures."""

    architectures: list[Identifier]
    input: list[str]
    heads: list[str]
    loss_on: list[Literal["last", "all"]]
    embedding_dim: int
    """Of the embedding input."""
    head_dim: int
    """Of categorical and mixture heads."""
    learning_rates: dict[Literal["last", "all"], LearningRate]
    """By `loss_on`."""

    @model_validator(mode="after")
    def _check_learning_rates(self) -> "Factorial":
        for loss_on in self.loss_on:
            if loss_on not in self.learning_rates:
                raise ValueError(f"learning_rates has no rate for loss_on {loss_on}; add one")
        return self


class Variant(StrictModel):
    """A model config that differs from an architecture of params.yaml in a few values."""

    of: Identifier
    """The architecture."""
    set: dict[str, Any]
    """The values that differ, by their names in the config."""


class Run(StrictModel):
    """One experiment."""

    description: str
    params: dict[str, Any]
    """Values of params.yaml, by dotted key."""
    architectures: list[Identifier]
    learning_rate: LearningRate | None = None
    """Of each of `architectures`; that of params.yaml where there is none."""
    variants: dict[Identifier, Variant] = Field(default_factory=dict)
    """Further architectures, by name."""
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
        earlier: set[str] = set()
        for name, run in self.runs.items():
            earlier.add(name)
            for other in run.compare_with:
                if other.partition("/")[0] not in earlier:
                    raise ValueError(
                        f"run {name} is against {other}, which is of no run so far; put that run first"
                    )
        return self


def load_study(name: str) -> Study:
    """Read a study.

    Raises:
        StudyError: there is none of that name, or it is not described well.
    """

    def describe_missing(names: Sequence[str]) -> str:
        studies = sorted([*names, tune.NAME])
        return f"no such study; there are: {', '.join(studies)}{suggest_name(name, studies)}"

    path = STUDIES_DIR / f"{name}.yaml"
    return load_named_yaml(path, Study.model_validate, StudyError, describe_missing)


def build_factorial_configs(factorial: Factorial, params: Params) -> dict[str, ModelConfig]:
    """Return the configs of a factorial, by names such as `stacked_embedding_mixture_all`.

    What an axis brings with it follows it: sizes of embedding and heads, and whether the model is stateful.
    """
    configs = {}
    axes = product(factorial.architectures, factorial.input, factorial.heads, factorial.loss_on)
    for name, input_type, heads, loss_on in axes:
        values = params.get_model_config(name).model_dump() | {
            "input": input_type,
            "embedding_dim": factorial.embedding_dim if input_type == "embedding" else 0,
            "heads": heads,
            "head_dim": 0 if heads == "regression" else factorial.head_dim,
            "loss_on": loss_on,
            "stateful": loss_on == "all",
            "learning_rate": factorial.learning_rates[loss_on],
        }
        configs[f"{name}_{input_type}_{heads}_{loss_on}"] = ModelConfig.model_validate(values)
    return configs


def build_variant_config(variant: Variant, params: Params) -> ModelConfig:
    """Return the config of a variant.

    Raises:
        pydantic.ValidationError: the values that differ do not go together with the others.
    """
    config = params.get_model_config(variant.of)
    return ModelConfig.model_validate(config.model_dump() | variant.set)


def _build_configs(run: Run, params: Params) -> dict[str, ModelConfig]:
    """Return the configs that are not in params.yaml."""
    configs = {name: build_variant_config(item, params) for name, item in run.variants.items()}
    return configs | (build_factorial_configs(run.factorial, params) if run.factorial else {})


def list_architectures(run: Run, params: Params) -> list[str]:
    """Return the architectures that a run trains."""
    return [*run.architectures, *_build_configs(run, params)]


def build_overrides(run: Run, params: Params) -> list[str]:
    """Return the `-S` values of a run."""
    values = dict(run.params)
    if run.learning_rate:
        rates = {f"model.{name}.learning_rate": run.learning_rate for name in run.architectures}
        values |= rates
    for name, config in _build_configs(run, params).items():
        values[f"+model.{name}"] = config.model_dump()
    values["architectures"] = list_architectures(run, params)
    return [f"{key}={_format_override(value)}" for key, value in values.items()]


def _format_override(value: Any) -> str:
    """Write a value as DVC's overrides want it: lists and mappings without quotes or spaces."""
    if isinstance(value, Mapping):
        pairs = (f"{key}:{_format_override(item)}" for key, item in value.items())
        return "{" + ",".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_format_override, value)) + "]"
    return str(value).lower() if isinstance(value, bool) else str(value)


def build_command(name: str, run: Run, params: Params) -> list[str]:
    """Return the words of the command that makes an experiment."""
    words = f"dvc exp run -n {name}".split()
    for override in build_overrides(run, params):
        words += "-S", override
    return words


def format_command_line(name: str, run: Run, params: Params) -> str:
    """Return that command as a person types it, or nothing where a factorial or variants make it too long to type."""
    return "" if run.factorial or run.variants else shlex.join(build_command(name, run, params))


def _find_experiment(name: str) -> Experiment | None:
    return next((item for item in git.list_experiments() if item.name == name), None)


def find_experiment_commit(name: str) -> str:
    """Return the commit of a DVC experiment, or nothing if there is none of that name."""
    experiment = _find_experiment(name)
    return experiment.commit if experiment else ""


def _get_experiment(name: str) -> Experiment:
    experiment = _find_experiment(name)
    if not experiment:
        raise StudyError(f"no experiment {name} in Git; run the study again")
    return experiment


def describe_source_commit(name: str) -> str:
    """Return the commit that an experiment started from, shortened, and whether its code was changed since."""
    experiment = _get_experiment(name)
    start = experiment.baseline_commit
    changed = git.run_git(
        "diff", "--name-only", start, experiment.commit, "--", "pipeline", "dvc.yaml"
    )
    return start[:7] + (" with changes" if changed else "")


def find_source_date(name: str) -> str:
    """Return the day of the commit that an experiment started from, as 2026-11-28."""
    start = _get_experiment(name).baseline_commit
    return git.run_git("show", "--no-patch", "--format=%cs", start).strip()


def run_experiment(name: str, run: Run, params: Params) -> str:
    """Run an experiment unless it is there already, and return its commit.

    Raises:
        StudyError: it failed, and what DVC said stands above; or DVC cannot run it below this folder.
    """
    if not find_experiment_commit(name):
        if problem := path_encoding.find_cache_path_problem():
            raise StudyError(problem)
        result = subprocess.run([*build_command(name, run, params), "--temp"], check=False)
        if result.returncode or not find_experiment_commit(name):
            raise StudyError(
                f"experiment {name} failed; mend what DVC says above and run the study again"
            )
    return find_experiment_commit(name)


def read_json_at_commit(commit: str, path: Path) -> Any:
    """Return a JSON file as it is in a commit.

    Raises:
        StudyError: it is not there.
    """
    values = git.make_json_reader(commit)(path)
    if not values:
        raise StudyError(
            f"{path} is not in experiment {commit[:7]}; remove it with 'dvc exp remove'"
        )
    return values
