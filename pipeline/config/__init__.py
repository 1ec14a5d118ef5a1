"""The strict, typed mirror of params.yaml as a whole; what each block means is in `sections`.

`load` reads the file as DVC does and checks it whole, so that a typo, a wrong type, a number out of range or a
combination that makes no sense costs one clear line and no minute of training.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field, ValidationError, model_validator

from pipeline.config.schema import (
    BenchmarkConfig,
    CompareConfig,
    EvaluateConfig,
    GateConfig,
    GenerateConfig,
    Identifier,
    IngestConfig,
    ModelConfig,
    NgramsConfig,
    ReplicatesConfig,
    SampleMetricsConfig,
    StrictModel,
    TrainConfig,
    TwoSampleConfig,
    WindowsConfig,
)
from pipeline.core import yaml
from pipeline.core.errors import ParamsError
from pipeline.core.suggestions import suggest_name

RESERVED_NAMES = {
    *("best", "reference", "ngrams"),
    *("uniform", "unigram", "trigram", "context_mixing"),
}
"""Names that an architecture cannot have: keys of the results, and n-gram models."""


class Params(StrictModel):
    """All of params.yaml."""

    corpus: Identifier
    seed: Annotated[int, Field(ge=0, lt=2**31)]
    architectures: Annotated[list[Identifier], Field(min_length=1)]
    ingest: IngestConfig
    windows: WindowsConfig
    ngrams: NgramsConfig
    replicates: ReplicatesConfig
    train: TrainConfig
    model: dict[Identifier, ModelConfig]
    evaluate: EvaluateConfig
    generate: GenerateConfig
    sample_metrics: SampleMetricsConfig
    two_sample: TwoSampleConfig
    compare: CompareConfig
    benchmark: BenchmarkConfig
    gate: GateConfig

    @model_validator(mode="after")
    def _check_architectures(self) -> "Params":
        for name in self.architectures:
            if name not in self.model:
                suggestion = suggest_name(name, self.model)
                raise ValueError(
                    f"architectures names {name!r}, but there is no block model.{name}{suggestion}"
                )
            if self.ingest.sustain_pedal and self.model[name].model_pedal:
                raise ValueError(
                    f"model.{name}.model_pedal: true needs ingest.sustain_pedal: false; with true, no note tells the pedal"
                )
        if taken := RESERVED_NAMES & set(self.model):
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
            suggestion = suggest_name(architecture, self.model)
            raise ParamsError(
                f"no architecture {architecture!r} in params.yaml{suggestion}; there are {', '.join(self.model)}"
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
    return validate_params(tree, str(path))


def validate_params(tree: Any, place: str) -> Params:
    """Check a tree of values.

    Args:
        tree: what a params file holds.
        place: where it is from, for a message.

    Raises:
        ParamsError: one line that names the place, the key, the value and what is wrong.
    """
    try:
        return Params.model_validate(tree)
    except ValidationError as error:
        raise ParamsError(f"{place}: {_describe_first_error(error)}") from error


def _describe_first_error(error: ValidationError) -> str:
    """Put the first fault of a validation in one line."""
    faults = error.errors(include_url=False)
    first = next((fault for fault in faults if fault["type"] == "extra_forbidden"), faults[0])
    if first["type"] == "extra_forbidden":
        return _describe_unknown_key([str(part) for part in first["loc"]])
    key = ".".join(str(part) for part in first["loc"])
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    message = first["msg"].removeprefix("Value error, ").partition(" after validation")[0]
    if first["type"] == "model_type":
        message = "needs keys and values"
    value = "" if isinstance(first["input"], dict) else f", not {_format_value(first['input'])}"
    return f"{f'{key}: ' if key else ''}{message}{value}{more}"


def _format_value(value: object) -> str:
    """Return a value as a message shows it, in the words of YAML."""
    return "nothing" if value is None else yaml.shorten_repr(value)


RENAMED_KEYS = {
    "floors": "ngrams",
    "likeness": "sample_metrics",
    "ingest.pedal": "ingest.sustain_pedal",
    "windows.length": "windows.sequence_length",
    "windows.train_notes": "windows.max_train_notes",
    "ngrams.smoothing": "ngrams.additive_smoothing",
    "train.residual_notes": "train.noise_fit_notes",
    "train.validation_notes": "train.max_validation_notes",
    "train.threads": "train.num_threads",
    "train.last": "train.windowed",
    "train.every": "train.stateful",
    "train.windowed.learning_rate": "model.*.learning_rate (one for each architecture)",
    "train.stateful.learning_rate": "model.*.learning_rate (one for each architecture)",
    "train.windowed.batch": "train.windowed.batch_size",
    "train.stateful.streams": "train.stateful.batch_size",
    "train.stateful.segment": "train.stateful.bptt_length",
    "train.stateful.segments": "train.stateful.segments_per_passage",
    "train.stateful.transpose": "train.stateful.max_transpose",
    "train.stateful.stretch": "train.stateful.max_tempo_change",
    "train.stateful.louder": "train.stateful.max_velocity_shift",
    "model.*.width": "model.*.embedding_dim",
    "model.*.velocity": "model.*.model_velocity",
    "model.*.bidirectional": "model.*.cell (cell: bilstm)",
    "model.*.between_dropout": "model.*.dropout",
    "model.*.dense": "model.*.dense_units",
    "model.*.final_dropout": "model.*.output_dropout",
    "model.*.chain": "model.*.head_dim",
    "model.*.objective": "model.*.loss_on (last, or all for every)",
    "model.*.memory": "model.*.stateful (true for carried, false for window)",
    "evaluate.batch": "evaluate.batch_size",
    "generate.samples": "generate.num_samples",
    "generate.notes": "generate.num_notes",
    "generate.sampling.temperature_pitch": "generate.sampling.pitch_temperature",
    "generate.sampling.temperature_time": "generate.sampling.time_temperature",
    "generate.sampling.top_p_pitch": "generate.sampling.pitch_top_p",
    "generate.sampling.top_p_time": "generate.sampling.time_top_p",
    "generate.sampling.lowest": "generate.sampling.min_pitch",
    "generate.sampling.highest": "generate.sampling.max_pitch",
    "generate.sampling.polyphony": "generate.sampling.max_polyphony",
    "generate.sampling.density": "generate.sampling.max_notes_per_second",
    "sample_metrics.samples": "sample_metrics.num_samples",
    "sample_metrics.notes": "sample_metrics.num_notes",
    "compare.notes": "compare.max_notes",
    "benchmark.rounds": "benchmark.repeats",
    "benchmark.memory": "benchmark.measure_memory",
    "gate.tolerance": "gate.tolerance_bits",
    "gate.copied_notes": "gate.max_extra_copied_notes",
    "gate.parity": "gate.max_parity_bits",
}
"""Keys of older params.yaml, and what they are called now; `*` is any architecture."""
_NO_RESAMPLES = "intervals are computed and not resampled"
REMOVED_KEYS = {
    "compare.resamples": _NO_RESAMPLES,
    "compare.bootstrap_resamples": _NO_RESAMPLES,
}
"""Keys that params.yaml had once, and why they are gone."""


def _describe_unknown_key(parts: list[str]) -> str:
    """Return what to do about a key that params.yaml must not have."""
    key = ".".join(parts)
    pattern = ".".join(["model", "*", *parts[2:]] if parts[0] == "model" else parts)
    if reason := REMOVED_KEYS.get(pattern):
        return f"{key}: is no parameter any more, since {reason}; remove it"
    if new := RENAMED_KEYS.get(pattern):
        name = parts[1] if parts[0] == "model" else "*"
        return f"{key}: is called {new.replace('*', name)} now"
    suggestion = suggest_name(parts[-1], _find_section(parts[:-1]).model_fields)
    return f"{key}: no such parameter{suggestion or '; see pipeline/config/schema.py'}"


def _find_section(parts: list[str]) -> type[BaseModel]:
    """Return the class of a section of params.yaml, by the keys that lead to it."""
    if parts[:1] == ["model"]:
        return ModelConfig
    section: Any = Params
    for part in parts:
        section = section.model_fields[part].annotation
    return section
