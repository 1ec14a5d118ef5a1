"""MODEL_OPTIMIZATION_ANALYSIS.md, the file in which the page of opinions asks to track results, made of results."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.report import claim_measurements, claims, tables
from pipeline.report.claims import Book, Tested
from pipeline.report.tables import Facts, Rows

PAGE = Path("MODEL_OPTIMIZATION_ANALYSIS.md")
TITLES = {"default": "default corpus", "maestro": "MAESTRO"}
PATHS = {"default": "seed-path", "maestro": "seed-path-maestro"}
"""The study of the path on each corpus."""


def markdown(facts: Facts, book: Book) -> str:
    """Return the page: verdicts in short, every claim by topic, the path step by step."""
    tested = claims.judge(book)
    parts = [
        "# Claimed against measured",
        'What the page "Architecture Options" claims in numbers, orders and yes or no, held against what was measured. '
        "Made by `music-rnn readme` from `data/claims.yaml` (claims only) and `metrics/` (figures only): no verdict is "
        f"written by hand. The default corpus is `{facts.params.corpus}`, MAESTRO is its training split against its "
        "validation split.",
        tables.table(_counts(tested)),
        _beyond(facts),
        "## How a verdict is made",
        f"A claim holds when all of the 95 % interval lies within its bounds, fails when none of it does, and is too "
        f"close to call otherwise. A figure that is claimed as such may be missed by {book.tolerance:.0%}. Quality is "
        "read in the page's favour, as how much likelier the right note becomes (1 bit per note fewer is +100 %). "
        "Intervals are of a paired bootstrap; of times, the least and the greatest ratio of all rounds.",
        *_spread(book),
        *_topics(tested),
        *_path(),
    ]
    return "\n\n".join(parts) + "\n"


def _counts(tested: Sequence[Tested]) -> Rows:
    counts = claims.counts(tested)
    return [["corpus", *claims.VERDICTS], *([TITLES[name], *map(str, its.values())] for name, its in counts.items())]


def _beyond(facts: Facts) -> str:
    """Set what the page's options gain beside what another recipe gains."""
    known = {name for name in facts.claims if name in facts.summary}
    best = min(known, key=lambda name: float(facts.summary[name]["bits_per_note"]))
    top = facts.summary["best"]
    gain = 2 ** -float(facts.summary[best]["difference"]) - 1
    text = f"Of the page's options `{best}` has the fewest bits on the default corpus: the right note is {gain:.0%} "
    text += "likelier than under the current model."
    if top["architecture"] not in known:
        text += f" `{top['architecture']}`, with another input, other heads and another objective on as many target "
        text += f"notes, makes it {2 ** -float(top['difference']) - 1:.0%} likelier."
    return text


def _spread(book: Book) -> Iterator[str]:
    for corpus, seeds in book.spread.items():
        apart = claim_measurements.range_of(seeds.source, seeds.of)
        if apart:
            yield (
                f"Chance in training: {len(seeds.of)} seeds of the baseline (`{seeds.source}`) lie {apart:.3f} bits "
                f"per note apart ({TITLES[corpus]}). Intervals of differences are widened by that on both sides."
            )


def _topics(tested: Sequence[Tested]) -> Iterator[str]:
    head, *_ = claims.rows([])
    for topic in dict.fromkeys(each.claim.topic for each in tested):
        yield f"## {topic[0].upper()}{topic[1:]}"
        yield tables.table([head[1:], *(claims.cells(each) for each in tested if each.claim.topic == topic)])


def _path() -> Iterator[str]:
    """Tell each study of the path that is there: one row a model, in the order of the steps."""
    for corpus, source in PATHS.items():
        if claim_measurements.file(source).exists():
            runs = claim_measurements.tree(source)
            yield f"## The path on the {TITLES[corpus]}, step by step"
            yield f"Lines to run, floors and all differences: [docs/results-{source}.md](docs/results-{source}.md)."
            yield tables.table(_steps(runs))


def _steps(runs: Mapping[str, Any]) -> Rows:
    lines = [["run", "model", "bits per note", "against the start", "right note likelier", "parameters", "code of"]]
    for run, models in runs.items():
        for name, row in models.items():
            gap = row["against"].get("start/baseline")
            told = ["start", "–"]
            if gap:
                told = ["{:+.3f} [{:+.3f}, {:+.3f}]".format(*gap), f"{2 ** -gap[0] - 1:+.1%}"]
            figures = [f"{row['bits_per_note']:.3f}", *told, f"{row['parameters']:,}", row["made_at"]]
            lines.append([run, name, *figures])
    return lines
