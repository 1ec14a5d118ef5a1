"""The first screen: which, how sure, at what cost, how does it sound."""

from dataclasses import dataclass

from pipeline.report.data import Found


@dataclass(frozen=True)
class Answer:
    """One question and its answer in a few words, with what the number means below."""

    question: str
    answer: str
    meaning: list[str]
    warning: str = ""


def answers(found: Found) -> list[Answer]:
    """Return the answers, all but the sound, which is a player."""
    return [which(found), sure(found), price(found)]


def which(found: Found) -> Answer:
    """Say which architecture, and why."""
    facts, best = found.facts, found.facts.summary["best"]
    chosen = best["recommended"]
    bits = float(facts.summary[chosen]["bits_per_note"])
    meaning = [f"{bits:.2f} bits per note, averaged over {facts.notes:,} held-out notes. Fewer is better."]
    if chosen == best["architecture"]:
        meaning.append(f"The fewest of {_count(len(found.names), 'architecture')}.")
    else:
        fewest = f"{best['architecture']} has the fewest, {float(best['bits_per_note']):.2f}"
        meaning.append(f"{fewest}, but by the rule below {chosen} is to be preferred.")
    times = 2 ** -float(facts.summary[chosen]["difference"])
    if chosen != facts.summary["reference"]:
        meaning.append(f"The note that came was {times:.2g} times as likely as {facts.summary['reference']} held it.")
    below = best["not_above"].replace(" ", ", ")
    warning = f"It does not beat these floors: {below}. It has learned little of this music." if below else ""
    return Answer("Which?", chosen, meaning, warning)


def sure(found: Found) -> Answer:
    """Say how sure that is."""
    facts, best = found.facts, found.facts.summary["best"]
    close = best["too_close"].replace(" ", ", ")
    meaning = [_ahead(found)]
    if shares := found.pairs.get("best"):
        share = 100 * float(shares[best["architecture"]])
        of = f"{share:.0f} % of {found.pairs['resamples']:,} resamples"
        meaning.append(f"{best['architecture']} has the fewest bits in {of}.")
    unit = "passages" if facts.by_passage else "pieces"
    split = facts.params.compare.split
    meaning.append(f"Measured on {_count(facts.pieces, f'{split} piece')}; intervals are over {unit}.")
    warning = "So few pieces say nothing of other music: try a larger corpus before you rely on it."
    meaning.append("From one seed: 'music-rnn seeds' says what another would change.")
    clear = "Clear on this music only" if facts.by_passage else "Clear"
    answer = f"Too close to call: {close}" if close else clear
    return Answer("How sure?", answer, meaning, warning if facts.by_passage else "")


def _ahead(found: Found) -> str:
    """Say how far the best is before the next, or before the reference where pairs are not known."""
    facts = found.facts
    best = facts.summary["best"]["architecture"]
    others = [name for name in found.ranked if name != best]
    if not others:
        return "Nothing to compare it with: one architecture was trained."
    for each in found.pairs.get("pairs", ()):
        if {each["a"], each["b"]} == {best, others[0]}:
            sign = 1 if each["a"] == others[0] else -1
            low, high = sorted((sign * float(each["low"]), sign * float(each["high"])))
            gap = sign * float(each["difference"])
            return f"{gap:.3f} bits fewer than the next, {others[0]} (95 %: {low:.3f} to {high:.3f})."
    mine = facts.summary[best]
    if best == facts.summary["reference"]:
        return f"The next is {others[0]}, at {float(facts.summary[others[0]]['bits_per_note']):.3f} bits per note."
    gap, low, high = (-float(mine[key]) for key in ("difference", "high", "low"))
    return f"{gap:.3f} bits fewer than {facts.summary['reference']} (95 %: {low:.3f} to {high:.3f})."


def price(found: Found) -> Answer:
    """Say what the recommended architecture costs."""
    facts = found.facts
    chosen, reference = facts.summary["best"]["recommended"], facts.summary["reference"]
    mine, timings = facts.summary[chosen], facts.timings
    meaning = [f"{mine['bytes'] / 1e6:.1f} MB of weights."]
    if chosen != reference:
        times = [f"{timings[what][chosen]['median']:.2f}×" for what in ("train", "generate")]
        meaning.append(f"Training takes {times[0]} and playing {times[1]} the time of {reference}.")
    if told := timings.get("latency", {}).get(chosen):
        way, how = ("streaming", "from a state") if told["streaming"] else ("window", "from the window")
        meaning.append(f"One note takes {told[way]['median_us']:,.0f} µs {how}, on one thread.")
    meaning.append("It can play live." if mine["streams"] else "It cannot go on from a state, so it cannot play live.")
    return Answer("At what cost?", f"{mine['parameters']:,} parameters", meaning)


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"
