"""MODEL_OPTIMIZATION_ANALYSIS.md, the file in which the page of opinions asks to track results, made of results."""

from collections.abc import Iterator
from pathlib import Path

from pipeline.report import claim_measurements, claims, page_recipes, tables
from pipeline.report.claim_measurements import ImplausibleIntervalError
from pipeline.report.claims import ClaimSet
from pipeline.report.tables import Record, Rows, RunResults
from pipeline.report.templates import render_template

PAGE_PATH = Path("MODEL_OPTIMIZATION_ANALYSIS.md")
CORPUS_TITLES = {"default": "default corpus", "maestro": "MAESTRO"}
STUDY_BY_CORPUS = {"default": "seed-path", "maestro": "seed-path-maestro"}
"""The study of the path on each corpus."""
RUN_COLUMNS = {
    "run": "{run}",
    "model": "{architecture}",
    "bits per note": "{bits_per_note:.3f}",
    "against the start": "{difference}",
    "right note likelier": "{gain:+.1%}",
    "parameters": "{parameters:,}",
    "code of": "{source_commit}",
}


def render_claims_page(results: RunResults, claim_set: ClaimSet) -> str:
    """Return the page: verdicts in short, every claim by topic, the path step by step."""
    checked = claims.check_claims(claim_set)
    header, *rows = claims.tabulate_claims(checked)
    topics: dict[str, Rows] = {}
    for topic, *cells in rows:
        topics.setdefault(topic, [header[1:]]).append(cells)
    options = [name for name in results.by_bits if name in results.claims]
    return render_template(
        "report/static/claims.md",
        results=results,
        tolerance=claim_set.tolerance,
        verdicts=_tabulate_verdicts(claims.count_verdicts(checked)),
        option=_describe_gain(results, options[0]) if options else None,
        best=_describe_gain(results, results.by_bits[0]),
        seed_spreads=list(_describe_seed_spreads(claim_set)),
        studies=claim_measurements.tabulate_studies(),
        page_recipes=page_recipes.load_page_recipes(),
        topics=topics,
        paths=list(_tabulate_paths()),
    )


def _tabulate_verdicts(counts: dict[str, dict[str, int]]) -> Rows:
    rows = [["corpus", *counts["default"]]]
    for corpus, counted in counts.items():
        rows.append([CORPUS_TITLES[corpus], *map(str, counted.values())])
    return rows


def _describe_gain(results: RunResults, name: str) -> Record:
    """Return how much likelier an architecture makes the right note, and whether it is tied with the reference."""
    is_tied = any(
        pair["tie"] and {pair["a"], pair["b"]} == {name, results.reference}
        for pair in results.pairs["pairs"]
    )
    return {
        "name": name,
        "gain": 2 ** -results.summary[name]["difference"] - 1,
        "tie": ", which is a tie" if is_tied else "",
    }


def _describe_seed_spreads(claim_set: ClaimSet) -> Iterator[str]:
    for corpus, seeds in claim_set.seed_runs.items():
        title = CORPUS_TITLES[corpus]
        try:
            spread = claim_measurements.compute_seed_spread(seeds.source, seeds.models)
        except ImplausibleIntervalError as error:
            yield f"Chance in training is not known ({title}): {error}."
            continue
        if spread:
            yield (
                f"Chance in training: {len(seeds.models)} seeds of the baseline (`{seeds.source}`) lie {spread:.3f} bits "
                f"per note apart ({title}). Intervals of models that were trained once are widened by that on both sides."
            )


def _tabulate_paths() -> Iterator[tuple[str, str, Rows]]:
    """Return the title and name of each study of the path that is there, and one row a model, in the order of the steps."""
    for corpus, source in STUDY_BY_CORPUS.items():
        if claim_measurements.locate_results(source).exists():
            runs = claim_measurements.load_results(source)
            records = [_describe_model(row) for models in runs.values() for row in models.values()]
            yield CORPUS_TITLES[corpus], source, tables.tabulate(RUN_COLUMNS, records)


def _describe_model(row: Record) -> Record:
    """Return a row of a study, with its difference from the start of the path."""
    if not (difference := row["against"].get("start/baseline")):
        return {**row, "difference": "start"}
    text = "{:+.3f} [{:+.3f}, {:+.3f}]".format(*difference)
    return {**row, "difference": text, "gain": 2 ** -difference[0] - 1}
