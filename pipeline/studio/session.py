"""The room: one model that plays, and the pages that look in; they share what is played, and each may play.

The music stops when the last page leaves, and what a page holds is let go when it leaves. All of this runs in the event
loop of the server; what takes long is done in a thread, one change of the band at a time.
"""

import asyncio
import time
from itertools import count

from pipeline.config.schema import Sampling
from pipeline.core.errors import PipelineError
from pipeline.generation.constraints import ACCIDENTALS, CHROMATIC, SCALES, TONICS
from pipeline.generation.generate import load_prompt
from pipeline.live.controls import Controls
from pipeline.live.improviser import Mode
from pipeline.models.model_io import TrainedModel
from pipeline.notes.quantize import QuantizedNotes
from pipeline.studio import catalog
from pipeline.studio.client_queue import Frame, Outbox, write
from pipeline.studio.live_engine import Band, Stage
from pipeline.studio.messages import WishError
from pipeline.studio.recording import Take

MOST_PAGES = 8
"""Pages at once."""
KEYS = [CHROMATIC, *(f"{tonic}{sign} {scale}" for tonic in TONICS for sign in ACCIDENTALS for scale in SCALES)]


class Room:
    """What the pages share."""

    def __init__(self, name: str, how: Sampling) -> None:
        """Open.

        Args:
            name: of the model to begin with, as of `library.choose`.
            how: sampling to begin with.

        Raises:
            PipelineError: there is no such model, it is damaged or cannot start.
        """
        self.name, self.model = catalog.choose(name)
        self.stage = Stage(self.tell, Controls(how), Take())
        self.prompt = load_prompt(None)
        self._ready(self.name, self.model, self.prompt)
        self.band: Band | None = None
        self.pages: dict[int, Outbox] = {}
        self.held: dict[int, set[int]] = {}
        """Pages and the pitches of the keys they hold."""
        self.numbers = count(1)
        self.changing = asyncio.Lock()

    def tell(self, frame: Frame) -> None:
        """Send a frame to all pages; from any thread, at once."""
        text = write(frame)
        for box in list(self.pages.values()):
            box.put(text)

    def state(self) -> Frame:
        """Return all that a page must know of the room."""
        stage = self.stage
        return {
            "type": "state",
            "models": {entry.name: entry.about for entry in catalog.shelf().values()},
            "model": self.name,
            "mode": stage.mode,
            "playing": stage.playing,
            "recording": stage.take.recording,
            "notes": len(stage.take),
            "values": self.values(),
        }

    def values(self) -> Frame:
        """Return where the controls stand."""
        return {**self.stage.live.how.model_dump(), "tempo": self.stage.live.tempo, "rest": self.stage.rest}

    async def join(self, box: Outbox) -> int:
        """Let a page in; the first one begins the music. Returns its number.

        Raises:
            PipelineError: there are too many pages, or the model cannot start; the page is not in.
        """
        if len(self.pages) >= MOST_PAGES:
            raise WishError(f"{MOST_PAGES} pages are open already; close one")
        page = next(self.numbers)
        box.put(write({**self.state(), "type": "hello", "page": page, "keys": KEYS, "now": time.monotonic()}))
        self.pages[page], self.held[page] = box, set()
        try:
            async with self.changing:
                if self.band is None:
                    await self._change(self.name, self.model, self.prompt)
        except BaseException:  # a page that goes meanwhile is cancelled
            await self.leave(page)
            raise
        return page

    async def leave(self, page: int) -> None:
        """Let a page go; with the last one the music ends."""
        self.pages.pop(page, None)
        for pitch in self.held.get(page, set()).copy():
            self.lift(page, pitch)
        self.held.pop(page, None)
        async with self.changing:
            if not self.pages:
                await self._end()
                self.prompt = load_prompt(None)

    async def exchange(self, name: str) -> None:
        """Play on with another model.

        Raises:
            PipelineError: there is no such model, it is damaged or cannot start; the old one plays on.
        """
        await asyncio.shield(self._exchange(name))  # the page may go meanwhile, others stay

    async def _exchange(self, name: str) -> None:
        async with self.changing:
            found = await asyncio.to_thread(catalog.choose, name)
            await self._change(*found, self.band.source.past() if self.band else self.prompt)
        self.tell(self.state())

    async def play_on(self, prompt: QuantizedNotes) -> None:
        """Play on from other music, codes [N, 4].

        Raises:
            PipelineError: the model cannot start after it; what was there plays on.
        """
        async with self.changing:
            await self._change(self.name, self.model, prompt, "continue")
        self.tell(self.state())

    async def close(self) -> None:
        """End all."""
        async with self.changing:
            await self._end()

    async def _change(self, name: str, model: TrainedModel, prompt: QuantizedNotes, mode: Mode | None = None) -> None:
        """Let a band play in place of the one there is, which goes on until the new one is ready; if someone is there.

        Raises:
            PipelineError: the model cannot start; nothing has changed.
        """
        band = await asyncio.to_thread(self._ready, name, model, prompt)
        await self._end()
        self.name, self.model, self.prompt = name, model, prompt
        if mode:
            self.stage.mode, self.stage.playing = mode, True
        if self.pages:
            band.start()
            self.band = band

    def _ready(self, name: str, model: TrainedModel, prompt: QuantizedNotes) -> Band:
        """Return a band that can start.

        Raises:
            PipelineError: the model cannot start.
        """
        try:
            return Band(model, self.stage, prompt)
        except Exception as error:  # weights of others fail in any way
            fault = f"{type(error).__name__}: {error}"
            raise PipelineError(f"the model {name!r} cannot start ({fault}); choose another") from error

    async def _end(self) -> None:
        """Let the band end."""
        band, self.band = self.band, None
        if band:
            await asyncio.to_thread(band.stop)

    def strike(self, page: int, pitch: int, velocity: int) -> None:
        """Strike a key for a page."""
        self.held[page].add(pitch)
        if self.band:
            self.band.player.strike(pitch, velocity)

    def lift(self, page: int, pitch: int) -> None:
        """Let go of a key for a page, unless another holds it too."""
        self.held[page].discard(pitch)
        if self.band and not any(pitch in keys for keys in self.held.values()):
            self.band.player.lift(pitch)
