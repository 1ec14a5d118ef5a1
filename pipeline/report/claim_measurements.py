"""What was measured of a claim: a figure and its interval, read from the results that Git holds.

A figure that is not there is None, so that what was not measured is never judged.
"""

import json
from collections.abc import Callable, Mapping
from itertools import product
from math import inf, isfinite
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from pipeline import config
from pipeline.config import Params
from pipeline.config.schema import ModelConfig, StrictModel
from pipeline.core import paths
from pipeline.core.errors import DataError
from pipeline.evaluation import intervals
from pipeline.evaluation.results import Evaluation
from pipeline.report.tables import MISSING, Rows, tabulate

Estimate = tuple[float, float, float]
"""A figure, and the ends of its interval; both are the figure itself where it was counted, infinite where unknown."""
Results = Mapping[str, Any]
ResultPath = Annotated[str, Field(pattern=r"^[a-z0-9_-]+(/[a-z0-9_-]+)*$")]
MAX_SEED_SPREAD = 0.25
"""Share of the bits per note that may lie between seeds; more is a model that did not train."""
MAX_WIDTH_RATIO = 2.0
"""How many times as wide as the intervals of two models together that of their difference may be."""
SAME_FOR_ALL_SEEDS = ("scored_notes", "target_notes", "parameters")
EVALUATION_SOURCE = "evaluate"
"""The source that is a folder: rows of every model of the last run."""
PATHS = ("numerator", "denominator", "reference")
NUM_PATHS = {"value": 1, "count": 1, "ratio": 2, "gain": 2, "share": 3}
"""How many of these paths each quantity needs."""
STUDY_COLUMNS = {
    "study": "{name}",
    "corpus": "{corpus}",
    "runs": "{runs}",
    "models": "{models}",
    "code of commit": "{source_commit}",
    "from": "{source_date}",
}


class ImplausibleIntervalError(DataError):
    """The interval is one that its data cannot give."""


class Measurement(StrictModel):
    """Where a figure is."""

    quantity: Literal["value", "ratio", "count", "gain", "share"]
    """`value`: as it stands; `ratio`: the numerator over the denominator; `count`: parameters of a layer; `gain`: how
    much likelier the right note is under the numerator than under the denominator; `share`: the part of what the
    denominator gains on the reference that the numerator gains."""
    source: Annotated[str, Field(pattern=r"^[a-z-]+$")]
    """A file in metrics/ or metrics/studies/, without .json; `evaluate`, the evaluations of the last run; or `params`."""
    numerator: ResultPath
    denominator: ResultPath = ""
    reference: ResultPath = ""

    @model_validator(mode="after")
    def _check_required_fields(self) -> "Measurement":
        required = list(PATHS[: NUM_PATHS[self.quantity]])
        if required != [name for name in PATHS if getattr(self, name)]:
            raise ValueError(
                f"quantity: {self.quantity} needs {' '.join(required)} and nothing else"
            )
        return self

    @property
    def is_difference(self) -> bool:
        """Whether it is made of differences between models, which chance in training moves."""
        return self.quantity in ("gain", "share")


def read_estimate(measurement: Measurement, seed_spread: float) -> Estimate | None:
    """Return what was measured, or None if it is not there.

    Args:
        measurement: where it is.
        seed_spread: bits per note by which chance in training moves a model; widens a difference of models that were
            trained once. Intervals over replicates hold chance in training.

    Raises:
        ImplausibleIntervalError: the interval is one that the data cannot give.
    """
    try:
        estimate = ESTIMATORS[measurement.quantity](measurement, seed_spread)
    except (LookupError, FileNotFoundError):
        return None
    value, low, high = estimate
    if not (isfinite(value) and low <= value <= high):
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
    for name in SAME_FOR_ALL_SEEDS:
        if len({row.get(name) for row in rows}) > 1:
            raise ImplausibleIntervalError(
                f"{source}: {', '.join(models)} differ in {name}, so not in their seed alone; run them again"
            )
    least = min(bits, default=0.0)
    spread = max(bits, default=0.0) - least
    if not spread <= MAX_SEED_SPREAD * least:
        seeds = ", ".join(map("{} has {:.3f}".format, models, bits))
        raise ImplausibleIntervalError(
            f"{source}: seeds that lie {spread:.3f} bits per note apart are more than chance in training: "
            f"{seeds}; run them again"
        )
    return spread


def locate_results(source: str) -> Path:
    """Return the file of a source: of a study, or of a stage."""
    study = paths.STUDIES / f"{source}.json"
    return study if study.exists() else paths.SUMMARY.with_name(f"{source}.json")


def load_results(source: str) -> Results:
    """Return a file of results; that of a study by run and architecture."""
    rows: dict[str, Any] = json.loads(locate_results(source).read_text(encoding="utf-8"))
    runs: dict[str, Any] = {}
    for row in rows.values():
        if isinstance(row, dict) and "run" in row:
            runs.setdefault(row["run"], {})[row["architecture"]] = row
    return runs or rows


def look_up_value(results: Results, key_path: str) -> Any:
    """Return what stands at a path.

    Raises:
        LookupError: nothing does.
    """
    value: Any = results
    for name in key_path.split("/"):
        value = value.get(name) if isinstance(value, Mapping) else None
    if value is None:
        raise KeyError(key_path)
    return value


def _make_exact(value: float) -> Estimate:
    return float(value), float(value), float(value)


def _estimate_value(measurement: Measurement, _: float) -> Estimate:
    value = look_up_value(load_results(measurement.source), measurement.numerator)
    if isinstance(value, dict):
        look_up_value(value, "median")  # None where the machine was too busy
        return float(value["median"]), float(value["min"]), float(value["max"])
    return _make_exact(value)


def _estimate_ratio(measurement: Measurement, _: float) -> Estimate:
    results = load_results(measurement.source)
    numerator = look_up_value(results, measurement.numerator)
    return _make_exact(numerator / look_up_value(results, measurement.denominator))


def _estimate_count(measurement: Measurement, _: float) -> Estimate:
    architecture, layer = measurement.numerator.split("/")
    params = config.load_params(paths.PARAMS)
    return _make_exact(count_layer_parameters(params.get_model_config(architecture))[layer])


def count_layer_parameters(config: ModelConfig) -> dict[str, int]:
    """Return the parameters of each layer of a recipe of the page: scalar input, LSTM, regression heads.

    An LSTM of U units on F features has 4 U (F + U + 1): four gates, each with a kernel, a recurrent kernel, a bias.
    """
    directions = 2 if config.is_bidirectional else 1
    features, counts = 3, {}
    for number, units in enumerate(config.units, 1):
        counts[f"lstm{number}"] = directions * 4 * units * (features + units + 1)
        features = directions * units
    if config.dense_units:
        counts["dense"] = (features + 1) * config.dense_units
        features = config.dense_units
    counts["outputs"] = (features + 1) * (128 + 1 + 1)
    return counts


def _estimate_difference(
    measurement: Measurement, model: str, reference: str, seed_spread: float
) -> Estimate:
    """Return the difference in bits per note, its interval widened by the spread where there is one replicate."""
    if measurement.source == EVALUATION_SOURCE:
        difference, num_replicates = _compare_evaluations(model, reference)
    else:
        difference, num_replicates = _read_difference(measurement.source, model, reference)
    mean, low, high = difference
    if num_replicates > 1:
        return mean, low, high
    return mean, low - seed_spread, high + seed_spread


def _compare_evaluations(model: str, reference: str) -> tuple[Estimate, int]:
    """Return a difference of the last run, and its number of replicates."""
    params = config.load_params(paths.PARAMS)
    a, b = (_load_evaluation(name, params).scores for name in (model, reference))
    estimate = intervals.estimate_difference(a, b)
    half_width = estimate.half_width if isfinite(estimate.half_width) else inf
    mean = estimate.mean
    return (mean, mean - half_width, mean + half_width), estimate.num_replicates


def _load_evaluation(architecture: str, params: Params) -> Evaluation:
    """Return the evaluation of an architecture of the last run: one that is there and torn is an error.

    Git holds evaluations of other runs beside it, which may be of another corpus.
    """
    path = paths.get_evaluation_path(architecture)
    if architecture not in params.architectures or not path.exists():
        raise FileNotFoundError(path)
    return Evaluation.load(path)


def _read_difference(source: str, model: str, reference: str) -> tuple[Estimate, int]:
    """Return a difference of a study, and its number of replicates; studies of older versions have one.

    What makes a piece hard for both models cancels, so an interval much wider than those of both is no interval of them.
    """
    results = load_results(source)
    row = look_up_value(results, model)
    mean, low, high = row["against"][reference]
    num_replicates = int(row.get("replicates", 1))
    try:
        ends = [look_up_value(results, f"{name}/interval") for name in (model, reference)]
    except LookupError:
        return (mean, low, high), num_replicates
    widest = MAX_WIDTH_RATIO * sum(end - start for start, end in ends)
    if high - low > widest:
        raise ImplausibleIntervalError(
            f"{source}: implausible interval of {model} against {reference}, {mean:+.3f} [{low:+.3f}, {high:+.3f}]: "
            f"wider than {widest:.3f}, which is what those of both models allow; run the study again"
        )
    return (mean, low, high), num_replicates


def _estimate_gain(measurement: Measurement, seed_spread: float) -> Estimate:
    """One bit fewer means that the right note is twice as likely."""
    models = measurement.numerator, measurement.denominator
    mean, low, high = _estimate_difference(measurement, *models, seed_spread)
    return 2**-mean - 1, 2**-high - 1, 2**-low - 1


def _estimate_share(measurement: Measurement, seed_spread: float) -> Estimate:
    """The ends are those of the worst case: the least part of the most, the most part of the least."""
    part, whole = (
        _estimate_difference(measurement, model, measurement.reference, seed_spread)
        for model in (measurement.numerator, measurement.denominator)
    )
    if whole[2] >= 0:
        raise LookupError("no gain for sure, so no part of it")
    ends = [numerator / denominator for numerator, denominator in product(part[1:], whole[1:])]
    return part[0] / whole[0], min(ends), max(ends)


ESTIMATORS: Mapping[str, Callable[[Measurement, float], Estimate]] = {
    "value": _estimate_value,
    "ratio": _estimate_ratio,
    "count": _estimate_count,
    "gain": _estimate_gain,
    "share": _estimate_share,
}


def tabulate_studies() -> Rows:
    """Return where the figures of each study in `metrics/studies` are from: corpus, runs and code."""
    records = []
    for path in sorted(paths.STUDIES.glob("*.json")):
        rows = [row for models in load_results(path.stem).values() for row in models.values()]
        values = {
            name: _list_values(rows, name) for name in ("corpus", "source_commit", "source_date")
        }
        runs = {row["run"] for row in rows}
        records.append({"name": path.stem, "runs": len(runs), "models": len(rows), **values})
    return tabulate(STUDY_COLUMNS, records)


def _list_values(rows: list[Results], name: str) -> str:
    """Return the different values of a column, in their order; a dash where files of older versions lack it."""
    return ", ".join(dict.fromkeys(str(row.get(name, MISSING)) for row in rows))
