"""Results of the study `tune`: which learning rate of each architecture has the fewest bits."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipeline.config import Params
from pipeline.core import files, git, paths
from pipeline.core.errors import DataError
from pipeline.dataset.windows import WindowDataset
from pipeline.evaluation.results import format_compact_json
from pipeline.experiments import tune
from pipeline.experiments.tune import TuneRun
from pipeline.report import page_recipes, tables
from pipeline.report.page_recipes import PAGE_RUN
from pipeline.report.tables import Record, Rows
from pipeline.report.templates import render_template

METRICS = paths.STUDIES / "tune.json"
PAGE = Path("docs/tune.md")
REMEDY = "run 'music-rnn study tune'"
Results = dict[str, Any]
"""`{"search": …, "best": …, "<run>": …}`: how the search was made, the best rate of each architecture, a row a run."""


@dataclass(frozen=True)
class Search:
    """The runs of the study on the corpus that is here."""

    params: Params
    dataset: WindowDataset
    """Training pieces of the corpus, split anew."""
    runs: Mapping[str, TuneRun]
    """By key, see `tune.compute_run_key`."""


@dataclass(frozen=True)
class Choice:
    """The best run of an architecture on the grid."""

    learning_rate: float
    bits_per_note: float
    is_at_edge: bool
    """Whether it is the lowest or the highest rate of the grid, so that a better one may lie outside."""


def plan_search(params: Params) -> Search:
    """Return the runs of the grid, then those as the page says."""
    dataset = tune.load_training_pieces(params)
    digest = tune.hash_dataset(dataset)
    page_architectures = list(tables.load_architecture_claims(paths.CLAIMS))
    runs = [*tune.list_grid_runs(params), *tune.list_page_runs(params, page_architectures)]
    keyed = {tune.compute_run_key(params, run, digest): run for run in runs}
    return Search(params, dataset, keyed)


def load_results() -> Results:
    """Read the results that Git holds; none where there is no file.

    Raises:
        DataError: the file cannot be read.
    """
    if not METRICS.exists():
        return {}
    try:
        results = json.loads(METRICS.read_text(encoding="utf-8"))
        list_rows(results)
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise DataError(f"{METRICS}: cannot be read ({error}); take it from Git again") from error
    return dict(results)


def list_rows(results: Results) -> dict[str, Record]:
    """Return the row of each run, by the key of the run."""
    return {row["key"]: row for row in results.values() if "run" in row}


def find_missing_runs(search: Search, results: Results) -> dict[str, TuneRun]:
    """Return the runs, by key, that neither the results nor the kept scores have."""
    rows = list_rows(results)
    return {
        key: run
        for key, run in search.runs.items()
        if key not in rows and tune.load_kept_score(key) is None
    }


def collect_results(search: Search, results: Results) -> Results:
    """Return the results of all runs that are finished.

    Args:
        search: what was to be run.
        results: earlier ones; their rows of the same runs stay as they are.
    """
    rows = list_rows(results)
    collected: Results = {"search": describe_search(search), "best": {}}
    for key, run in search.runs.items():
        row = rows.get(key) or _make_row(search, key, run)
        if row:
            collected[f"{run.architecture}_{row['run']}"] = row
    collected["best"] = {name: asdict(best) for name, best in choose_rates(collected).items()}
    return collected


def describe_search(search: Search) -> Record:
    """Return the values of params.yaml and the data that the search depends on."""
    params, train = search.params, search.params.train
    recipes = {
        name: params.get_model_config(name).model_dump(exclude={"learning_rate"})
        for name in params.architectures
    }
    scored = tune.select_scored_pieces(search.dataset)
    return {
        "corpus": params.corpus,
        "seed": params.seed,
        "learning_rates": list(tune.LEARNING_RATES),
        "epochs": train.epochs,
        "notes_per_epoch": train.notes_per_epoch,
        "loss_weights": train.loss_weights.model_dump(),
        "sequence_length": params.windows.sequence_length,
        "data_sha256": tune.hash_dataset(search.dataset),
        "training_compositions": _list_compositions(search.dataset, "train"),
        "held_out_compositions": _list_compositions(search.dataset, "validation"),
        "scored_notes": sum(len(notes) - 1 for notes in scored),
        "recipes": recipes,
    }


def _list_compositions(dataset: WindowDataset, split: str) -> list[str]:
    # A file of results keeps no two spaces in a row.
    names = {" ".join(name.split()) for name in dataset.select_compositions(split)}
    return sorted(names)


def _make_row(search: Search, key: str, run: TuneRun) -> Record:
    """Return the row of a run, or nothing where it has not finished."""
    score = tune.load_kept_score(key)
    if score is None:
        return {}
    commit, date = git.run_git("show", "--no-patch", "--format=%h %cs", "HEAD").split()
    return {
        "run": PAGE_RUN if run.is_of_page else f"rate-{run.learning_rate:g}",
        "architecture": run.architecture,
        "learning_rate": run.learning_rate,
        "pitch_weight": run.pitch_weight,
        **{name: round(bits, 4) for name, bits in asdict(score).items()},
        "corpus": search.params.corpus,
        "source_commit": commit,
        "source_date": date,
        "key": key,
    }


def choose_rates(results: Results) -> dict[str, Choice]:
    """Return the best rate of each architecture of which all rates of the grid are there."""
    by_architecture: dict[str, list[Record]] = {}
    for row in list_rows(results).values():
        if row["run"] != PAGE_RUN:
            by_architecture.setdefault(row["architecture"], []).append(row)
    grid = results["search"]["learning_rates"] if results else []
    return {
        name: _choose_best(rows, grid)
        for name, rows in by_architecture.items()
        if len(rows) == len(grid)
    }


def _choose_best(rows: Sequence[Record], grid: Sequence[float]) -> Choice:
    best = min(rows, key=lambda row: (row["bits_per_note"], row["learning_rate"]))
    rate = best["learning_rate"]
    return Choice(rate, best["bits_per_note"], is_at_edge=rate in (min(grid), max(grid)))


def find_mismatches(params: Params, results: Results) -> list[str]:
    """Return, a line each, what of params.yaml is not as the study found it or had it."""
    if not results:
        return [f"{METRICS}: no study of learning rates; {REMEDY}"]
    search = results["search"]
    own = {
        "learning_rates": list(tune.LEARNING_RATES),
        "epochs": params.train.epochs,
        "notes_per_epoch": params.train.notes_per_epoch,
        "loss_weights": params.train.loss_weights.model_dump(),
    }
    lines = [
        f"{name} is {value}, but {search[name]} in {METRICS}; {REMEDY}"
        for name, value in own.items()
        if value != search[name]
    ]
    choices = choose_rates(results)
    for name in params.architectures:
        lines += _find_rate_mismatch(params, name, choices.get(name), search["recipes"])
    return lines


def _find_rate_mismatch(
    params: Params, name: str, choice: Choice | None, recipes: Mapping[str, Any]
) -> list[str]:
    config = params.get_model_config(name)
    if choice is None or config.model_dump(exclude={"learning_rate"}) != recipes.get(name):
        return [f"model.{name}: no learning rate of this recipe in {METRICS}; {REMEDY}"]
    if config.learning_rate == choice.learning_rate:
        return []
    return [
        f"model.{name}.learning_rate is {config.learning_rate:g}, but the best is "
        f"{choice.learning_rate:g} in {METRICS}; set it"
    ]


def write_results(results: Results) -> list[Path]:
    """Write the figures and the page, and return their paths."""
    files.write_text(METRICS, format_compact_json(results))
    files.write_text(PAGE, render_page(results))
    return [METRICS, PAGE]


def render_page(results: Results) -> str:
    """Return the page of the study, in Markdown."""
    choices = choose_rates(results)
    edges = [
        f"`{name}` ({choice.learning_rate:g})"
        for name, choice in choices.items()
        if choice.is_at_edge
    ]
    return render_template(
        "experiments/tune_page.md",
        search=results["search"],
        rates=_tabulate_rates(results, choices),
        unfinished=[name for name in results["search"]["recipes"] if name not in choices],
        edges=edges,
        page=page_recipes.tabulate_page_recipes(results),
        page_rate=f"{tune.PAGE_LEARNING_RATE:g}",
        page_pitch_weight=f"{tune.PAGE_PITCH_WEIGHT:g}",
    )


def _tabulate_rates(results: Results, choices: Mapping[str, Choice]) -> Rows:
    """Return one row an architecture: bits at each rate, and the best rate."""
    grid = results["search"]["learning_rates"]
    columns = {"architecture": "{architecture}"}
    columns |= {f"{rate:g}": f"{{bits[{rate:g}]:.3f}}" for rate in grid}
    columns["best rate"] = "{choice.learning_rate:g}"
    records: dict[str, Record] = {}
    for row in list_rows(results).values():
        name = row["architecture"]
        choice = choices.get(name)
        record = records.setdefault(name, {"architecture": name, "choice": choice, "bits": {}})
        if row["run"] != PAGE_RUN:
            record["bits"][f"{row['learning_rate']:g}"] = row["bits_per_note"]
    return tables.tabulate(columns, records.values())
