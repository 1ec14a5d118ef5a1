"""What was measured of a claim: a figure and its interval, read from the results that Git holds.

A figure that is not there is None, so that what was not measured is never judged.
"""

import json
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from pipeline import config
from pipeline.config.recipes import Model
from pipeline.config.schema import Section
from pipeline.core import paths
from pipeline.evaluation import bits as metrics
from pipeline.evaluation.results import Evaluation

Found = tuple[float, float, float]
"""A figure, and the ends of its interval; both are the figure itself where it was counted."""
Place = Annotated[str, Field(pattern=r"^[a-z0-9_-]+(/[a-z0-9_-]+)*$")]
EVALUATIONS = "evaluate"
"""The source that is a folder: rows of every model of the last run."""


class Measure(Section):
    """Where a figure is."""

    kind: Literal["value", "ratio", "count", "gain", "share"]
    """`value`: as it stands; `ratio`: `of` over `over`; `count`: parameters of a layer; `gain`: how much likelier the
    right note is under `of` than under `over`; `share`: the part of what `over` gains on `base` that `of` gains."""
    source: Annotated[str, Field(pattern=r"^[a-z-]+$")]
    """A file in metrics/ or metrics/studies/, without .json; `evaluate`, the evaluations of the last run; or `params`."""
    of: Place
    over: Place = ""
    base: Place = ""

    @model_validator(mode="after")
    def _names_what_it_needs(self) -> "Measure":
        needs = {"value": "of", "count": "of", "ratio": "of over", "gain": "of over", "share": "of over base"}[
            self.kind
        ]
        if needs.split() != [name for name in ("of", "over", "base") if getattr(self, name)]:
            raise ValueError(f"kind: {self.kind} needs {needs} and nothing else")
        return self


def read(measure: Measure, spread: float) -> Found | None:
    """Return what was measured, or None if it is not there.

    Args:
        measure: where it is.
        spread: bits per note by which chance in training moves a model; widens what is a difference of models.
    """
    if measure.source not in (EVALUATIONS, "params") and not file(measure.source).exists():
        return None
    try:
        return KINDS[measure.kind](measure, spread)
    except (LookupError, FileNotFoundError):
        return None


def range_of(source: str, of: list[str]) -> float:
    """Return how far the bits per note of some models of a study lie apart, 0 where they are not there."""
    try:
        bits = [float(at(tree(source), f"{each}/bits_per_note")) for each in of]
    except (LookupError, FileNotFoundError):
        return 0.0
    return max(bits) - min(bits) if bits else 0.0


def file(source: str) -> Path:
    """Return the file of a source: of a study, or of a stage."""
    study = paths.STUDIES / f"{source}.json"
    return study if study.exists() else paths.SUMMARY.with_name(f"{source}.json")


def tree(source: str) -> Mapping[str, Any]:
    """Return a file of results; that of a study by run and architecture."""
    told: dict[str, Any] = json.loads(file(source).read_text(encoding="utf-8"))
    runs: dict[str, Any] = {}
    for row in told.values():
        if isinstance(row, dict) and "run" in row:
            runs.setdefault(row["run"], {})[row["architecture"]] = row
    return runs or told


def at(tree: Mapping[str, Any], path: str) -> Any:
    """Return what stands at a path.

    Raises:
        LookupError: nothing does.
    """
    found: Any = tree
    for name in path.split("/"):
        if not isinstance(found, dict):
            raise KeyError(path)
        found = found[name]
    if found is None:
        raise KeyError(path)
    return found


def _value(measure: Measure, _: float) -> Found:
    found = at(tree(measure.source), measure.of)
    if isinstance(found, dict):
        return float(found["median"]), float(found["least"]), float(found["greatest"])
    return (float(found),) * 3


def _ratio(measure: Measure, _: float) -> Found:
    told = tree(measure.source)
    return (float(at(told, measure.of)) / float(at(told, measure.over)),) * 3


def _count(measure: Measure, _: float) -> Found:
    architecture, layer = measure.of.split("/")
    return (float(layers(config.load(paths.PARAMS).block(architecture))[layer]),) * 3


def layers(block: Model) -> dict[str, int]:
    """Return the parameters of each layer of a recipe of the page: scalar input, LSTM, regression heads.

    An LSTM of U units on F features has 4 U (F + U + 1): four gates, each with a kernel, a recurrent kernel, a bias.
    """
    wide, out = 3, {}
    for number, units in enumerate(block.units, 1):
        both = 2 if block.bidirectional else 1
        out[f"lstm{number}"] = both * 4 * units * (wide + units + 1)
        wide = both * units
    if block.dense:
        out["dense"] = (wide + 1) * block.dense
        wide = block.dense
    return out | {"outputs": (wide + 1) * (128 + 1 + 1)}


def _gap(measure: Measure, of: str, over: str, spread: float) -> Found:
    """Return the difference in bits per note, its interval widened by the spread."""
    if measure.source == EVALUATIONS:
        known = config.load(paths.PARAMS)
        ours, theirs = (Evaluation.load(_there(each, known.architectures)).scores for each in (of, over))
        mean, low, high = metrics.difference(ours, theirs, known.compare.resamples, known.seed)
    else:
        mean, low, high = at(tree(measure.source), of)["against"][over]
    return mean, low - spread, high + spread


def _there(architecture: str, run: Collection[str]) -> Path:
    """Return the evaluation of an architecture of the last run: one that is there and torn is an error.

    Git holds evaluations of other runs beside it, which may be of another corpus.
    """
    path = paths.evaluation(architecture)
    if architecture not in run or not path.exists():
        raise FileNotFoundError(path)
    return path


def _gain(measure: Measure, spread: float) -> Found:
    """One bit fewer means that the right note is twice as likely."""
    mean, low, high = _gap(measure, measure.of, measure.over, spread)
    return 2**-mean - 1, 2**-high - 1, 2**-low - 1


def _share(measure: Measure, spread: float) -> Found:
    """The ends are those of the worst case: the least part of the most, the most part of the least."""
    part = _gap(measure, measure.of, measure.base, spread)
    whole = _gap(measure, measure.over, measure.base, spread)
    if whole[2] >= 0:
        raise LookupError("no gain for sure, so no part of it")
    ends = [one / all_ for one in part[1:] for all_ in whole[1:]]
    return part[0] / whole[0], min(ends), max(ends)


KINDS: Mapping[str, Callable[[Measure, float], Found]] = {
    "value": _value,
    "ratio": _ratio,
    "count": _count,
    "gain": _gain,
    "share": _share,
}
