"""The bits of a note are those that `score` would find."""

import threading
import time

import numpy as np
import pytest
from factories import make_quantized_notes, make_tiny_model

from pipeline.live.note_source import PendingNote, to_quantized
from pipeline.models import model_io, scoring
from pipeline.models.model_io import BUNDLED, TrainedModel
from pipeline.notes.quantize import DURATION, PITCH, SCORED_FEATURES, STEP, VELOCITY
from pipeline.studio.messages import NoteSurprisal, ServerMessage
from pipeline.studio.surprisal import QUEUE_SIZE, Surprisal

MODELS = [
    lambda: model_io.load_model(BUNDLED / "maestro"),
    lambda: make_tiny_model(),
    lambda: make_tiny_model(stateful=True),
]


def make_pending_notes(count: int) -> list[PendingNote]:
    music = make_quantized_notes(3, count)
    onsets = np.cumsum(music[:, STEP], dtype=int).tolist()
    rows = zip(onsets, music.tolist(), strict=True)
    return sorted(
        PendingNote(onset, code[DURATION], code[PITCH], code[VELOCITY]) for onset, code in rows
    )


@pytest.mark.parametrize("make", MODELS)
def test_bits_are_those_of_scoring(make: object) -> None:
    model: TrainedModel = make()  # type: ignore[operator]
    notes = make_pending_notes(12)
    surprisal = Surprisal(model, lambda _: None)
    assert not surprisal.thread.is_alive()
    surprisal.start()
    wanted = scoring.score_pieces(model, [to_quantized(notes)], 1)[0][:, :3]
    for count in (2, 7, 12):
        bits = surprisal.compute_bits(notes[:count])
        np.testing.assert_allclose(
            [bits[feature] for feature in SCORED_FEATURES], wanted[count - 2], atol=2e-3
        )
        assert bits["total"] == pytest.approx(wanted[count - 2].sum(), abs=2e-3)
    surprisal.stop()


def test_each_note_but_the_first_is_measured() -> None:
    sent: list[ServerMessage] = []
    surprisal, notes = Surprisal(make_tiny_model(), sent.append), make_pending_notes(3)
    surprisal.start()
    for count in (1, 2, 3):
        surprisal.submit(count, notes[:count])
    surprisal.stop()
    assert [message.note_id for message in sent if isinstance(message, NoteSurprisal)] == [2, 3]


def test_asking_for_more_than_can_be_measured_does_not_wait() -> None:
    may_send, sent = threading.Event(), list[ServerMessage]()

    def send(message: ServerMessage) -> None:
        may_send.wait(10)
        sent.append(message)

    surprisal, notes = Surprisal(make_tiny_model(), send), make_pending_notes(2)
    surprisal.start()
    start = time.monotonic()
    for number in range(3 * QUEUE_SIZE):
        surprisal.submit(number, notes)
    assert time.monotonic() - start < 2
    may_send.set()
    surprisal.stop()
    assert len(sent) < 2 * QUEUE_SIZE
