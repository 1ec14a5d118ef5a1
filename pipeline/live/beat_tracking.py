"""The beat of a rhythm: its tempo and phase, estimated from onsets alone.

1. Notes within CHORD_SECONDS are one onset.
2. The period is a time between onsets that many pairs have (the autocorrelation of the onsets), and twice and half of
   which many pairs have too. Recent pairs count more, and tempos near CENTER_TEMPO count more: a rhythm has several levels, and
   quarter notes at 60 are half notes at 120.
3. From each of the last onsets the beats are followed back: an onset at a whole number of periods is a beat. The series
   with the most beats has the phase. Where two have as many, it is the earlier one: music rather begins on a beat.
4. The line through the last beats is the estimate. So a ramp of the tempo is followed with a delay of a few beats.

Too few onsets, or onsets without a common period, have no beat. Source: D. Ellis, Beat tracking by dynamic programming,
Journal of New Music Research, 2007 (autocorrelation and the preference for a tempo).

All times are clock times [s].
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import linear_regression
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

MIN_TEMPO, MAX_TEMPO = 40.0, 240.0
"""Slowest and fastest beat [beats per minute]."""
CENTER_TEMPO = 120.0
"""Tempo that is preferred [beats per minute]."""
TEMPO_OCTAVES = 1.0
"""Standard deviation of the preference [octaves]."""
NUM_PERIODS = 120
"""Periods that are tried, 1.5 % apart."""
CHORD_SECONDS = 0.04
MIN_ONSETS, MAX_ONSETS = 5, 24
WINDOW_SECONDS = 14.0
"""Onsets before the last one that count."""
MEMORY_SECONDS = 4.0
"""Time constant of the weight of a pair."""
MIN_WIDTH, RELATIVE_WIDTH = 0.025, 0.05
"""Standard deviation of a time between onsets: seconds, and as a part of the period if that is more."""
MIN_SUPPORT = 0.4
"""Smallest support of the period: 0 is that of onsets at random, 1 that of a clock."""
TWICE_WEIGHT, HALF_WEIGHT = 0.5, 0.2
"""Weights of the support of twice and half the period: of even notes, two are a beat and not three."""
MIN_COVERAGE = 0.5
"""Smallest part of the beats that have an onset."""
NUM_SERIES = 6
"""Last onsets of which one is on the beat: there are rarely more in a beat."""
MAX_ERROR = 0.15
"""Largest distance of a beat from a whole number of periods [periods]."""
GAIN = 0.2
"""Part of this distance by which the period changes while beats are followed."""
NUM_FITTED = 6
"""Beats of the line."""
REST_SECONDS = 2.0
"""Seconds without an onset after which a phrase begins."""


class Beat(NamedTuple):
    """The beat of a rhythm."""

    time: float
    """A beat."""
    period: float
    """Seconds between two beats."""
    number: int
    """Beats from the begin of the phrase to `time`; may be negative."""

    @property
    def beats_per_minute(self) -> float:
        """Tempo."""
        return 60 / self.period

    def find_next(self, time: float, multiple: int) -> float:
        """Return the first beat at or after a time whose number is a multiple, such as 4 for a bar."""
        number = self.number + (time - self.time) / self.period
        target = math.ceil(number / multiple) * multiple
        return self.time + (target - self.number) * self.period


class PlayedBeat(NamedTuple):
    """An onset on a beat."""

    number: int
    """0 for the last one, negative for those before it."""
    time: float


def estimate_beat(onsets: Sequence[float]) -> Beat | None:
    """Return the beat of a rhythm, or None without one.

    Args:
        onsets: in order of time; those of a chord may have any distance.
    """
    times = _merge_chords(onsets)
    if not times:
        return None
    period = _find_period(_select_recent(times))
    if period is None:
        return None
    ends = range(max(len(times) - NUM_SERIES, 0), len(times))
    series = [_follow_back(times[: end + 1], period) for end in ends]
    return _fit_beat(max(series, key=len), _find_phrase_start(times))


def _merge_chords(onsets: Sequence[float]) -> list[float]:
    """Return the first onset of each chord."""
    times: list[float] = []
    for onset in onsets:
        if not times or onset - times[-1] > CHORD_SECONDS:
            times.append(onset)
    return times


def _select_recent(times: Sequence[float]) -> NDArray[np.float64]:
    """Return the onsets [N] that the period is estimated from."""
    recent = [time for time in times if time >= times[-1] - WINDOW_SECONDS]
    return np.array(recent[-MAX_ONSETS:])


def _find_period(times: NDArray[np.float64]) -> float | None:
    """Return the period of a rhythm; None of too few onsets, or if none has enough support.

    Args:
        times: onsets [N], in order.
    """
    if len(times) < MIN_ONSETS:
        return None
    periods = np.geomspace(60 / MAX_TEMPO, 60 / MIN_TEMPO, NUM_PERIODS)
    once = _measure_support(times, periods, periods)
    twice = _measure_support(times, 2 * periods, periods)
    half = _measure_support(times, periods / 2, periods)
    octaves = np.log2(60 / periods / CENTER_TEMPO)
    preference = np.exp(-0.5 * (octaves / TEMPO_OCTAVES) ** 2)
    scores = once * (1 + TWICE_WEIGHT * twice) * (1 + HALF_WEIGHT * half) * preference
    best = int(np.argmax(scores))
    return float(periods[best]) if once[best] >= MIN_SUPPORT else None


def _measure_support(
    times: NDArray[np.float64], lags: NDArray[np.float64], periods: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the part of the onsets that another onset follows after a lag, less that of onsets at random.

    Args:
        times: onsets [N].
        lags: [P].
        periods: [P], to which the allowed error is relative.

    Returns:
        Support [P], 1 at most for onsets that do not follow each other closely.
    """
    first, second = np.triu_indices(len(times), 1)
    widths = np.maximum(MIN_WIDTH, RELATIVE_WIDTH * periods)
    errors = (times[second] - times[first])[:, None] - lags
    weights = np.exp((times - times[-1]) / MEMORY_SECONDS)
    matches = weights[second] @ np.exp(-0.5 * (errors / widths) ** 2)
    # An onset can only be followed by another that is in the window, so the first ones of a lag do not count.
    possible = (weights * (times[:, None] >= times[0] + lags[:, None].T - widths).T).sum(axis=1)
    support = matches / np.maximum(possible, weights[-1])
    density = (len(times) - 1) / (times[-1] - times[0])
    chance = np.minimum(density * widths * math.sqrt(2 * math.pi), 0.9)
    result: NDArray[np.float64] = np.clip((support - chance) / (1 - chance), 0, 1)
    return result


def _find_phrase_start(times: Sequence[float]) -> float:
    """Return the first onset after the last rest."""
    starts = [second for first, second in pairwise(times) if second - first >= REST_SECONDS]
    return starts[-1] if starts else times[0]


def _follow_back(times: Sequence[float], period: float) -> list[PlayedBeat]:
    """Return the onsets that are on a beat, the last one first."""
    beats = [PlayedBeat(0, times[-1])]
    for time in reversed(times[:-1]):
        number, previous = beats[-1]
        steps = round((previous - time) / period)
        error = previous - time - steps * period
        if steps and abs(error) < MAX_ERROR * period:
            beats.append(PlayedBeat(number - steps, time))
            period += GAIN * error / steps
    return beats


def _fit_beat(beats: Sequence[PlayedBeat], start: float) -> Beat | None:
    """Return the line through the last beats, with numbers from the begin of the phrase; None without a tempo."""
    coverage = len(beats) / (1 - beats[-1].number)
    if len(beats) < MIN_ONSETS - 1 or coverage < MIN_COVERAGE:
        return None
    last = beats[:NUM_FITTED]
    period, time = linear_regression([beat.number for beat in last], [beat.time for beat in last])
    if not 60 / MAX_TEMPO <= period <= 60 / MIN_TEMPO:
        period = min(max(period, 60 / MAX_TEMPO), 60 / MIN_TEMPO)
    in_phrase = [beat.number for beat in beats if beat.time >= start]
    return Beat(time, period, -min(in_phrase, default=0))
