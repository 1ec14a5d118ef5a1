"""What the results say, as one list of statements that terminal, Markdown, HTML and README render."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pipeline.core import paths
from pipeline.core.errors import DataError
from pipeline.corpus.ingest_summary import LEAK_HINT
from pipeline.evaluation import decision
from pipeline.report import tables, ties
from pipeline.report.tables import RunResults
from pipeline.report.templates import render_template

HISTOGRAM = "unigram"
"""The n-gram model that is a histogram of single values."""
MAX_TIES = 3
"""Of the best that are statements; a table has all."""
COMPOSITION_HINT = (
    "give all files of a work one composition in the manifest, or leave all but one out"
)
INTERVAL_NOTE = "An interval is of one difference; groups are corrected for all pairs, so that an interval beside zero may be of a tie."


@dataclass(frozen=True)
class Statement:
    """One thing that a reader wants to know, and the answer in a few words."""

    topic: str
    answer: str
    details: list[str]
    """What the answer is made of, in sentences."""
    warning: str = ""
    """Sentences, where the answer is not to be relied on."""

    @property
    def sentences(self) -> list[str]:
        """Return all that stands below the answer."""
        return [*self.details, *filter(None, [self.warning])]


def build_statements(results: RunResults) -> list[Statement]:
    """Return what is recommended, what is best, what counting alone does, how sure that is, and what it costs."""
    return [
        *state_choice(results),
        state_ngrams(results),
        state_confidence(results),
        state_cost(results),
    ]


def state_choice(results: RunResults) -> list[Statement]:
    """Say what is recommended and what is best, in one statement where they are the same architecture alone."""
    recommended, best = state_recommendation(results), state_best(results)
    if recommended.answer != best.answer:
        return [recommended, best]
    return [replace(recommended, details=[*recommended.details, *best.details])]


def state_recommendation(results: RunResults) -> Statement:
    """Say which architecture, and by which rule."""
    name, reference = results.recommended, results.reference
    row = results.summary[name]
    bits = f"{row['bits_per_note']:.{results.decimals}f}"
    details = [
        _describe_rule(results),
        f"{bits} bits per note, averaged over {results.num_notes:,} held-out notes. Fewer is better.",
    ]
    if name != reference:
        ratio = 2 ** -row["difference"]
        details.append(f"The note that came was {ratio:.2g} times as likely as under {reference}.")
    return Statement("Recommended", name, details)


def _describe_rule(results: RunResults) -> str:
    """Say why the recommended architecture is."""
    name, best, tied = results.recommended, results.summary["best"]["architecture"], results.tied
    if not results.summary[name]["can_stream"]:
        return "No architecture can stream, so it is the one with the fewest bits."
    if name == best and not tied:
        return "It has the fewest bits, and can stream."
    if name == best or name in tied:
        return "Of the best that can stream, it has the fewest parameters."
    return f"{best} cannot stream; of those that can, it is the best, or has the fewest parameters of those tied."


def state_best(results: RunResults) -> Statement:
    """Say which architectures are best, and how far the others are."""
    names = [results.summary["best"]["architecture"], *results.tied]
    answer = tables.join_names(names) + (", tied" if results.tied else "")
    details = [_describe_lead(results, names)]
    best_ties = ties.list_best_ties(results) if results.has_intervals else []
    details += [ties.describe_tie(pair, results) for pair in best_ties[:MAX_TIES]]
    if len(best_ties) > MAX_TIES:
        details.append(f"{paths.DECISION} has all {len(best_ties)} ties of the best.")
    return Statement("Best", answer, details)


def _describe_lead(results: RunResults, best: Sequence[str]) -> str:
    """Say how far the best is before the first that is not tied with it."""
    others = [name for name in results.by_bits if name not in best]
    if len(results.by_bits) == 1:
        return "Nothing to compare it with: one architecture was trained."
    if not others:
        return f"Nobody can say which of {len(best)} is better."
    pair = _find_pair(results, best[0], others[0])
    mean, low, high = (f"{pair[key]:.{results.decimals}f}" for key in ("difference", "high", "low"))
    return f"{best[0]} has {mean} bits fewer than {others[0]}, the next that is not tied (95 %: {low} to {high})."


def _find_pair(results: RunResults, better: str, worse: str) -> Mapping[str, float]:
    """Return how many bits fewer an architecture has than a worse one."""
    for pair in results.pairs["pairs"]:
        if (pair["a"], pair["b"]) == (better, worse):
            return {key: -pair[key] for key in ("difference", "low", "high")}
    raise DataError(
        f"{paths.PAIRS}: no pair {better}, {worse}; make it again with 'dvc repro compare'"
    )


def state_ngrams(results: RunResults) -> Statement:
    """Say which architectures are no better than counting."""
    names = results.by_bits
    losers = [name for name in names if HISTOGRAM in _list_unbeaten(results, name)]
    answer = f"{len(losers)} of {len(names)} do not beat a histogram"
    if not losers:
        answer = "all beat a histogram" if len(names) > 1 else "it beats a histogram"
    details = [
        f"An n-gram model counts; {HISTOGRAM} is a histogram of the values in training.",
        *_describe_beaten_ngrams(results),
    ]
    regression = [name for name in names if _has_regression_heads(results, name)]
    if losers and losers == regression != names:
        details.append(f"The {len(losers)} that do not beat {HISTOGRAM} have regression heads.")
    warning = ""
    if _list_unbeaten(results, results.summary["best"]["architecture"]):
        warning = "The best does not beat every n-gram model: it has more to learn from this music."
    return Statement("Against n-grams", answer, details, warning)


def _has_regression_heads(results: RunResults, name: str) -> bool:
    model = results.params.model.get(name)
    return model is not None and model.heads == "regression"


def _list_unbeaten(results: RunResults, name: str) -> list[str]:
    """Return the n-gram models that an architecture is not better than."""
    return str(results.summary[name]["not_better_than"]).split()


def _describe_beaten_ngrams(results: RunResults) -> list[str]:
    """Say of each n-gram model that some do not beat which do, the hardest to beat first; a sentence for equal ones."""
    ngrams_by_winners: dict[tuple[str, ...], list[str]] = {}
    ngrams = results.summary["ngrams"]
    for ngram in sorted(ngrams, key=lambda name: float(ngrams[name]["bits_per_note"])):
        winners = [name for name in results.by_bits if ngram not in _list_unbeaten(results, name)]
        ngrams_by_winners.setdefault(tuple(winners), []).append(ngram)
    if len(ngrams_by_winners) > 1:
        ngrams_by_winners.pop(tuple(results.by_bits), None)
    return [
        f"{_describe_winners(winners, results.by_bits)} {tables.join_names(beaten)}."
        for winners, beaten in ngrams_by_winners.items()
    ]


def _describe_winners(winners: Sequence[str], names: Sequence[str]) -> str:
    """Name those that beat something, or those that do not, whichever are fewer."""
    losers = [name for name in names if name not in winners]
    if not winners:
        return "No architecture beats"
    if not losers:
        return "All beat" if len(names) > 1 else "It beats"
    if len(winners) <= len(losers):
        verb = "beats" if len(winners) == 1 else "beat"
        return f"Only {tables.join_names(winners)} {verb}"
    return f"All but {tables.join_names(losers)} beat"


def state_confidence(results: RunResults) -> Statement:
    """Say what the intervals hold: other pieces, other seeds."""
    answer = "covers other pieces and other seeds"
    details = [_describe_design(results)]
    warnings = _describe_leaks(results)
    if not results.has_intervals:
        answer = "nobody can say"
        warnings.append(
            "One composition says nothing of other music: there is no interval; try a larger corpus."
        )
    elif results.num_replicates == 1:
        answer = "covers other pieces, not other seeds"
        warnings.append("One seed only: intervals hold other pieces and not other seeds.")
    if results.has_intervals and len(results.by_bits) > 1:
        num_pairs = tables.format_count(len(results.pairs["pairs"]), "pair")
        details.append(
            f"Architectures that share a letter are tied, at the 5 % level, corrected for {num_pairs}."
        )
    return Statement("Confidence", answer, details, " ".join(warnings))


def _describe_design(results: RunResults) -> str:
    """Say how many compositions and replicates were measured."""
    compositions = tables.format_count(results.num_compositions, "composition")
    if results.is_cross_validation:
        replicates = tables.format_count(results.num_replicates, "replicate")
        return (
            f"Measured on {compositions}, each held out once in {replicates} (cross-validation), "
            "each with its own seed."
        )
    seeds = tables.format_count(results.num_replicates, "seed")
    pieces = tables.format_count(results.num_pieces, "piece")
    return f"{seeds} on {pieces} of {compositions} of the {results.params.compare.split} split."


def _describe_leaks(results: RunResults) -> list[str]:
    """Say that held-out works are in training as well, and name the first."""
    leaks = tables.list_held_out_leaks(results)
    if not leaks:
        return []
    such_as = ", such as" if len(leaks) > 1 else ""
    if results.is_cross_validation:
        count = tables.format_count(len(leaks), "held-out work")
        return [f"The models trained on {count}{such_as}: {leaks[0]}; {COMPOSITION_HINT}."]
    count = tables.format_count(len(leaks), "work")
    split = results.params.compare.split
    return [
        f"The models trained on {count} of the {split} split{such_as}: {leaks[0]}; {LEAK_HINT}."
    ]


def state_cost(results: RunResults) -> Statement:
    """Say what the recommended architecture costs."""
    name, reference, timings = results.recommended, results.reference, results.benchmark
    row = results.summary[name]
    details = [f"{row['bytes'] / 1e6:.1f} MB of weights."]
    if name != reference:
        details.append(_describe_ratio("Training", timings["train"][name], reference))
        details.append(_describe_ratio("Playing", timings["generate"][name], reference))
    if latency := timings.get("latency", {}).get(name):
        mode, source = ("window", "the window")
        if latency["streaming"]:
            mode, source = ("streaming", "a state")
        details.append(_describe_latency(latency[mode], source))
    if row["can_stream"]:
        details.append("It can play live.")
    else:
        details.append("It cannot go on from a state, so it cannot play live.")
    return Statement("Cost", f"{row['parameters']:,} parameters", details)


def _describe_ratio(activity: str, ratio: Mapping[str, Any], reference: str) -> str:
    """Say how many times the time of the reference an activity takes."""
    if ratio["median"] is None:
        return f"{activity} time {ratio['reason']}."
    figure = "{median:.2f}× ({min:.2f} to {max:.2f})".format_map(ratio)
    return f"{activity} takes {figure} the CPU time of {reference}."


def _describe_latency(timing: Mapping[str, Any], source: str) -> str:
    """Say how long one note takes."""
    if timing["median_us"] is None:
        return f"Time of one note {timing['reason']}."
    return f"One note takes {timing['median_us']:,.0f} µs of one core from {source}."


def format_markdown_statements(results: RunResults) -> str:
    """Return the statements as a Markdown list."""
    return "\n".join(
        f"- {statement.topic}: **{statement.answer}**. {' '.join(statement.sentences)}"
        for statement in build_statements(results)
    )


def format_terminal_statements(results: RunResults) -> list[str]:
    """Return the statements as paragraphs without markup."""
    return [
        f"{statement.topic}: {statement.answer}. {' '.join(statement.sentences)}"
        for statement in build_statements(results)
    ]


def render_decision_page(results: RunResults) -> str:
    """Return `metrics/decision.md`."""
    return render_template(
        "report/static/decision.md",
        results=results,
        params=results.params,
        statements=format_markdown_statements(results),
        comparison=tables.build_comparison_table(results, with_ngrams=True),
        heads=tables.build_head_table(results),
        corpus_rows=tables.build_corpus_table(results)[1:],
        ties=ties.build_tie_table(results),
        rule=decision.RULE,
        interval_note=INTERVAL_NOTE,
    )
