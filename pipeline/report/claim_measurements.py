"""What was measured of a claim: a figure and its interval, read from the results that Git holds.

A figure that is not there is None, so that what was not measured is never judged.
"""

import json
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, model_validator

from pipeline import config
from pipeline.config.schema import ModelConfig, StrictModel
from pipeline.core import paths
from pipeline.evaluation import bootstrap
from pipeline.evaluation.bootstrap import MAX_SEED_SPREAD, ImplausibleIntervalError
from pipeline.evaluation.results import Evaluation

Estimate = tuple[float, float, float]
"""A figure, and the ends of its interval; both are the figure itself where it was counted."""
ResultPath = Annotated[str, Field(pattern=r"^[a-z0-9_-]+(/[a-z0-9_-]+)*$")]
MAX_WIDTH_RATIO = 2.0
"""How many times as wide as the intervals of two models together that of their difference may be."""
SAME_FOR_ALL_SEEDS = ("scored_notes", "target_notes", "parameters")
EVALUATION_SOURCE = "evaluate"
"""The source that is a folder: rows of every model of the last run."""


class Measurement(StrictModel):
    """Where a figure is."""

    quantity: Literal["value", "ratio", "count", "gain", "share"]
    """`value`: as it stands; `ratio`: `of` over `over`; `count`: parameters of a layer; `gain`: how much likelier the
    right note is under `of` than under `over`; `share`: the part of what `over` gains on `base` that `of` gains."""
    source: Annotated[str, Field(pattern=r"^[a-z-]+$")]
    """A file in metrics/ or metrics/studies/, without .json; `evaluate`, the evaluations of the last run; or `params`."""
    numerator: ResultPath
    denominator: ResultPath = ""
    reference: ResultPath = ""

    @model_validator(mode="after")
    def _check_required_fields(self) -> "Measurement":
        needs = {
            "value": "numerator",
            "count": "numerator",
            "ratio": "numerator denominator",
            "gain": "numerator denominator",
            "share": "numerator denominator reference",
        }[self.quantity]
        if needs.split() != [
            name for name in ("numerator", "denominator", "reference") if getattr(self, name)
        ]:
            raise ValueError(f"quantity: {self.quantity} needs {needs} and nothing else")
        return self

    @property
    def is_difference(self) -> bool:
        """Whether it is made of differences between models, which chance in training moves."""
        return self.quantity in ("gain", "share")


def read_estimate(measurement: Measurement, seed_spread: float) -> Estimate | None:
    """Return what was measured, or None if it is not there.

    Args:
        measurement: where it is.
        seed_spread: bits per note by which chance in training moves a model; widens what is a difference of models.

    Raises:
        ImplausibleIntervalError: the interval is one that the data cannot give.
    """
    if (
        measurement.source not in (EVALUATION_SOURCE, "params")
        and not locate_results(measurement.source).exists()
    ):
        return None
    try:
        estimate = ESTIMATORS[measurement.quantity](measurement, seed_spread)
    except (LookupError, FileNotFoundError):
        return None
    value, low, high = estimate
    if not low <= value <= high or not np.isfinite(estimate).all():
        raise ImplausibleIntervalError(
            f"{measurement.source}: implausible interval from {low:g} to {high:g} of {value:g}; measure it again"
        )
    return estimate


def compute_seed_spread(source: str, models: list[str]) -> float:
    """Return how far the bits per note of some models of a study lie apart, 0 where they are not there.

    Raises:
        ImplausibleIntervalError: they differ in more than their seed, or by more than seeds do.
    """
    try:
        results = load_results(source)
        rows = [look_up_value(results, model) for model in models]
        bits = [float(row["bits_per_note"]) for row in rows]
    except (LookupError, FileNotFoundError):
        return 0.0
    spread = max(bits, default=0.0) - min(bits, default=0.0)
    for name in SAME_FOR_ALL_SEEDS:
        if len({row.get(name) for row in rows}) > 1:
            raise ImplausibleIntervalError(
                f"{source}: {', '.join(models)} differ in {name}, so not in their seed alone; run them again"
            )
    if not spread <= MAX_SEED_SPREAD * min(bits, default=0.0):
        raise ImplausibleIntervalError(
            f"{source}: seeds that lie {spread:.3f} bits per note apart are more than chance in training: "
            f"{', '.join(f'{name} has {value:.3f}' for name, value in zip(models, bits, strict=True))}; run them again"
        )
    return spread


def locate_results(source: str) -> Path:
    """Return the file of a source: of a study, or of a stage."""
    study = paths.STUDIES / f"{source}.json"
    return study if study.exists() else paths.SUMMARY.with_name(f"{source}.json")


def load_results(source: str) -> Mapping[str, Any]:
    """Return a file of results; that of a study by run and architecture."""
    told: dict[str, Any] = json.loads(locate_results(source).read_text(encoding="utf-8"))
    runs: dict[str, Any] = {}
    for row in told.values():
        if isinstance(row, dict) and "run" in row:
            runs.setdefault(row["run"], {})[row["architecture"]] = row
    return runs or told


def look_up_value(results: Mapping[str, Any], key_path: str) -> Any:
    """Return what stands at a path.

    Raises:
        LookupError: nothing does.
    """
    found: Any = results
    for name in key_path.split("/"):
        if not isinstance(found, dict):
            raise KeyError(key_path)
        found = found[name]
    if found is None:
        raise KeyError(key_path)
    return found


def _estimate_value(measurement: Measurement, _: float) -> Estimate:
    found = look_up_value(load_results(measurement.source), measurement.numerator)
    if isinstance(found, dict):
        return float(found["median"]), float(found["min"]), float(found["max"])
    return (float(found),) * 3


def _estimate_ratio(measurement: Measurement, _: float) -> Estimate:
    told = load_results(measurement.source)
    return (
        float(look_up_value(told, measurement.numerator))
        / float(look_up_value(told, measurement.denominator)),
    ) * 3


def _estimate_count(measurement: Measurement, _: float) -> Estimate:
    architecture, layer = measurement.numerator.split("/")
    return (
        float(
            count_layer_parameters(config.load_params(paths.PARAMS).get_model_config(architecture))[
                layer
            ]
        ),
    ) * 3


def count_layer_parameters(config: ModelConfig) -> dict[str, int]:
    """Return the parameters of each layer of a recipe of the page: scalar input, LSTM, regression heads.

    An LSTM of U units on F features has 4 U (F + U + 1): four gates, each with a kernel, a recurrent kernel, a bias.
    """
    wide, out = 3, {}
    for number, units in enumerate(config.units, 1):
        both = 2 if config.is_bidirectional else 1
        out[f"lstm{number}"] = both * 4 * units * (wide + units + 1)
        wide = both * units
    if config.dense_units:
        out["dense"] = (wide + 1) * config.dense_units
        wide = config.dense_units
    return out | {"outputs": (wide + 1) * (128 + 1 + 1)}


def _estimate_difference(
    measurement: Measurement, model: str, reference: str, seed_spread: float
) -> Estimate:
    """Return the difference in bits per note, its interval widened by the spread."""
    if measurement.source == EVALUATION_SOURCE:
        mean, low, high = _compare_evaluations(model, reference)
    else:
        mean, low, high = _read_difference(measurement.source, model, reference)
    return mean, low - seed_spread, high + seed_spread


def _compare_evaluations(model: str, reference: str) -> Estimate:
    params = config.load_params(paths.PARAMS)
    a, b = (
        Evaluation.load(_find_evaluation(name, params.architectures)).scores
        for name in (model, reference)
    )
    return bootstrap.compute_paired_difference(
        a, b, params.compare.bootstrap_resamples, params.seed
    )


def _read_difference(source: str, model: str, reference: str) -> Estimate:
    """Return a difference of a study.

    What makes a piece hard for both models cancels, so an interval much wider than those of both is no interval of them.
    """
    results = load_results(source)
    mean, low, high = look_up_value(results, model)["against"][reference]
    try:
        ends = [look_up_value(results, f"{name}/interval") for name in (model, reference)]
    except LookupError:
        return mean, low, high
    widest = MAX_WIDTH_RATIO * sum(end - start for start, end in ends)
    if high - low > widest:
        raise ImplausibleIntervalError(
            f"{source}: implausible interval of {model} against {reference}, {mean:+.3f} [{low:+.3f}, {high:+.3f}]: "
            f"wider than {widest:.3f}, which is what those of both models allow; run the study again"
        )
    return mean, low, high


def _find_evaluation(architecture: str, trained: Collection[str]) -> Path:
    """Return the evaluation of an architecture of the last run: one that is there and torn is an error.

    Git holds evaluations of other runs beside it, which may be of another corpus.
    """
    path = paths.get_evaluation_path(architecture)
    if architecture not in trained or not path.exists():
        raise FileNotFoundError(path)
    return path


def _estimate_gain(measurement: Measurement, seed_spread: float) -> Estimate:
    """One bit fewer means that the right note is twice as likely."""
    mean, low, high = _estimate_difference(
        measurement, measurement.numerator, measurement.denominator, seed_spread
    )
    return 2**-mean - 1, 2**-high - 1, 2**-low - 1


def _estimate_share(measurement: Measurement, seed_spread: float) -> Estimate:
    """The ends are those of the worst case: the least part of the most, the most part of the least."""
    part = _estimate_difference(
        measurement, measurement.numerator, measurement.reference, seed_spread
    )
    whole = _estimate_difference(
        measurement, measurement.denominator, measurement.reference, seed_spread
    )
    if whole[2] >= 0:
        raise LookupError("no gain for sure, so no part of it")
    ends = [one / all_ for one in part[1:] for all_ in whole[1:]]
    return part[0] / whole[0], min(ends), max(ends)


ESTIMATORS: Mapping[str, Callable[[Measurement, float], Estimate]] = {
    "value": _estimate_value,
    "ratio": _estimate_ratio,
    "count": _estimate_count,
    "gain": _estimate_gain,
    "share": _estimate_share,
}
