"""A model that improvises: the next note, given all notes that were played and the current controls.

A note is pending until it is due; only then the model reads it. So a pending note can be drawn again when a control
changes or a person plays, given that no note came until then. The model never reads a note that was not played.

Modes:

- `solo`: the model continues the prompt and ignores the person.
- `call-response`: the person plays a phrase; after a time of silence the model responds for as long as the phrase
  lasted. It stops when the person plays again. Before a response it reads all notes again as they were played.
- `accompany`: both play at the same time. The model reads a note of the person at its note on, with a moving average
  of durations in place of the duration, which is not known yet.

A person may give a turn by hand or foot (`turn_switch`). "Your turn" starts a response at once; "my turn" ends it, and in
the other modes the model rests until "your turn". While hold is on, a turn neither begins nor ends by itself.

Other threads may set `mode` and `controls`, use `turn_switch` and call `recent_notes`; all else is for the thread that
draws notes.
"""

from collections import deque
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.config.schema import SamplingConfig
from pipeline.generation.engine import Engine
from pipeline.generation.sampling import MIN_MASS, Sampler
from pipeline.generation.step_heads import Distributions
from pipeline.live.call_response import Phrase
from pipeline.live.clock_follower import FreeTime, TimeKeeper
from pipeline.live.controls import Controls
from pipeline.live.note_source import PendingNote, from_quantized, to_quantized
from pipeline.live.turn_switch import Turn, TurnSwitch
from pipeline.notes.note import PEDAL_UP
from pipeline.notes.quantize import (
    GRID_SIZE,
    VELOCITY,
    QuantizedNotes,
    add_pedal_column,
    make_note,
)

Mode = Literal["solo", "call-response", "accompany"]
CONTEXT_NOTES = 512
"""Notes that the model reads before a response."""
LIMIT_CONTEXT = 256
"""Notes that a new sampler reads for its limits, unless more may start in a second."""
DEFAULT_MAX_POLYPHONY, DEFAULT_MAX_NOTES_PER_SECOND = 32, 64
"""Limits where none are set: a faulty model must not flood a synthesizer."""


def mask_before(probs: NDArray[np.float64], min_step: int) -> NDArray[np.float64]:
    """Return probabilities of steps [1001] that are 0 below `min_step` cells; all of it at `min_step` if none remains."""
    if min_step <= 0 and probs.any():
        return probs
    min_step = min(max(min_step, 0), GRID_SIZE - 1)
    kept = probs.copy()
    kept[:min_step] = 0
    if kept.sum() < MIN_MASS:
        kept[min_step] = 1
    return kept


class Improviser:
    """A source of notes for a player."""

    def __init__(
        self, engine: Engine, controls: Controls, prompt: QuantizedNotes, rng: np.random.Generator
    ) -> None:
        """Read a prompt and start in mode `solo`.

        Args:
            engine: the model.
            controls: current sampling configuration and tempo.
            prompt: quantized notes [N, 5], at least one; the last starts at cell 0.
            rng: draws the notes.
        """
        prompt = add_pedal_column(prompt)
        self.engine = engine
        self.controls = controls
        self.rng = rng
        self.mode: Mode = "solo"
        self.phrase = Phrase()
        """Notes of the person since the last response."""
        self.time_keeper: TimeKeeper = FreeTime()
        """Where responses begin, when the model rests, and a factor of the tempo."""
        self.turn_switch = TurnSwitch()
        self.requested_turn: Turn | None = None
        """Turn that a person gave: a response that has not begun yet, or a rest of the model."""
        self.notes_left: int | None = None
        """Number of notes until the end; None for no end."""
        self.history: deque[PendingNote] = deque(maxlen=CONTEXT_NOTES)
        """Notes of both that were played, in the order in which the model read them."""
        self.last_onset = 0
        """Onset of the note that the model read last [cells]."""
        self.pending: PendingNote | None = None
        """The next note, if it is drawn."""
        self.quantized_note: QuantizedNotes = prompt[-1]
        """The pending note as the model will read it."""
        self.sampler_settings: tuple[SamplingConfig, Mode] | None = None
        """Configuration and mode for which the sampler was made."""
        self.silent_until_floor = True
        """Whether no note can come before the floor of `peek`."""
        self.starts_response = False
        """Whether the next note is the first of a response."""
        self.response_start = 0
        """Cell at which the last response began."""
        self.read_notes: list[PendingNote] | None = None
        """The notes that the engine has read for a response that has not begun, all that it knows; None if there are none."""
        self.history.extend(from_quantized(prompt))
        self.mean_velocity = int(prompt[:, VELOCITY].mean())
        limits = engine.time_limits
        self.time_limits = limits and limits.include(prompt)
        """Longest times of a note of the model; None is no limit."""
        self.engine.reset()
        self.engine.feed(prompt)

    @property
    def reads_pedal(self) -> bool:
        """Whether the model reads where the pedal is, and when keys come up."""
        return self.engine.config.model_pedal

    @property
    def tempo(self) -> float:
        """Music time per clock time."""
        return self.controls.tempo * self.time_keeper.tempo_factor

    @property
    def done(self) -> bool:
        """Whether there are no more notes."""
        return self.notes_left == 0

    @property
    def is_responding(self) -> bool:
        """Whether it is the model's turn."""
        return self.mode != "call-response" or self.phrase.response_end is not None

    def peek(self, floor: int) -> PendingNote | None:
        """Return the next note without reading it; see `NoteSource.peek`."""
        if self.done or self.time_keeper.is_stopped or not self._update_turn(floor):
            self.pending = None
            self.silent_until_floor = True
            return None
        settings = (self.controls.sampling_config, self.mode)
        if self.sampler_settings != settings:
            self._discard_pending()
            self.sampler_settings = settings
            self.sampler = self._make_sampler(settings[0])
        if self.pending is None:
            self.pending = self._sample_note(floor)
        return self.pending

    def commit(self) -> None:
        """Read the pending note."""
        assert self.pending is not None
        self.engine.feed(self.quantized_note[None])
        self.history.append(self.pending)
        self.last_onset = self.pending.onset
        self.pending = None
        self.silent_until_floor = False
        self.starts_response = False
        if self.notes_left is not None:
            self.notes_left -= 1

    def note_on(self, cell: int, pitch: int, velocity: int, pedal: int = PEDAL_UP) -> bool:
        """Start a note of the person; return whether it interrupts a response."""
        pedal = pedal if self.reads_pedal else PEDAL_UP
        self.phrase.note_on(cell, pitch, velocity, pedal)
        if self.mode == "accompany":
            self._keep_read_notes()
            onset = max(cell, self.last_onset)
            note = PendingNote(onset, self.phrase.typical_duration, pitch, velocity, pedal)
            self._feed_human_note(note)
        if self.turn_switch.is_held:
            return False
        is_interrupted = self.phrase.response_end is not None
        self.phrase.response_end = None
        return is_interrupted

    def note_off(self, cell: int, pitch: int, key_up: int) -> None:
        """End a note of the person: a model of the pedal reads when the key came up, another model how long it sounded."""
        self.phrase.note_off(cell, pitch, key_up if self.reads_pedal else cell)

    def end_turn(self) -> None:
        """Drop the phrase and the response; only mode `call-response` waits for the person then."""
        self.phrase.clear()

    def cut_at(self, cell: int) -> None:
        """Drop the notes after a cell, which were not played, and end the others at it."""
        played = [note for note in self.history if note.onset <= cell]
        cut = [note._replace(duration=min(note.duration, cell - note.onset)) for note in played]
        self.history = deque(cut, maxlen=CONTEXT_NOTES)
        self._discard_pending()

    def recent_notes(self) -> QuantizedNotes:
        """Return the last notes of both performers, quantized [N, 5], in order of time."""
        return to_quantized(sorted(self.history))

    def _update_turn(self, floor: int) -> bool:
        """Start a response if it is time for one; return whether it is the model's turn."""
        self._handle_turn_request()
        if self.mode != "call-response":
            self._keep_read_notes()
            self.phrase.clear()
            return self.requested_turn != "person"
        if self._continues_response(floor):
            return True
        if not self._may_respond(floor):
            return False
        self._read_all([*self.history, *self.phrase.notes])
        start = self.time_keeper.align_start(floor)
        if start is None:
            return False
        self.response_start = start
        self._start_response(self._take_phrase(start, floor))
        return True

    def _handle_turn_request(self) -> None:
        """Follow the turn that a person gave last, if one was given."""
        request = self.turn_switch.take_request()
        if request == "person":
            self.phrase.response_end = None
            self.requested_turn = request
        elif request == "model":
            self.requested_turn = None if self.phrase.response_end is not None else request

    def _continues_response(self, floor: int) -> bool:
        """Whether a response goes on."""
        if self.turn_switch.is_held:
            return self.phrase.response_end is not None
        return not self.phrase.is_response_over(floor)

    def _may_respond(self, floor: int) -> bool:
        """Whether the person gave the turn, or a phrase is over."""
        if self.requested_turn == "model":
            return True
        return not self.turn_switch.is_held and self.phrase.is_finished(floor, self.tempo)

    def _take_phrase(self, start: int, floor: int) -> list[PendingNote]:
        """Return the phrase to respond to, and start a response."""
        is_requested = self.requested_turn == "model"
        self.requested_turn = None
        if is_requested:
            return self.phrase.take(start, floor)
        return self.phrase.take_if_finished(start, self.tempo)

    def _start_response(self, phrase: list[PendingNote]) -> None:
        """Start a response, with the phrase read."""
        if phrase:
            self.mean_velocity = round(sum(note.velocity for note in phrase) / len(phrase))
        self._read_all([*self.history, *phrase])
        self._keep_read_notes()
        self.starts_response = True
        self._discard_pending()

    def _read_all(self, notes: list[PendingNote]) -> None:
        """Read the last of some notes anew, unless they are read.

        That takes longer than the look-ahead, so a response that waits for a beat has its phrase read before.
        """
        notes = sorted(notes[-CONTEXT_NOTES:])
        if notes != self.read_notes:
            self.engine.reset()
            self.engine.feed(to_quantized(notes))
            self.read_notes = notes

    def _keep_read_notes(self) -> None:
        """Make the notes that were read for a response the history: it begins, or the mode changed before its beat."""
        if self.read_notes is not None:
            self.history = deque(self.read_notes, maxlen=CONTEXT_NOTES)
            self.last_onset = self.read_notes[-1].onset
            self.read_notes = None

    def _feed_human_note(self, note: PendingNote) -> None:
        """Read a note of the person."""
        previous = PendingNote(self.last_onset, 0, 0, 0)  # the step counts from it
        self.engine.feed(to_quantized([previous, note])[1:])
        self.history.append(note)
        self.last_onset = note.onset
        self._discard_pending()

    def _discard_pending(self) -> None:
        """Let `peek` draw the next note again, not before its floor."""
        self.pending = None
        self.sampler_settings = None
        self.silent_until_floor = True

    def _make_sampler(self, config: SamplingConfig) -> Sampler:
        """Return a sampler that has read the last notes."""
        limits = {
            "max_polyphony": config.max_polyphony or DEFAULT_MAX_POLYPHONY,
            "max_notes_per_second": config.max_notes_per_second or DEFAULT_MAX_NOTES_PER_SECOND,
        }
        sampler = Sampler(self.rng, config.model_copy(update=limits), self.time_limits)
        num_notes = max(LIMIT_CONTEXT, config.max_notes_per_second)
        sampler.observe(self.recent_notes()[-num_notes:])
        return sampler

    def _sample_note(self, floor: int) -> PendingNote:
        """Draw the next note."""
        if self.starts_response:
            floor = max(floor, self.response_start)
        self.min_step = floor - self.last_onset if self.silent_until_floor else 0
        self.sampler.earliest_step = min(max(self.min_step, 0), GRID_SIZE - 1)
        note = make_note(self.mean_velocity)
        distributions = self.engine.iterate_distributions(note, self.sampler.recall_bonus)
        self.quantized_note = self.sampler.sample_note(self._shift_step(distributions), note)
        step, duration, pitch, velocity, pedal = self.quantized_note.tolist()
        onset = self.last_onset + step
        if self.silent_until_floor:  # a step is 10 s at most, a rest may be longer
            onset = max(onset, floor)
        return PendingNote(onset, duration, pitch, velocity, pedal)

    def _shift_step(self, distributions: Distributions) -> Distributions:
        """Forbid steps below the smallest; the first note of a response has the smallest."""
        for name, probs in distributions:
            if name == "step":
                steps = np.zeros_like(probs) if self.starts_response else probs
                yield name, mask_before(steps, self.min_step)
            else:
                yield name, probs
