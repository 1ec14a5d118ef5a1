"""A model answers a phrase as it would in the live session, and what is no phrase is refused."""

import json
from pathlib import Path

import numpy as np
import pytest
from factories import UNCONSTRAINED, make_tiny_model
from studio.conftest import Studio
from studio.test_app import get
from studio.test_live_engine import broken

from pipeline.core.errors import PipelineError
from pipeline.live.controls import Controls
from pipeline.live.recorder import MODEL
from pipeline.models import model_io
from pipeline.models.model_io import TrainedModel
from pipeline.studio import catalog, comparison
from pipeline.studio.comparison import AnswerRequest, PhraseNote, answer_phrase, parse_request
from pipeline.studio.messages import ClientError

PHRASE = [
    PhraseNote(onset=0.0, duration=0.4, pitch=60, velocity=80),
    PhraseNote(onset=0.5, duration=0.4, pitch=64, velocity=80),
    PhraseNote(onset=3.5, duration=0.5, pitch=67, velocity=80),
]
"""With a rest that is longer than the one that ends a phrase."""


@pytest.fixture(scope="module")
def maestro() -> TrainedModel:
    return catalog.load_by_name("maestro")[1]


def answer(model: TrainedModel, tempo: float = 1.0, seed: int = 0) -> list[tuple[float, int]]:
    """Return onset and pitch of the notes of an answer."""
    controls = Controls(UNCONSTRAINED, tempo)
    recording = answer_phrase(model, PHRASE, controls, np.random.default_rng(seed))
    rows = sorted(recording.rows_since(0), key=lambda row: row.onset)
    assert {row.performer for row in rows} <= {MODEL}
    return [(row.onset, row.pitch) for row in rows]


@pytest.mark.slow
def test_an_answer_begins_with_its_first_note_and_is_as_long_as_the_phrase(
    maestro: TrainedModel,
) -> None:
    onsets = [onset for onset, _ in answer(maestro)]
    assert onsets[0] == 0.0
    assert len(onsets) >= 4
    assert 2.0 < onsets[-1] <= 4.0 + 0.1


@pytest.mark.slow
def test_equal_seeds_give_equal_answers_and_the_phrase_counts(maestro: TrainedModel) -> None:
    assert answer(maestro) == answer(maestro)
    assert answer(maestro) != answer(maestro, seed=1)
    other = [note.model_copy(update={"pitch": note.pitch + 5}) for note in PHRASE]
    controls = Controls(UNCONSTRAINED)
    recording = answer_phrase(maestro, other, controls, np.random.default_rng(0))
    assert [row.pitch for row in recording.rows_since(0)] != [p for _, p in answer(maestro)]


def test_a_model_that_cannot_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog, "load_by_name", lambda name: (name, broken()))
    with pytest.raises(PipelineError, match=r"model 'mine' cannot answer .*choose another"):
        comparison.answer_request(
            AnswerRequest(model="mine", phrase=PHRASE), Controls(UNCONSTRAINED)
        )


SOUND = {
    "model": "maestro",
    "phrase": [{"onset": 0, "duration": 0.5, "pitch": 60, "velocity": 80}],
}


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"phrase": []}, "phrase"),
        ({"phrase": SOUND["phrase"] * 513}, "phrase"),
        ({"model": 1}, "model"),
        ({"more": 1}, "more"),
        (
            {"phrase": [{"onset": -1, "duration": 0.5, "pitch": 60, "velocity": 80}]},
            "phrase.0.onset",
        ),
        ({"phrase": [{"onset": 0, "duration": 1e9, "pitch": 60, "velocity": 80}]}, "duration"),
        ({"phrase": [{"onset": 0, "duration": 0.5, "pitch": 128, "velocity": 80}]}, "pitch"),
    ],
)
def test_what_is_no_phrase_is_refused(changes: dict[str, object], place: str) -> None:
    parse_request(json.dumps(SOUND).encode())
    with pytest.raises(ClientError, match=f"not a phrase: .*{place}.*reload the page"):
        parse_request(json.dumps(SOUND | changes).encode())


@pytest.mark.parametrize("data", [b"", b"[]", b"\xff", b'{"model": NaN}'])
def test_noise_is_no_phrase(data: bytes) -> None:
    with pytest.raises(ClientError, match="not a phrase"):
        parse_request(data)


@pytest.mark.slow
def test_a_page_gets_the_answers_of_any_model_of_the_list(studio: Studio) -> None:
    model_io.save_model(make_tiny_model(stateful=True), Path("models/mine"))
    for name in ("maestro", "mine"):
        status, text = get(studio, "/answers", json.dumps(SOUND | {"model": name}).encode())
        assert status == 200
        notes = json.loads(text)["notes"]
        assert notes[0]["onset"] == 0
        assert {note["performer"] for note in notes} == {"model"}
    for name in ("../maestro", "nobody"):
        status, text = get(studio, "/answers", json.dumps(SOUND | {"model": name}).encode())
        assert status == 400
        assert b"no model of that name" in text
