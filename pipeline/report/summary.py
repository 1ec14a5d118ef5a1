"""What the results say, as one list of statements that terminal, Markdown, HTML and README render."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.corpus.ingest_summary import LEAK_HINT
from pipeline.evaluation import decision
from pipeline.report import tables
from pipeline.report.tables import RunResults
from pipeline.report.templates import render_template


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
    """Return what is recommended, what is tied with the best, how sure that is, and what it costs."""
    return [
        state_recommendation(results),
        state_ties(results),
        state_confidence(results),
        state_cost(results),
    ]


def state_recommendation(results: RunResults) -> Statement:
    """Say which architecture, and why."""
    best, name, reference = results.summary["best"], results.recommended, results.reference
    row = results.summary[name]
    details = [
        f"{row['bits_per_note']:.2f} bits per note, averaged over {results.num_notes:,} held-out notes. Fewer is better."
    ]
    if name == best["architecture"]:
        count = _format_count(len(results.params.architectures), "architecture")
        details.append(f"The fewest of {count}.")
    else:
        details.append(
            f"{best['architecture']} has the fewest, {best['bits_per_note']:.2f}, but by the rule {name} is to be preferred."
        )
    if name != reference:
        ratio = 2 ** -row["difference"]
        details.append(
            f"The note that came was {ratio:.2g} times as likely as {reference} held it."
        )
    details.append(_describe_unbeaten_ngrams(results))
    warning = ""
    if best["not_better_than"]:
        warning = "The best does not beat every n-gram model: it has more to learn from this music."
    return Statement("Recommended", name, details, warning)


def state_ties(results: RunResults) -> Statement:
    """Say which architectures cannot be told from the best, and how far the next is."""
    ties = _list_names(results.summary["best"]["tied_with"])
    return Statement("Tied with the best", ties or "none", [_describe_lead(results)])


def state_confidence(results: RunResults) -> Statement:
    """Say how sure the order is."""
    best, split = results.summary["best"], results.params.compare.split
    unit = "passages" if results.resampled_by_passage else "pieces"
    pieces = _format_count(results.num_pieces, f"{split} piece")
    details = [
        f"Measured on {pieces}; intervals are over {unit}.",
        "From one seed: 'music-rnn seed-variance' says what another would change.",
    ]
    if shares := results.pairs.get("best"):
        name, resamples = best["architecture"], results.pairs["resamples"]
        details.insert(
            0,
            f"{name} has the fewest bits in {100 * shares[name]:.0f} % of {resamples:,} resamples.",
        )
    answer, warnings = "Clear", _describe_leaks(results)
    if results.resampled_by_passage:
        answer = "Clear on this music only"
        warnings.append(
            "So few pieces say nothing of other music: try a larger corpus before you rely on it."
        )
    if best["tied_with"]:
        answer = "Too close to call"
    return Statement("Confidence", answer, details, " ".join(warnings))


def _describe_leaks(results: RunResults) -> list[str]:
    """Say that works of the split that decides are in training as well, and name the first."""
    leaks = tables.list_held_out_leaks(results)
    if not leaks:
        return []
    split = results.params.compare.split
    count = _format_count(len(leaks), "work")
    such_as = ", such as" if len(leaks) > 1 else ""
    return [
        f"The models trained on {count} of the {split} split{such_as}: {leaks[0]}; {LEAK_HINT}."
    ]


def state_cost(results: RunResults) -> Statement:
    """Say what the recommended architecture costs."""
    name, reference, timings = results.recommended, results.reference, results.benchmark
    row = results.summary[name]
    details = [f"{row['bytes'] / 1e6:.1f} MB of weights."]
    if name != reference:
        train, play = (timings[key][name]["median"] for key in ("train", "generate"))
        details.append(
            f"Training takes {train:.2f}× and playing {play:.2f}× the time of {reference}."
        )
    if latency := timings.get("latency", {}).get(name):
        mode, source = ("window", "the window")
        if latency["streaming"]:
            mode, source = ("streaming", "a state")
        median = latency[mode]["median_us"]
        details.append(f"One note takes {median:,.0f} µs from {source}, on one thread.")
    if row["can_stream"]:
        details.append("It can play live.")
    else:
        details.append("It cannot go on from a state, so it cannot play live.")
    return Statement("Cost", f"{row['parameters']:,} parameters", details)


def _describe_unbeaten_ngrams(results: RunResults) -> str:
    """Say which architectures do not beat which n-gram models."""
    architectures: dict[str, list[str]] = {}
    for name in results.by_bits:
        ngrams = _list_names(results.summary[name]["not_better_than"])
        architectures.setdefault(ngrams, []).append(name)
    architectures.pop("", None)  # those that beat all
    if not architectures:
        return "Every architecture is better than every n-gram model."
    parts = [f"{', '.join(names)} (than {ngrams})" for ngrams, names in architectures.items()]
    return f"Not better than n-gram models: {'; '.join(parts)}."


def _describe_lead(results: RunResults) -> str:
    """Say how far the best is before the next, or before the reference where pairs are not known."""
    best = results.summary["best"]["architecture"]
    others = [name for name in results.by_bits if name != best]
    if not others:
        return "Nothing to compare it with: one architecture was trained."
    pair = _find_pair(results, best, others[0])
    if pair:
        rival = f"the next, {others[0]}"
    elif best == results.reference:
        bits = results.summary[others[0]]["bits_per_note"]
        return f"The next is {others[0]}, at {bits:.3f} bits per note."
    else:
        pair, rival = results.summary[best], results.reference
    if pair["low"] is None:
        return f"{-pair['difference']:.3f} bits fewer than {rival}; the held-out notes are too few for an interval."
    low, high = sorted((-pair["low"], -pair["high"]))
    return f"{-pair['difference']:.3f} bits fewer than {rival} (95 %: {low:.3f} to {high:.3f})."


def _find_pair(results: RunResults, first: str, second: str) -> Mapping[str, Any] | None:
    """Return the difference of two architectures, the first less the second."""
    for pair in results.pairs.get("pairs", ()):
        if (pair["a"], pair["b"]) == (first, second):
            return dict(pair)
        if (pair["a"], pair["b"]) == (second, first):
            ends = ("difference", "low", "high")
            return {key: None if pair[key] is None else -pair[key] for key in ends}
    return None


def _list_names(names: str) -> str:
    return names.replace(" ", ", ")


def _format_count(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


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
        rule=decision.RULE,
    )
