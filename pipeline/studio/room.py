"""The room: one model that plays, and the pages that look in; they share what is played, and each may play.

The music stops when the last page leaves, and what a page holds is let go when it leaves. All of this runs in the event
loop of the server; what takes long is done in a thread, one change of the band at a time.
"""

import asyncio
import time
from itertools import count

from pipeline.inference.constraints import ACCIDENTALS, CHROMATIC, SCALES, TONICS
from pipeline.inference.playing import read_prompt
from pipeline.live.controls import Controls
from pipeline.music.encoding import Codes
from pipeline.sections import Sampling
from pipeline.studio import library
from pipeline.studio.band import Band, Stage
from pipeline.studio.outbox import Frame, Outbox, write
from pipeline.studio.take import Take
from pipeline.studio.wishes import WishError

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
            PipelineError: there is no such model, or it is damaged.
        """
        self.name, self.model = library.choose(name)
        self.stage = Stage(self.tell, Controls(how), Take())
        self.prompt = read_prompt(None)
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
            "models": {entry.name: entry.about for entry in library.shelf().values()},
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
            WishError: there are too many pages.
        """
        if len(self.pages) >= MOST_PAGES:
            raise WishError(f"{MOST_PAGES} pages are open already; close one")
        page = next(self.numbers)
        box.put(write({**self.state(), "type": "hello", "page": page, "keys": KEYS, "now": time.monotonic()}))
        self.pages[page], self.held[page] = box, set()
        async with self.changing:
            await self._begin()
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
                self.prompt = read_prompt(None)

    async def exchange(self, name: str) -> None:
        """Play on with another model.

        Raises:
            PipelineError: there is no such model, or it is damaged; the old one plays on.
        """
        async with self.changing:
            self.name, self.model = await asyncio.to_thread(library.choose, name)
            past = await self._end()
            self.prompt = self.prompt if past is None else past
            await self._begin()
        self.tell(self.state())

    async def play_on(self, prompt: Codes) -> None:
        """Play on from other music, codes [N, 4]."""
        async with self.changing:
            self.prompt, self.stage.mode, self.stage.playing = prompt, "continue", True
            await self._end()
            await self._begin()
        self.tell(self.state())

    async def close(self) -> None:
        """End all."""
        async with self.changing:
            await self._end()

    async def _begin(self) -> None:
        """Let the band begin, if it has not and someone is there."""
        if self.band is None and self.pages:
            self.band = await asyncio.to_thread(Band, self.model, self.stage, self.prompt)

    async def _end(self) -> Codes | None:
        """Let the band end; returns what sounded lately."""
        band, self.band = self.band, None
        if band is None:
            return None
        await asyncio.to_thread(band.stop)
        return band.source.past()

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
