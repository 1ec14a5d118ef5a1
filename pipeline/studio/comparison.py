"""A model answers a phrase offline, so that a page can play the answers of two models to the same phrase in turn.

The answer is what the model would play in mode `call-response` after its first note, by the same code and in the same time; only
the clock is simulated.
"""

from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipeline.config.schema import Pitch
from pipeline.core.errors import PipelineError, find_first_error
from pipeline.generation.engine import Engine
from pipeline.generation.generate import load_prompt
from pipeline.live import midi_ports
from pipeline.live.call_response import MAX_RESPONSE_CELLS
from pipeline.live.controls import Controls
from pipeline.live.improviser import Improviser
from pipeline.live.player import Player
from pipeline.live.recorder import MODEL, Recorder
from pipeline.live.timeline import SimulatedClock
from pipeline.models.model_io import TrainedModel
from pipeline.notes.quantize import GRID_SECONDS
from pipeline.studio import catalog
from pipeline.studio.messages import ClientError, Velocity

MAX_PHRASE_NOTES = 512
MAX_PHRASE_SECONDS = 600.0
STEP_SECONDS = 0.01
"""Seconds between two looks at the clock."""
LAST_NOTE_SECONDS = 15.0
"""Seconds after the longest answer in which its last notes end."""


class PhraseNote(BaseModel):
    """A note of a person; times in seconds from the start of the phrase."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    onset: Annotated[float, Field(ge=0, le=MAX_PHRASE_SECONDS)]
    duration: Annotated[float, Field(ge=0, le=MAX_PHRASE_SECONDS)]
    pitch: Pitch
    velocity: Velocity


class AnswerRequest(BaseModel):
    """What a page asks for: which model is to answer which phrase."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    model: Annotated[str, Field(max_length=200)]
    phrase: Annotated[list[PhraseNote], Field(min_length=1, max_length=MAX_PHRASE_NOTES)]


def parse_request(data: bytes) -> AnswerRequest:
    """Parse the request of a page.

    Raises:
        ClientError: it is none; one line that does not repeat what was sent.
    """
    try:
        return AnswerRequest.model_validate_json(data)
    except ValidationError as error:
        invalid = find_first_error(error)
        raise ClientError(
            f"not a phrase: {invalid.key[:80]}: {invalid.message[:200]}; reload the page"
        ) from error


def answer_request(request: AnswerRequest, controls: Controls) -> Recorder:
    """Return the answer that a page asks for.

    Args:
        request: names the model.
        controls: as of `answer_phrase`.

    Raises:
        PipelineError: there is no such model, it is damaged or cannot play.
    """
    name, model = catalog.load_by_name(request.model)
    try:
        return answer_phrase(model, request.phrase, controls, np.random.default_rng())
    except Exception as error:  # foreign weights fail in any way
        cause = f"{type(error).__name__}: {error}"
        raise PipelineError(
            f"the model {name!r} cannot answer ({cause}); choose another"
        ) from error


def answer_phrase(
    model: TrainedModel, phrase: list[PhraseNote], controls: Controls, rng: np.random.Generator
) -> Recorder:
    """Return the answer of a model, with times from its first note.

    Args:
        model: that answers.
        phrase: at least one note.
        controls: how notes are drawn, and the tempo.
        rng: draws the notes.
    """
    clock, recorder = SimulatedClock(), Recorder()
    source = Improviser(Engine(model), controls, load_prompt(None), rng)
    source.mode = "call-response"
    player = Player(source, midi_ports.NullPort(), recorder, clock, clock.sleep)
    player.fill_queue()  # the tempo holds from here on
    _play_phrase(player, clock, phrase)
    _play_answer(player, clock, source)
    player.stop()
    return _select_answer(recorder)


def _play_phrase(player: Player, clock: SimulatedClock, phrase: list[PhraseNote]) -> None:
    """Press and release the keys of a phrase; a key comes up before it is pressed again."""
    presses = [(note.onset, 1, note.pitch, note.velocity) for note in phrase]
    releases = [(note.onset + note.duration, 0, note.pitch, 0) for note in phrase]
    for time, is_press, pitch, velocity in sorted(presses + releases):
        clock.now = time
        if is_press:
            player.note_on(pitch, velocity)
        else:
            player.note_off(pitch)
        player.fill_queue()


def _play_answer(player: Player, clock: SimulatedClock, source: Improviser) -> None:
    """Play until the answer has begun and its last note has ended."""
    longest = MAX_RESPONSE_CELLS * GRID_SECONDS / source.tempo + LAST_NOTE_SECONDS
    end = clock.now + source.phrase.response_delay + longest
    has_begun = False
    while clock.now < end:
        player.fill_queue()
        player.schedule.send_due()
        has_begun = has_begun or source.is_responding
        if has_begun and not source.is_responding and player.schedule.is_idle:
            return
        clock.sleep(STEP_SECONDS)


def _select_answer(recorder: Recorder) -> Recorder:
    """Return the notes of the model, with times from the first of them."""
    rows = [row for row in recorder.rows_since(0) if row.performer == MODEL]
    start = min((row.onset for row in rows), default=0.0)
    answer = Recorder()
    for row in rows:
        answer.add(MODEL, row.onset - start, row.duration, row.pitch, row.velocity)
    return answer
