"""Responses of the studio begin on its beats, whatever the tempo."""

import numpy as np
import pytest
from factories import UNCONSTRAINED

from pipeline.generation.engine import Engine
from pipeline.generation.generate import load_prompt
from pipeline.live.clock_follower import Quantize
from pipeline.live.controls import Controls
from pipeline.live.improviser import Improviser
from pipeline.live.player import Player
from pipeline.live.recorder import MODEL, Recorder
from pipeline.live.timeline import SimulatedClock
from pipeline.studio import catalog
from pipeline.studio.beat_grid import BAR_CELLS, BEAT_CELLS, BeatGrid
from pipeline.studio.event_port import EventPort


def make_grid(quantize: Quantize, tempo: float = 1.0) -> BeatGrid:
    grid = BeatGrid(Controls(UNCONSTRAINED, tempo))
    grid.quantize = quantize
    return grid


def test_a_beat_is_half_a_second_at_tempo_1_and_a_bar_has_four() -> None:
    assert (BEAT_CELLS, BAR_CELLS) == (50, 200)


@pytest.mark.parametrize(
    ("quantize", "cell", "start"),
    [
        ("off", 101, 101),
        ("beat", 100, 100),
        ("beat", 101, None),
        ("beat", 144, None),
        ("beat", 145, 150),
        ("bar", 145, None),
        ("bar", 197, 200),
    ],
)
def test_a_response_begins_with_the_next_beat_or_bar(
    quantize: Quantize, cell: int, start: int | None
) -> None:
    assert make_grid(quantize).align_start(cell) == start


def test_the_faster_the_earlier_a_beat_is_prepared() -> None:
    assert make_grid("beat", tempo=4.0).align_start(130) == 150
    assert make_grid("beat", tempo=1.0).align_start(130) is None


@pytest.mark.slow
@pytest.mark.parametrize("tempo", [0.5, 1.0, 1.6])
def test_the_first_note_of_an_answer_is_on_the_bar(in_folder: object, tempo: float) -> None:
    """A bar lasts 2 s at tempo 1."""
    clock, controls, recorder = SimulatedClock(), Controls(UNCONSTRAINED, tempo), Recorder()
    model = catalog.load_by_name("maestro")[1]
    rng = np.random.default_rng(1)
    source = Improviser(Engine(model), controls, load_prompt(None), rng)
    grid = make_grid("bar", tempo)
    source.time_keeper, source.mode = grid, "call-response"
    player = Player(source, EventPort(lambda _: None), recorder, clock, clock.sleep)
    bar_seconds = 2.0 / tempo
    player.fill_queue()
    clock.sleep(0.3 * bar_seconds)
    player.note_on(60, 80)
    player.fill_queue()
    clock.sleep(0.1)
    player.note_off(60)
    while (
        clock.now < 4 * bar_seconds
    ):  # a note is recorded at its end, so the first one is not the first to be there
        player.fill_queue()
        player.schedule.send_due()
        clock.sleep(0.01)
    onset = float(recorder.collect_notes(MODEL)["onset"].min())
    assert onset > 0
    assert abs(onset / bar_seconds - round(onset / bar_seconds)) * bar_seconds < 0.011
