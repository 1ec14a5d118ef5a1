"""Words of the field, explained where they first stand on a page."""

import re

from markupsafe import Markup, escape

DEFINITIONS = {
    "bits per note": "−log2 of the probability that a model gave to step, pitch and duration of the note that came, "
    "averaged over held-out notes. One bit less: the note was twice as likely.",
    "held-out": "not trained on.",
    "n-gram": "a predictor that counts how often what followed what; it has no network.",
    "histogram": "how often each value came, whatever was before it.",
    "replicates": "trainings of one architecture, each with its own random seed and, under cross-validation, its own "
    "held-out pieces.",
    "cross-validation": "the pieces are dealt into folds; each fold is held out once, and the others are trained on.",
    "tied": "so close that other pieces or seeds could turn the order round.",
    "95 %": "interval: in 95 of 100 repetitions it contains the true value.",
    "seed": "start of the random number generator, which decides the first weights and the order of training.",
    "stream": "go on from a state after each note, without reading the notes before it again.",
    "parameters": "numbers that training sets: the weights.",
    "step": "seconds since the onset of the note before; 0 inside a chord.",
    "calibrated": "what it calls 30 % likely comes 30 % of the time.",
    "prompt": "notes given to a model before it generates.",
    "top-1": "how often the likeliest value was the right one.",
    "overlapping area": "share that two histograms have in common: 1 where they are equal.",
}
"""By word or phrase, in lower case."""


class Explainer:
    """Adds the definition of each word where it first stands; one for each page."""

    def __init__(self) -> None:
        self._waiting = dict(DEFINITIONS)
        self._count = 0

    def explain(self, text: str) -> Markup:
        """Return a text as HTML, its words that were not explained yet with their definitions."""
        parts: list[Markup] = []
        while match := self._find_first(text):
            parts += [escape(text[: match.start()]), self._define(match[0])]
            text = text[match.end() :]
        return Markup("").join([*parts, escape(text)])

    def _find_first(self, text: str) -> re.Match[str] | None:
        """Return where the first word that waits for its definition stands; of two at one place, the longer."""
        if not self._waiting:
            return None
        words = sorted(self._waiting, key=len, reverse=True)
        alternatives = "|".join(map(re.escape, words))
        return re.search(rf"(?<![\w-])(?:{alternatives})(?![\w-])", text, re.IGNORECASE)

    def _define(self, word: str) -> Markup:
        definition = self._waiting.pop(word.lower())
        self._count += 1
        return Markup(
            '<span class="term" tabindex="0" aria-describedby="term-{0}">{1}'
            '<span class="definition" id="term-{0}" role="tooltip">{2}</span></span>'
        ).format(self._count, word, definition)
