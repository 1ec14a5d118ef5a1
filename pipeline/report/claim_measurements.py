"""What was measured of a claim: a figure and its interval, read from the results that Git holds.

A figure that is not there is None, so that what was not measured is never judged.
"""

import json
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from pipeline import config
from pipeline.config.schema import ModelConfig, StrictModel
from pipeline.core import paths
from pipeline.evaluation import bits as metrics
from pipeline.evaluation.results import Evaluation

Estimate = tuple[float, float, float]
"""A figure, and the ends of its interval; both are the figure itself where it was counted."""
ResultPath = Annotated[str, Field(pattern=r"^[a-z0-9_-]+(/[a-z0-9_-]+)*$")]
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


def read_estimate(measurement: Measurement, seed_spread: float) -> Estimate | None:
    """Return what was measured, or None if it is not there.

    Args:
        measurement: where it is.
        seed_spread: bits per note by which chance in training moves a model; widens what is a difference of models.
    """
    if (
        measurement.source not in (EVALUATION_SOURCE, "params")
        and not locate_results(measurement.source).exists()
    ):
        return None
    try:
        return ESTIMATORS[measurement.quantity](measurement, seed_spread)
    except (LookupError, FileNotFoundError):
        return None


def compute_seed_spread(source: str, models: list[str]) -> float:
    """Return how far the bits per note of some models of a study lie apart, 0 where they are not there."""
    try:
        bits = [
            float(look_up_value(load_results(source), f"{each}/bits_per_note")) for each in models
        ]
    except (LookupError, FileNotFoundError):
        return 0.0
    return max(bits) - min(bits) if bits else 0.0


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
        known = config.load_params(paths.PARAMS)
        ours, theirs = (
            Evaluation.load(_find_evaluation(each, known.architectures)).scores
            for each in (model, reference)
        )
        mean, low, high = metrics.compute_paired_difference(
            ours, theirs, known.compare.bootstrap_resamples, known.seed
        )
    else:
        mean, low, high = look_up_value(load_results(measurement.source), model)["against"][
            reference
        ]
    return mean, low - seed_spread, high + seed_spread


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
