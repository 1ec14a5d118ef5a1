"""Is what the project gives now better than what a revision gave, beyond noise, and fit to be offered?

The recommended models of both are compared on the held-out notes that both have told, row by row. Beside that, nothing
is offered that was tested on its own training music, learned by heart, or not measured.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from pipeline.config import Params
from pipeline.core import git, paths
from pipeline.core.errors import DataError
from pipeline.evaluation.bits import Scores, difference
from pipeline.evaluation.results import Evaluation

Word = Literal["better", "worse", "too close", "first", "not comparable"]


@dataclass(frozen=True)
class Results:
    """What the metrics say of the recommended model of one revision, or of the work tree."""

    model: str
    """Name of its architecture."""
    scores: Scores
    timings: Mapping[str, Any]
    likeness: Mapping[str, Any]
    """Empty where it was not measured."""
    music: str
    """Hash of the tables of notes, as `dvc.lock` has it."""
    reading: Mapping[str, Any]
    """How MIDI was read, as `dvc.lock` has it."""

    @classmethod
    def of(cls, revision: str) -> "Results":
        """Read the results of a revision; of the work tree where it is empty.

        Raises:
            DataError: there are none, or a part of them is away or torn.
        """
        read = git.reader(revision)
        summary = read(paths.SUMMARY)
        if not summary:
            where = f"{revision} has no" if revision else "no"
            raise DataError(f"{where} {paths.SUMMARY}; run 'dvc repro'" + (" there and commit" if revision else ""))
        try:
            model = summary["best"]["recommended"]
            scores = Evaluation.of(read(paths.evaluation(model))).scores
        except (LookupError, TypeError, ValueError) as error:
            place = f"{revision}:{paths.SUMMARY.parent}".removeprefix(":")
            raise DataError(f"{place}: not whole ({type(error).__name__}: {error}); run 'dvc repro'") from error
        return cls(
            model,
            scores,
            read(paths.TIMINGS),
            read(paths.likeness(model)),
            git.locked_output(revision, paths.NOTES.parent),
            git.locked_params(revision, "ingest").get("ingest", {}),
        )


@dataclass(frozen=True)
class Verdict:
    """What the gate says."""

    model: str
    """The recommended one, which was judged."""
    word: Word
    told: str
    """The comparison, in a sentence or two."""
    refusals: tuple[str, ...]

    @property
    def offers(self) -> bool:
        """Whether the model is to be promoted: better than the one before, or the first, and nothing forbids it."""
        return self.word in ("better", "first") and not self.refusals

    @property
    def paragraph(self) -> str:
        """All of it, in one paragraph."""
        if not self.refusals:
            return f"{self.word}: {self.told} Nothing speaks against it."
        return f"{self.word}, and refused: {self.told} " + " ".join(f"Refused since {why}." for why in self.refusals)


def judge(now: Results, base: Results | None, leaks: list[str], params: Params) -> Verdict:
    """Compare, and look for what forbids to offer the model.

    Args:
        now: of the work tree.
        base: of the revision it is compared with; none if there is nothing to compare with.
        leaks: held-out pieces in the training music, a phrase each.
        params: tolerance and limits, and how intervals are made.
    """
    word, told = compare(now, base, params)
    refusals = [f"the loss is beyond the tolerance of {params.gate.tolerance:g} bits"] if word == "worse" else []
    if word == "not comparable":
        refusals.append("nothing shows that it is not worse")
    refusals += [*leaks[:3], *([f"so are {len(leaks) - 3} more"] if len(leaks) > 3 else [])]
    refusals += [why for why in (_by_heart(now, params), _parity(now, params), _latency(now)) if why]
    return Verdict(now.model, word, told, tuple(refusals))


def compare(now: Results, base: Results | None, params: Params) -> tuple[Word, str]:
    """Say whether the recommended model tells held-out notes in fewer bits than the one before, and by how much."""
    if base is None:
        mean = now.scores.per_note()["bits_per_note"]
        return "first", f"{now.model} tells held-out notes in {mean:.3f} bits per note; there is nothing before it."
    if now.reading != base.reading:
        return "not comparable", f"notes are read otherwise than before (ingest is {now.reading}, was {base.reading})."
    ours, theirs = common(now.scores, base.scores)
    if not len(ours.notes):
        return "not comparable", f"{now.model} was scored on no held-out piece that {base.model} was scored on before."
    word, gap = weigh(ours, theirs, params)
    before, after = (each.per_note()["bits_per_note"] for each in (theirs, ours))
    said = (
        f"{now.model} tells held-out notes in {after:.3f} bits per note, {base.model} before in {before:.3f}: {gap} "
        f"over {len(ours.notes)} rows of {len(set(ours.piece))} pieces, where another seed may change "
        f"{params.gate.tolerance:g}."
    )
    return word, said + _other_music(now, base, ours)


def weigh(ours: Scores, theirs: Scores, params: Params) -> tuple[Word, str]:
    """Return whether ours is better, beyond what the choice of notes and of the seed does by chance; and the gap."""
    gap, low, high = difference(ours, theirs, params.compare.resamples, params.seed)
    word: Word = "too close"
    if abs(gap) > params.gate.tolerance and not low <= 0 <= high:
        word = "better" if gap < 0 else "worse"
    return word, f"{gap:+.3f} [{low:+.3f}, {high:+.3f}]"


def common(ours: Scores, theirs: Scores) -> tuple[Scores, Scores]:
    """Return the rows of the pieces that both have, cut alike; pieces that were cut otherwise are one row each."""
    left, right = _by_piece(ours), _by_piece(theirs)
    rows: list[tuple[list[list[object]], list[list[object]]]] = []
    for piece in left.keys() & right.keys():
        mine, other = left[piece], right[piece]
        if [row[1] for row in mine] != [row[1] for row in other]:
            mine, other = _whole(mine), _whole(other)
        if mine[0][1] == other[0][1]:
            rows.append((mine, other))
    rows.sort(key=lambda pair: str(pair[0][0][0]))
    mine, other = [row for pair in rows for row in pair[0]], [row for pair in rows for row in pair[1]]
    return Scores.of_rows(mine), Scores.of_rows(other)


def _by_piece(scores: Scores) -> dict[str, list[list[object]]]:
    """Return rows [piece, notes, bits that count] by the name of the piece."""
    found: dict[str, list[list[object]]] = {}
    for piece, notes, bits in zip(scores.piece, scores.notes, scores.bits[:, :3], strict=True):
        found.setdefault(str(piece), []).append([str(piece), int(notes), *map(float, bits)])
    return found


def _whole(rows: list[list[object]]) -> list[list[object]]:
    """Return the rows of one piece as one."""
    sums = np.array([row[1:] for row in rows], np.float64).sum(axis=0)
    return [[rows[0][0], int(sums[0]), *map(float, sums[1:])]]


def _other_music(now: Results, base: Results, ours: Scores) -> str:
    """Say that the corpus changed, and what could be compared all the same."""
    scored = [int(each.notes.sum()) for each in (ours, now.scores, base.scores)]
    if now.music == base.music and len(set(scored)) == 1:
        return ""
    return (
        f" The notes are not those of before ({base.music[:7]} → {now.music[:7]}): compared are {scored[0]:,} of "
        f"pieces that both have, of {scored[1]:,} now and {scored[2]:,} before."
    )


def _by_heart(now: Results, params: Params) -> str:
    if not (copied := now.likeness.get("measures", {}).get("copy")):
        return f"nobody measured what {now.model} copies from its training music ({paths.likeness(now.model)})"
    longest, human = copied["samples"][2], copied["held_out"][2]
    if longest <= human + params.gate.copied_notes:
        return ""
    return (
        f"a sample has {longest:.0f} notes in a row from the training music, more than {params.gate.copied_notes} "
        f"beyond the {human:.0f} of held-out music, so it learned by heart"
    )


def _parity(now: Results, params: Params) -> str:
    found = now.timings.get("parity", {}).get(now.model, {}).get("bits")
    if found is None:
        return f"nobody measured whether {now.model} plays what was trained (parity in {paths.TIMINGS})"
    if found <= params.gate.parity:
        return ""
    return f"what plays differs from what was trained by {found:g} bits of a note, more than {params.gate.parity:g}"


def _latency(now: Results) -> str:
    found = now.timings.get("latency", {}).get(now.model) or {}
    its = found.get("streaming") or found.get("window")
    return "" if its else f"nobody measured how long {now.model} takes for a note (latency in {paths.TIMINGS})"
