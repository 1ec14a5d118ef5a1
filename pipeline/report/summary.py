"""The first screen: which, how sure, at what cost, how does it sound."""

from dataclasses import dataclass

from pipeline.report.data import ReportData


@dataclass(frozen=True)
class Answer:
    """One question and its answer in a few words, with what the number means below."""

    question: str
    answer: str
    meaning: list[str]
    warning: str = ""


def build_answers(data: ReportData) -> list[Answer]:
    """Return the answers, all but the sound, which is a player."""
    return [answer_recommendation(data), answer_confidence(data), answer_cost(data)]


def answer_recommendation(data: ReportData) -> Answer:
    """Say which architecture, and why."""
    facts, best = data.results, data.results.summary["best"]
    chosen = best["recommended"]
    bits = float(facts.summary[chosen]["bits_per_note"])
    meaning = [
        f"{bits:.2f} bits per note, averaged over {facts.num_notes:,} held-out notes. Fewer is better."
    ]
    if chosen == best["architecture"]:
        meaning.append(f"The fewest of {_format_count(len(data.architectures), 'architecture')}.")
    else:
        fewest = f"{best['architecture']} has the fewest, {float(best['bits_per_note']):.2f}"
        meaning.append(f"{fewest}, but by the rule below {chosen} is to be preferred.")
    times = 2 ** -float(facts.summary[chosen]["difference"])
    if chosen != facts.summary["reference"]:
        meaning.append(
            f"The note that came was {times:.2g} times as likely as {facts.summary['reference']} held it."
        )
    below = best["not_better_than"].replace(" ", ", ")
    warning = (
        f"It does not beat these floors: {below}. It has learned little of this music."
        if below
        else ""
    )
    return Answer("Which?", chosen, meaning, warning)


def answer_confidence(data: ReportData) -> Answer:
    """Say how sure that is."""
    facts, best = data.results, data.results.summary["best"]
    close = best["tied_with"].replace(" ", ", ")
    meaning = [_describe_lead(data)]
    if shares := data.pairs.get("best"):
        share = 100 * float(shares[best["architecture"]])
        of = f"{share:.0f} % of {data.pairs['resamples']:,} resamples"
        meaning.append(f"{best['architecture']} has the fewest bits in {of}.")
    unit = "passages" if facts.resampled_by_passage else "pieces"
    split = facts.params.compare.split
    meaning.append(
        f"Measured on {_format_count(facts.num_pieces, f'{split} piece')}; intervals are over {unit}."
    )
    warning = "So few pieces say nothing of other music: try a larger corpus before you rely on it."
    meaning.append("From one seed: 'music-rnn seed-variance' says what another would change.")
    clear = "Clear on this music only" if facts.resampled_by_passage else "Clear"
    answer = f"Too close to call: {close}" if close else clear
    return Answer("How sure?", answer, meaning, warning if facts.resampled_by_passage else "")


def _describe_lead(data: ReportData) -> str:
    """Say how far the best is before the next, or before the reference where pairs are not known."""
    facts = data.results
    best = facts.summary["best"]["architecture"]
    others = [name for name in data.by_bits if name != best]
    if not others:
        return "Nothing to compare it with: one architecture was trained."
    for each in data.pairs.get("pairs", ()):
        if {each["a"], each["b"]} == {best, others[0]}:
            sign = 1 if each["a"] == others[0] else -1
            low, high = sorted((sign * float(each["low"]), sign * float(each["high"])))
            gap = sign * float(each["difference"])
            return (
                f"{gap:.3f} bits fewer than the next, {others[0]} (95 %: {low:.3f} to {high:.3f})."
            )
    mine = facts.summary[best]
    if best == facts.summary["reference"]:
        return f"The next is {others[0]}, at {float(facts.summary[others[0]]['bits_per_note']):.3f} bits per note."
    gap, low, high = (-float(mine[key]) for key in ("difference", "high", "low"))
    return (
        f"{gap:.3f} bits fewer than {facts.summary['reference']} (95 %: {low:.3f} to {high:.3f})."
    )


def answer_cost(data: ReportData) -> Answer:
    """Say what the recommended architecture costs."""
    facts = data.results
    chosen, reference = facts.summary["best"]["recommended"], facts.summary["reference"]
    mine, timings = facts.summary[chosen], facts.benchmark
    meaning = [f"{mine['bytes'] / 1e6:.1f} MB of weights."]
    if chosen != reference:
        times = [f"{timings[what][chosen]['median']:.2f}×" for what in ("train", "generate")]
        meaning.append(f"Training takes {times[0]} and playing {times[1]} the time of {reference}.")
    if told := timings.get("latency", {}).get(chosen):
        way, how = (
            ("streaming", "from a state") if told["streaming"] else ("window", "from the window")
        )
        meaning.append(f"One note takes {told[way]['median_us']:,.0f} µs {how}, on one thread.")
    meaning.append(
        "It can play live."
        if mine["can_stream"]
        else "It cannot go on from a state, so it cannot play live."
    )
    return Answer("At what cost?", f"{mine['parameters']:,} parameters", meaning)


def _format_count(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
