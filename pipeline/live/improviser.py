"""A model that plays along: what to play next, after all that sounded and under what is set now.

A note is proposed, and stays a proposal until it is due: the model hears it only when it is accepted. So as long as it
does not sound, it can be drawn again when a control moves or a person plays, under what is known by then: that nothing
came up to this moment. The model never remembers what nobody heard.

Modes:

- `solo`: plays on by itself, from the music it was given, whatever a person plays.
- `call-response`: call and response. It listens; after a rest it answers what it heard, for as long as that was, and falls
  silent at once when the person plays again. Before an answer it reads again all that truly sounded.
- `accompany`: plays on, and hears what a person plays along. A key is heard when it is struck, so its duration is a
  guess: the mean of those that came up lately.

All but the attributes `mode` and `live`, and `past`, is for one thread, that which draws notes.
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
from pipeline.live.controls import Controls
from pipeline.live.note_source import PendingNote, from_quantized, to_quantized
from pipeline.notes.quantize import GRID_SIZE, VELOCITY, QuantizedNotes

Mode = Literal["solo", "call-response", "accompany"]
CONTEXT_NOTES = 512
"""Notes that are read again before an answer."""
LIMIT_CONTEXT = 256
"""Notes that limits are counted from, unless more may start in a second."""
DEFAULT_MAX_POLYPHONY, DEFAULT_MAX_NOTES_PER_SECOND = 32, 64
"""Notes where no limit is set: a model gone wild must not swamp a synthesiser."""


def mask_before(probs: NDArray[np.float64], min_step: int) -> NDArray[np.float64]:
    """Return masses of steps [1001] given a step of at least `least` cells; where none is left, just that."""
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
        """Begin after a prompt, in mode `solo`.

        Args:
            engine: the model.
            controls: how notes are drawn now.
            prompt: codes [N, 4] of at least one note; the last of them stands at cell 0.
            rng: what chooses.
        """
        self.engine = engine
        self.controls = controls
        self.rng = rng
        self.mode: Mode = "solo"
        self.phrase = Phrase()
        """What a person plays."""
        self.notes_left: int | None = None
        """Notes that may still come; None is no limit."""
        self.history: deque[PendingNote] = deque(maxlen=CONTEXT_NOTES)
        """What sounded, the person's notes too, in the order the model heard it."""
        self.last_onset = 0
        """Onset of the note heard last [cells]."""
        self.pending: PendingNote | None = None
        self.quantized_note: QuantizedNotes = prompt[-1]
        self.sampler_settings: tuple[SamplingConfig, Mode] | None = None
        """What was set when the sampler was made."""
        self.silent_until_floor = True
        """Whether it is known that no note came up to the floor."""
        self.starts_response = False
        """Whether the next note begins an answer."""
        self.history.extend(from_quantized(prompt))
        self.mean_velocity = int(prompt[:, VELOCITY].mean())
        self.engine.reset()
        self.engine.feed(prompt)

    @property
    def tempo(self) -> float:
        """Music time per clock time."""
        return self.controls.tempo

    @property
    def done(self) -> bool:
        """Whether no note will come any more."""
        return self.notes_left == 0

    @property
    def is_responding(self) -> bool:
        """Whether it is the model's turn."""
        return self.mode != "call-response" or self.phrase.response_end is not None

    def peek(self, floor: int) -> PendingNote | None:
        """Return the next note without hearing it; see `drafts.Source`."""
        if self.done or not self._check_turn(floor):
            self.pending, self.silent_until_floor = None, True
            return None
        if self.sampler_settings != (wanted := (self.controls.sampling_config, self.mode)):
            self._discard_pending()
            self.sampler_settings, self.sampler = wanted, self._make_sampler()
        if self.pending is None:
            self.pending = self._sample_note(floor)
        return self.pending

    def commit(self) -> None:
        """Hear the note that was proposed last."""
        assert self.pending is not None
        self.engine.feed(self.quantized_note[None])
        self.history.append(self.pending)
        self.last_onset, self.pending, self.silent_until_floor, self.starts_response = (
            self.pending.onset,
            None,
            False,
            False,
        )
        if self.notes_left is not None:
            self.notes_left -= 1

    def note_on(self, cell: int, pitch: int, velocity: int) -> bool:
        """Hear a key; return whether an answer is interrupted."""
        self.phrase.note_on(cell, pitch, velocity)
        if self.mode == "accompany":
            self._feed_human_note(
                PendingNote(
                    max(cell, self.last_onset), self.phrase.typical_duration, pitch, velocity
                )
            )
        interrupted, self.phrase.response_end = self.phrase.response_end is not None, None
        return interrupted

    def note_off(self, cell: int, pitch: int) -> None:
        """Know that a key came up."""
        self.phrase.note_off(cell, pitch)

    def end_turn(self) -> None:
        """Drop the phrase and the response; only mode `call-response` waits for the person then."""
        self.phrase.clear()

    def cut_at(self, cell: int) -> None:
        """Forget the notes that did not sound, and know where the others ended."""
        kept = [note for note in self.history if note.onset <= cell]
        cut = [
            note._replace(duration=min(note.duration, max(cell - note.onset, 0))) for note in kept
        ]
        self.history = deque(cut, maxlen=CONTEXT_NOTES)
        self._discard_pending()

    def recent_notes(self) -> QuantizedNotes:
        """Return the notes that sounded lately, codes [N, 4], of both players."""
        return to_quantized(sorted(self.history))

    def _check_turn(self, floor: int) -> bool:
        """Whether to play; begins answers."""
        if self.mode != "call-response":
            self.phrase.clear()
            return True
        if self.phrase.is_response_over(floor) and (
            phrase := self.phrase.take_if_finished(floor, self.tempo)
        ):
            self._start_response(phrase)
        return not self.phrase.is_response_over(floor)

    def _start_response(self, phrase: list[PendingNote]) -> None:
        """Read again all that sounded, with the phrase, and begin an answer."""
        self.history.extend(phrase)
        past = sorted(self.history)
        self.mean_velocity = round(sum(note.velocity for note in phrase) / len(phrase))
        self.engine.reset()
        self.engine.feed(to_quantized(past))
        self.last_onset, self.starts_response = past[-1].onset, True
        self._discard_pending()

    def _feed_human_note(self, note: PendingNote) -> None:
        """Hear a note that a person plays along."""
        self.engine.feed(to_quantized([PendingNote(self.last_onset, 0, 0, 0), note])[1:])
        self.history.append(note)
        self.last_onset = note.onset
        self._discard_pending()

    def _discard_pending(self) -> None:
        """Draw the next note again, from now on."""
        self.pending, self.sampler_settings, self.silent_until_floor = None, None, True

    def _make_sampler(self) -> Sampler:
        """Return a sampler of what is set now, which knows what sounded."""
        how = self.controls.sampling_config
        limits = {
            "max_polyphony": how.max_polyphony or DEFAULT_MAX_POLYPHONY,
            "max_notes_per_second": how.max_notes_per_second or DEFAULT_MAX_NOTES_PER_SECOND,
        }
        sampler = Sampler(self.rng, how.model_copy(update=limits))
        sampler.observe(self.recent_notes()[-max(LIMIT_CONTEXT, how.max_notes_per_second) :])
        return sampler

    def _sample_note(self, floor: int) -> PendingNote:
        """Draw the next note."""
        self.min_step = floor - self.last_onset if self.silent_until_floor else 0
        note = [0, 0, 0, self.mean_velocity]
        distributions = self._shift_step(self.engine.iterate_distributions(note))
        self.quantized_note = self.sampler.sample_note(distributions, note)
        step, duration, pitch, velocity = self.quantized_note.tolist()
        # A step is 10 s at most, a rest may be longer.
        return PendingNote(
            max(self.last_onset + step, floor if self.silent_until_floor else 0),
            duration,
            pitch,
            velocity,
        )

    def _shift_step(self, distributions: Distributions) -> Distributions:
        """Forbid steps before what is decided; the first note of a response comes as soon as it may."""
        for name, probs in distributions:
            if name == "step":
                steps = np.zeros_like(probs) if self.starts_response else probs
                yield name, mask_before(steps, self.min_step)
            else:
                yield name, probs
