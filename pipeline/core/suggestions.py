"""The name that a person probably meant, where there is none of the name that was typed."""

import difflib
from collections.abc import Iterable

MIN_SIMILARITY = 0.6
"""Of two names, from 0 to 1; below this another name is a guess."""


def suggest_name(name: str, names: Iterable[str]) -> str:
    """Return the end of a message: the name most like one that is unknown, or nothing.

    >>> suggest_name("Expresive", ["baseline", "expressive"]), suggest_name("x", ["baseline"])
    ("; did you mean 'expressive'?", '')
    """
    by_lower = {known.lower(): known for known in names}
    close = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=MIN_SIMILARITY)
    return f"; did you mean {by_lower[close[0]]!r}?" if close else ""
