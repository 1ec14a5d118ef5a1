"""The strict, typed mirror of params.yaml as a whole; what each block means is in `sections`.

`load` reads the file as DVC does and checks it whole, so that a typo, a wrong type, a number out of range or a
combination that makes no sense costs one clear line and no minute of training.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError, model_validator

from pipeline.config.recipes import ModelConfig, TrainConfig
from pipeline.config.schema import (
    BenchmarkConfig,
    CompareConfig,
    EvaluateConfig,
    GateConfig,
    GenerateConfig,
    Identifier,
    IngestConfig,
    NgramsConfig,
    SampleMetricsConfig,
    StrictModel,
    WindowsConfig,
)
from pipeline.core import yaml
from pipeline.core.errors import ParamsError


class Params(StrictModel):
    """All of params.yaml."""

    corpus: Identifier
    seed: Annotated[int, Field(ge=0, lt=2**31)]
    architectures: Annotated[list[Identifier], Field(min_length=1)]
    ingest: IngestConfig
    windows: WindowsConfig
    ngrams: NgramsConfig
    train: TrainConfig
    model: dict[Identifier, ModelConfig]
    evaluate: EvaluateConfig
    generate: GenerateConfig
    sample_metrics: SampleMetricsConfig
    compare: CompareConfig
    benchmark: BenchmarkConfig
    gate: GateConfig

    @model_validator(mode="after")
    def _check_architectures(self) -> "Params":
        for name in self.architectures:
            if name not in self.model:
                raise ValueError(
                    f"architectures names {name!r}, but there is no block model.{name}"
                )
        if taken := {"best", "reference", "ngrams", "uniform", "unigram", "trigram"} & set(
            self.model
        ):
            raise ValueError(
                f"an architecture cannot be named {min(taken)!r}: the results have something of that name"
            )
        if len(set(self.architectures)) < len(self.architectures):
            raise ValueError("architectures names one twice")
        return self

    def restrict_to(self, sections: Sequence[str]) -> "Params":
        """Return the parameters with these sections only; reading another is an AttributeError."""
        return Params.model_construct(**{name: getattr(self, name) for name in sections})

    def get_model_config(self, architecture: str) -> ModelConfig:
        """Return the recipe of an architecture.

        Raises:
            ParamsError: there is none of that name.
        """
        if architecture not in self.model:
            raise ParamsError(
                f"no architecture {architecture!r} in params.yaml; there are {', '.join(self.model)}"
            )
        return self.model[architecture]


def load_params(path: Path) -> Params:
    """Read and check a params file.

    Raises:
        ParamsError: one line that names the file, the key, the value and what is wrong.
    """
    try:
        tree = yaml.load_yaml(path)
    except OSError as error:
        raise ParamsError(
            f"{path}: cannot be read ({error.strerror}); run from the project's folder"
        ) from error
    except yaml.YamlError as error:
        raise ParamsError(f"{path}: not YAML: {error}") from error
    try:
        return Params.model_validate(tree)
    except ValidationError as error:
        raise ParamsError(f"{path}: {_describe_first_error(error)}") from error


def _describe_first_error(error: ValidationError) -> str:
    """Put the first fault of a validation in one line."""
    faults = error.errors(include_url=False)
    first = next((fault for fault in faults if fault["type"] == "extra_forbidden"), faults[0])
    if first["type"] == "extra_forbidden":
        return f"{'.'.join(str(part) for part in first['loc'])}: no such parameter; see pipeline/config/schema.py"
    key = ".".join(str(part) for part in first["loc"]) or "the file"
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    value = "" if isinstance(first["input"], dict) else f", not {yaml.shorten_repr(first['input'])}"
    return f"{key}: {first['msg'].removeprefix('Value error, ')}{value}{more}"
