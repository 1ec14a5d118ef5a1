"""The tempo of a person is estimated once for each note, shown when it is sure, and not used when it is old."""

from collections import deque

import numpy as np
import pytest

from pipeline.live import person_tempo
from pipeline.live.beat_tracking import estimate_beat
from pipeline.live.person_tempo import STALE_SECONDS, PersonTempo


def make_tempo(tempo=100, count=8):
    """Return the tempo of a person who plays beats, and its lines."""
    lines = []
    onsets = deque(np.arange(count) * 60 / tempo)
    return PersonTempo(onsets, lines.append), lines


def test_the_next_beat_is_one_of_the_person():
    tempo, _ = make_tempo()
    assert tempo.find_next_beat(5.0, 1) == pytest.approx(5.4)
    assert tempo.find_next_beat(5.0, 4) == pytest.approx(7.2)


def test_an_old_beat_is_none():
    tempo, _ = make_tempo()
    last = tempo.onsets[-1]
    assert tempo.find_next_beat(last + STALE_SECONDS - 0.1, 1) is not None
    assert tempo.find_next_beat(last + STALE_SECONDS + 0.1, 1) is None


def test_without_notes_there_is_no_beat_and_nothing_is_shown():
    tempo, lines = make_tempo(count=0)
    tempo.report()
    assert tempo.find_next_beat(1.0, 1) is None
    assert lines == []


def test_a_tempo_is_shown_when_two_reports_agree_and_when_it_changes():
    tempo, lines = make_tempo(100)
    tempo.report()
    assert lines == []
    for _ in range(3):
        tempo.report()
    assert lines == ["your tempo: 100 beats a minute"]
    last = tempo.onsets[-1]
    tempo.onsets.extend(last + np.arange(1, 13) * 60 / 80)
    for _ in range(3):
        tempo.report()
    assert lines[1:] == ["your tempo: 80 beats a minute"]


def test_a_beat_is_estimated_once_for_each_note(monkeypatch):
    tempo, _ = make_tempo()
    calls = []
    monkeypatch.setattr(
        person_tempo, "estimate_beat", lambda onsets: [calls.append(1), estimate_beat(onsets)][1]
    )
    for time in (5.0, 5.1, 5.2):
        tempo.find_next_beat(time, 1)
    assert len(calls) == 1
    tempo.onsets.append(4.8)
    tempo.find_beat()
    assert len(calls) == 2
