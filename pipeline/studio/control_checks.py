"""Checks of the controls of the studio that are not of sampling: when and where a response begins."""

from typing import get_args

from pipeline.live.clock_follower import Quantize
from pipeline.studio.messages import ClientError

MIN_RESPONSE_DELAY, MAX_RESPONSE_DELAY = 0.2, 10.0
"""Seconds of silence before a response that make sense."""


def check_response_delay(value: object) -> float:
    """Return the seconds before a response.

    Raises:
        ClientError: it is no such number.
    """
    limits = f"{MIN_RESPONSE_DELAY}..{MAX_RESPONSE_DELAY} seconds"
    if not isinstance(value, int | float):
        raise ClientError(f"response_delay is text; it is {limits}")
    if not MIN_RESPONSE_DELAY <= value <= MAX_RESPONSE_DELAY:
        raise ClientError(f"response_delay {value!r:.40} is outside {limits}")
    return float(value)


def check_quantize(value: object) -> Quantize:
    """Return where responses begin.

    Raises:
        ClientError: it is none of the choices.
    """
    choices: tuple[Quantize, ...] = get_args(Quantize)
    for choice in choices:
        if value == choice:
            return choice
    raise ClientError(f"quantize {value!r:.40} is none of {', '.join(choices)}")
