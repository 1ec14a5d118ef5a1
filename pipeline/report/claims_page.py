"""MODEL_OPTIMIZATION_ANALYSIS.md, the file in which the page of opinions asks to track results, made of results."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.evaluation.bootstrap import ImplausibleIntervalError
from pipeline.report import claim_measurements, claims, tables
from pipeline.report.claims import CheckedClaim, ClaimSet
from pipeline.report.tables import Rows, RunResults

PAGE_PATH = Path("MODEL_OPTIMIZATION_ANALYSIS.md")
CORPUS_TITLES = {"default": "default corpus", "maestro": "MAESTRO"}
STUDY_BY_CORPUS = {"default": "seed-path", "maestro": "seed-path-maestro"}
"""The study of the path on each corpus."""


def render_claims_page(results: RunResults, claim_set: ClaimSet) -> str:
    """Return the page: verdicts in short, every claim by topic, the path step by step."""
    tested = claims.check_claims(claim_set)
    parts = [
        "# Claimed against measured",
        'What the page "Architecture Options" claims in numbers, orders and yes or no, held against what was measured. '
        "Made by `music-rnn update-readme` from `data/claims.yaml` (claims only) and `metrics/` (figures only): no verdict is "
        f"written by hand. The default corpus is `{results.params.corpus}`, MAESTRO is its training split against its "
        "validation split.",
        tables.format_markdown_table(_tabulate_verdict_counts(tested)),
        _describe_best_gain(results),
        "## How a verdict is made",
        f"A claim holds when all of the 95 % interval lies within its bounds, fails when none of it does, and is too "
        f"close to call otherwise. A figure that is claimed as such may be missed by {claim_set.tolerance:.0%}. Quality is "
        "read in the page's favour, as how much likelier the right note becomes (1 bit per note fewer is +100 %). "
        "Intervals are of a paired bootstrap; of times, the least and the greatest ratio of all rounds.",
        *_describe_seed_spread(claim_set),
        *_render_sections(tested),
        *_render_study_steps(),
    ]
    return "\n\n".join(parts) + "\n"


def _tabulate_verdict_counts(checked_claims: Sequence[CheckedClaim]) -> Rows:
    counts = claims.count_verdicts(checked_claims)
    return [
        ["corpus", *counts["default"]],
        *([CORPUS_TITLES[name], *map(str, its.values())] for name, its in counts.items()),
    ]


def _describe_best_gain(results: RunResults) -> str:
    """Set what the page's options gain beside what another recipe gains."""
    known = {name for name in results.claims if name in results.summary}
    best = min(known, key=lambda name: float(results.summary[name]["bits_per_note"]))
    top = results.summary["best"]
    gain = 2 ** -float(results.summary[best]["difference"]) - 1
    text = f"Of the page's options `{best}` has the fewest bits on the default corpus: the right note is {gain:.0%} "
    text += "likelier than under the current model."
    if top["architecture"] not in known:
        text += f" `{top['architecture']}`, with another input, other heads and another objective on as many target "
        text += f"notes, makes it {2 ** -float(top['difference']) - 1:.0%} likelier."
    return text


def _describe_seed_spread(claim_set: ClaimSet) -> Iterator[str]:
    for corpus, seeds in claim_set.seed_runs.items():
        try:
            apart = claim_measurements.compute_seed_spread(seeds.source, seeds.models)
        except ImplausibleIntervalError as error:
            yield f"Chance in training is not known ({CORPUS_TITLES[corpus]}): {error}."
            continue
        if apart:
            yield (
                f"Chance in training: {len(seeds.models)} seeds of the baseline (`{seeds.source}`) lie {apart:.3f} bits "
                f"per note apart ({CORPUS_TITLES[corpus]}). Intervals of differences are widened by that on both sides."
            )


def _render_sections(checked_claims: Sequence[CheckedClaim]) -> Iterator[str]:
    head, *_ = claims.tabulate_claims([])
    for topic in dict.fromkeys(each.claim.topic for each in checked_claims):
        yield f"## {topic[0].upper()}{topic[1:]}"
        yield tables.format_markdown_table(
            [
                head[1:],
                *(
                    claims.format_claim_cells(each)
                    for each in checked_claims
                    if each.claim.topic == topic
                ),
            ]
        )


def _render_study_steps() -> Iterator[str]:
    """Tell each study of the path that is there: one row a model, in the order of the steps."""
    for corpus, source in STUDY_BY_CORPUS.items():
        if claim_measurements.locate_results(source).exists():
            runs = claim_measurements.load_results(source)
            yield f"## The path on the {CORPUS_TITLES[corpus]}, step by step"
            yield f"Lines to run, floors and all differences: [docs/results-{source}.md](docs/results-{source}.md)."
            yield tables.format_markdown_table(_tabulate_study_runs(runs))


def _tabulate_study_runs(runs: Mapping[str, Any]) -> Rows:
    lines = [
        [
            "run",
            "model",
            "bits per note",
            "against the start",
            "right note likelier",
            "parameters",
            "code of",
        ]
    ]
    for run, models in runs.items():
        for name, row in models.items():
            gap = row["against"].get("start/baseline")
            told = ["start", "–"]
            if gap:
                told = ["{:+.3f} [{:+.3f}, {:+.3f}]".format(*gap), f"{2 ** -gap[0] - 1:+.1%}"]
            figures = [
                f"{row['bits_per_note']:.3f}",
                *told,
                f"{row['parameters']:,}",
                row["source_commit"],
            ]
            lines.append([run, name, *figures])
    return lines
