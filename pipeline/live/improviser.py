"""A model that plays along: what to play next, after all that sounded and under what is set now.

A note is proposed, and stays a proposal until it is due: the model hears it only when it is accepted. So as long as it
does not sound, it can be drawn again when a control moves or a person plays, under what is known by then: that nothing
came up to this moment. The model never remembers what nobody heard.

Modes:

- `continue`: plays on by itself, from the music it was given, whatever a person plays.
- `duet`: call and response. It listens; after a rest it answers what it heard, for as long as that was, and falls
  silent at once when the person plays again. Before an answer it reads again all that truly sounded.
- `free`: plays on, and hears what a person plays along. A key is heard when it is struck, so its duration is a
  guess: the mean of those that came up lately.

All but the attributes `mode` and `live`, and `past`, is for one thread, that which draws notes.
"""

from collections import deque
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.config.schema import Sampling
from pipeline.generation.engine import Engine
from pipeline.generation.sampling import MIN_MASS, Sampler
from pipeline.live.call_response import Phrase
from pipeline.live.controls import Controls
from pipeline.live.note_source import Draft, codes_of, drafts_of
from pipeline.notes.quantize import GRID_SIZE, VELOCITY, QuantizedNotes

Mode = Literal["continue", "duet", "free"]
MEMORY = 512
"""Notes that are read again before an answer."""
COUNTED = 256
"""Notes that limits are counted from, unless more may start in a second."""
MOST_AT_ONCE, MOST_A_SECOND = 32, 64
"""Notes where no limit is set: a model gone wild must not swamp a synthesiser."""


def after(mass: NDArray[np.float64], least: int) -> NDArray[np.float64]:
    """Return masses of steps [1001] given a step of at least `least` cells; where none is left, just that."""
    if least <= 0 and mass.any():
        return mass
    least = min(max(least, 0), GRID_SIZE - 1)
    kept = mass.copy()
    kept[:least] = 0
    if kept.sum() < MIN_MASS:
        kept[least] = 1
    return kept


class Improviser:
    """A source of notes for a player."""

    def __init__(self, engine: Engine, live: Controls, prompt: QuantizedNotes, rng: np.random.Generator) -> None:
        """Begin after a prompt, in mode `continue`.

        Args:
            engine: the model.
            live: how notes are drawn now.
            prompt: codes [N, 4] of at least one note; the last of them stands at cell 0.
            rng: what chooses.
        """
        self.engine = engine
        self.live = live
        self.rng = rng
        self.mode: Mode = "continue"
        self.phrase = Phrase()
        """What a person plays."""
        self.notes_left: int | None = None
        """Notes that may still come; None is no limit."""
        self.heard: deque[Draft] = deque(maxlen=MEMORY)
        """What sounded, the person's notes too, in the order the model heard it."""
        self.last = 0
        """Onset of the note heard last [cells]."""
        self.draft: Draft | None = None
        self.code: QuantizedNotes = prompt[-1]
        self.drawn_for: tuple[Sampling, Mode] | None = None
        """What was set when the sampler was made."""
        self.waited = True
        """Whether it is known that no note came up to the floor."""
        self.first = False
        """Whether the next note begins an answer."""
        self.heard.extend(drafts_of(prompt))
        self.velocity = int(prompt[:, VELOCITY].mean())
        self.engine.reset()
        self.engine.feed(prompt)

    @property
    def tempo(self) -> float:
        """Music time per clock time."""
        return self.live.tempo

    @property
    def done(self) -> bool:
        """Whether no note will come any more."""
        return self.notes_left == 0

    @property
    def answering(self) -> bool:
        """Whether it is the model's turn."""
        return self.mode != "duet" or self.phrase.until is not None

    def propose(self, floor: int) -> Draft | None:
        """Return the next note without hearing it; see `drafts.Source`."""
        if self.done or not self._my_turn(floor):
            self.draft, self.waited = None, True
            return None
        if self.drawn_for != (wanted := (self.live.how, self.mode)):
            self._forget()
            self.drawn_for, self.sampler = wanted, self._sampler()
        if self.draft is None:
            self.draft = self._draw(floor)
        return self.draft

    def accept(self) -> None:
        """Hear the note that was proposed last."""
        assert self.draft is not None
        self.engine.feed(self.code[None])
        self.heard.append(self.draft)
        self.last, self.draft, self.waited, self.first = self.draft.onset, None, False, False
        if self.notes_left is not None:
            self.notes_left -= 1

    def strike(self, cell: int, pitch: int, velocity: int) -> bool:
        """Hear a key; return whether an answer is interrupted."""
        self.phrase.strike(cell, pitch, velocity)
        if self.mode == "free":
            self._listen(Draft(max(cell, self.last), self.phrase.usual, pitch, velocity))
        interrupted, self.phrase.until = self.phrase.until is not None, None
        return interrupted

    def lift(self, cell: int, pitch: int) -> None:
        """Know that a key came up."""
        self.phrase.lift(cell, pitch)

    def silenced(self, cell: int) -> None:
        """Forget the notes that did not sound, and know where the others ended."""
        kept = [note for note in self.heard if note.onset <= cell]
        cut = [note._replace(duration=min(note.duration, max(cell - note.onset, 0))) for note in kept]
        self.heard = deque(cut, maxlen=MEMORY)
        self._forget()

    def past(self) -> QuantizedNotes:
        """Return the notes that sounded lately, codes [N, 4], of both players."""
        return codes_of(sorted(self.heard))

    def _my_turn(self, floor: int) -> bool:
        """Whether to play; begins answers."""
        if self.mode != "duet":
            self.phrase.forget()
            return True
        if self.phrase.answered(floor) and (phrase := self.phrase.finished(floor, self.tempo)):
            self._answer(phrase)
        return not self.phrase.answered(floor)

    def _answer(self, phrase: list[Draft]) -> None:
        """Read again all that sounded, with the phrase, and begin an answer."""
        self.heard.extend(phrase)
        past = sorted(self.heard)
        self.velocity = round(sum(note.velocity for note in phrase) / len(phrase))
        self.engine.reset()
        self.engine.feed(codes_of(past))
        self.last, self.first = past[-1].onset, True
        self._forget()

    def _listen(self, note: Draft) -> None:
        """Hear a note that a person plays along."""
        self.engine.feed(codes_of([Draft(self.last, 0, 0, 0), note])[1:])
        self.heard.append(note)
        self.last = note.onset
        self._forget()

    def _forget(self) -> None:
        """Draw the next note again, from now on."""
        self.draft, self.drawn_for, self.waited = None, None, True

    def _sampler(self) -> Sampler:
        """Return a sampler of what is set now, which knows what sounded."""
        how = self.live.how
        limits = {"polyphony": how.polyphony or MOST_AT_ONCE, "density": how.density or MOST_A_SECOND}
        sampler = Sampler(self.rng, how.model_copy(update=limits))
        sampler.observe(self.past()[-max(COUNTED, how.density) :])
        return sampler

    def _draw(self, floor: int) -> Draft:
        """Draw the next note."""
        self.least = floor - self.last if self.waited else 0
        assert self.engine.hidden is not None  # the prompt was heard
        self.code = self.engine.heads.sample(self.engine.hidden, self._choose, self.velocity)
        step, duration, pitch, velocity = self.code.tolist()
        # A step is 10 s at most, a rest may be longer.
        return Draft(max(self.last + step, floor if self.waited else 0), duration, pitch, velocity)

    def _choose(self, head: str, mass: NDArray[np.float64]) -> int:
        """Choose a part of the next note: not before what is decided, and the first of an answer just then."""
        if head == "step":
            mass = after(np.zeros_like(mass) if self.first else mass, self.least)
        return self.sampler.sample(head, mass)
