"""The bits of a note are those that `score` would find."""

import threading
import time

import numpy as np
import pytest
from factories import make_quantized_notes, make_tiny_model

from pipeline.live.note_source import PendingNote, to_quantized
from pipeline.models import model_io, scoring
from pipeline.models.model_io import BUNDLED, TrainedModel
from pipeline.notes.quantize import DURATION, PITCH, STEP, VELOCITY
from pipeline.studio.client_queue import ServerMessage
from pipeline.studio.surprisal import QUEUE_SIZE, Surprisal

MODELS = [
    lambda: model_io.load_model(BUNDLED / "maestro"),
    lambda: make_tiny_model(),
    lambda: make_tiny_model(stateful=True),
]


def drafts(count: int) -> list[PendingNote]:
    music = make_quantized_notes(3, count)
    onsets = np.cumsum(music[:, STEP], dtype=int).tolist()
    rows = zip(onsets, music.tolist(), strict=True)
    return sorted(
        PendingNote(onset, code[DURATION], code[PITCH], code[VELOCITY]) for onset, code in rows
    )


@pytest.mark.parametrize("make", MODELS)
def test_bits_are_those_of_scoring(make: object) -> None:
    model: TrainedModel = make()  # type: ignore[operator]
    notes = drafts(12)
    measured = Surprisal(model, lambda _: None)
    assert not measured.thread.is_alive()
    measured.start()
    wanted = scoring.score_pieces(model, [to_quantized(notes)], 1)[0][:, :3]
    for count in (2, 7, 12):
        found = measured.compute_bits(notes[:count])
        np.testing.assert_allclose(
            [found[head] for head in ("pitch", "step", "duration")], wanted[count - 2], atol=2e-3
        )
        assert found["total"] == pytest.approx(wanted[count - 2].sum(), abs=2e-3)
    measured.stop()


def test_it_tells_of_each_note_but_the_first_of_all() -> None:
    told: list[ServerMessage] = []
    measured, notes = Surprisal(make_tiny_model(), told.append), drafts(3)
    measured.start()
    for count in (1, 2, 3):
        measured.submit(count, notes[:count])
    measured.stop()
    assert [frame["number"] for frame in told] == [2, 3]


def test_who_asks_for_too_much_does_not_wait() -> None:
    hold, told = threading.Event(), list[ServerMessage]()

    def tell(frame: ServerMessage) -> None:
        hold.wait(10)
        told.append(frame)

    measured, notes = Surprisal(make_tiny_model(), tell), drafts(2)
    measured.start()
    begun = time.monotonic()
    for number in range(3 * QUEUE_SIZE):
        measured.submit(number, notes)
    assert time.monotonic() - begun < 2
    hold.set()
    measured.stop()
    assert len(told) < 2 * QUEUE_SIZE
