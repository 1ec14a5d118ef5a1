"""Answers of a listening test: how often listeners were right, with exact intervals."""

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import exp, lgamma, log
from pathlib import Path

from rich.table import Table
from rich.text import Text

from pipeline.core.errors import DataError, sanitize_line

COLUMNS = ("item", "model", "piece", "choice", "right", "seconds")
"""Of the file that the page exports; others may follow."""
CHANCE = 0.5
"""Share of right answers of a listener who guesses."""
TAIL = 0.025
"""On each side of a 95 % interval."""
HALVINGS = 60
"""Of the range in which an end is sought: more than a float has bits."""


@dataclass(frozen=True)
class Answer:
    """One answer of a listener."""

    listener: str
    model: str
    is_right: bool


@dataclass(frozen=True)
class Score:
    """Answers together."""

    listener: str | None
    """None for all listeners."""
    model: str | None
    """None for all models."""
    num_answers: int
    num_right: int

    @property
    def interval(self) -> tuple[float, float]:
        """Of the share that is right, 95 %."""
        return compute_exact_interval(self.num_right, self.num_answers)

    @property
    def verdict(self) -> str:
        """What the interval means."""
        low, high = self.interval
        if low > CHANCE:
            return "heard as a model"
        return "taken for a person" if high < CHANCE else "not told from a person"


def compute_exact_interval(num_right: int, num_answers: int) -> tuple[float, float]:
    """Return the 95 % interval of a share: the shares that neither tail of a binomial test excludes.

    Source: Clopper and Pearson, The use of confidence or fiducial limits illustrated in the case of the binomial,
    Biometrika 26, 1934.
    """
    low, high = 0.0, 1.0
    if num_right > 0:
        low = _bisect(lambda share: _compute_tail(num_right, num_answers, share) > TAIL)
    if num_right < num_answers:
        # At most k right of n is at least n - k wrong.
        num_wrong = num_answers - num_right
        high = 1 - _bisect(lambda share: _compute_tail(num_wrong, num_answers, share) > TAIL)
    return low, high


def _compute_tail(at_least: int, count: int, share: float) -> float:
    """Return the probability of at least so many successes."""
    logs = (
        _log_choose(count, number) + number * log(share) + (count - number) * log(1 - share)
        for number in range(at_least, count + 1)
    )
    return sum(map(exp, logs))


def _log_choose(count: int, number: int) -> float:
    """Return the logarithm of the number of ways to choose some of a count."""
    return lgamma(count + 1) - lgamma(number + 1) - lgamma(count - number + 1)


def _bisect(is_above: Callable[[float], bool]) -> float:
    """Return the number from 0 to 1 from which on a condition holds."""
    low, high = 0.0, 1.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (low, middle) if is_above(middle) else (middle, high)
    return (low + high) / 2


def load_answers(files: Sequence[Path]) -> list[Answer]:
    """Read the answers of listeners, one file each; the name of the file is that of the listener.

    Raises:
        DataError: a file has no answers, or is the same as another.
    """
    answers: list[Answer] = []
    texts: dict[str, Path] = {}
    for path in files:
        try:
            text = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeError) as error:
            raise DataError(
                f"{path}: no answers here ({error}); give a CSV file of the page"
            ) from error
        if text in texts:
            raise DataError(
                f"{path}: the same answers as {texts[text]}; give each listener's file once"
            )
        texts[text] = path
        answers += _parse_answers(path, text)
    return answers


def _parse_answers(path: Path, text: str) -> list[Answer]:
    rows = csv.DictReader(text.splitlines())
    missing = [name for name in COLUMNS if name not in (rows.fieldnames or ())]
    if missing:
        raise DataError(
            f"{path}: has no column {missing[0]!r}; give a CSV file that the page exported"
        )
    answers = []
    for row in rows:
        if row["right"] not in ("0", "1"):
            raise DataError(
                f"{path}, line {rows.line_num}: right is {row['right']!r}, not 0 or 1; export the answers again"
            )
        answers.append(Answer(str(path.with_suffix("")), row["model"], row["right"] == "1"))
    if not answers:
        raise DataError(f"{path}: has no answers; export them at the end of the test")
    return answers


def score_answers(answers: Sequence[Answer]) -> list[Score]:
    """Return the score of each listener where there are several, of each model over all listeners, and of all."""
    listeners = sorted({answer.listener for answer in answers})
    models = sorted({answer.model for answer in answers})
    scores = []
    if len(listeners) > 1:
        scores += [_sum_answers(answers, listener, None) for listener in listeners]
    if len(models) > 1:
        scores += [_sum_answers(answers, None, model) for model in models]
    only_model = models[0] if len(models) == 1 else None
    return [*scores, _sum_answers(answers, None, only_model)]


def _sum_answers(answers: Sequence[Answer], listener: str | None, model: str | None) -> Score:
    selected = [
        answer.is_right
        for answer in answers
        if listener in (None, answer.listener) and model in (None, answer.model)
    ]
    return Score(listener, model, len(selected), sum(selected))


def make_score_table(scores: Sequence[Score]) -> Table:
    """Return scores as a table for the terminal."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for name in ("listener", "model"):
        table.add_column(name, overflow="fold")
    for name in ("answers", "right", "share", "95 %"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("verdict")
    for score in scores:
        low, high = score.interval
        table.add_row(
            Text(sanitize_line(score.listener or "all")),
            Text(sanitize_line(score.model or "all")),
            str(score.num_answers),
            str(score.num_right),
            f"{score.num_right / score.num_answers:.0%}",
            f"[{low:.0%}, {high:.0%}]",
            score.verdict,
        )
    return table


def describe_scores(scores: Sequence[Score]) -> str:
    """Return how to read the table."""
    text = "Share of pairs in which the person was found: guessing gives 50 %."
    if len({score.listener for score in scores}) > 1:
        text += " Intervals take all answers as independent: listeners of one file heard the same pairs."
    return text
