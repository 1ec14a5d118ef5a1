"""The room: one model that plays, and the pages that look in; they share what is played, and each may play.

The music stops when the last page leaves, and what a page holds is let go when it leaves. All of this runs in the event
loop of the server; what takes long is done in a thread, one change of the band at a time.
"""

import asyncio
import time
from itertools import count

from pipeline.config.schema import SamplingConfig
from pipeline.core.errors import PipelineError
from pipeline.generation.generate import load_prompt
from pipeline.live.controls import Controls
from pipeline.live.improviser import Mode
from pipeline.models.model_io import TrainedModel
from pipeline.notes.quantize import QuantizedNotes
from pipeline.notes.theory import ACCIDENTALS, CHROMATIC, SCALES, TONICS
from pipeline.studio import catalog
from pipeline.studio.client_queue import ClientQueue, ServerMessage, encode_message
from pipeline.studio.live_engine import LiveEngine, SharedState
from pipeline.studio.messages import ClientError
from pipeline.studio.recording import TimedRecorder

MAX_CLIENTS = 8
"""Pages at once."""
KEY_NAMES = [
    CHROMATIC,
    *(f"{tonic}{sign} {scale}" for tonic in TONICS for sign in ACCIDENTALS for scale in SCALES),
]


class LiveSession:
    """What the pages share."""

    def __init__(self, name: str, sampling_config: SamplingConfig) -> None:
        """Open.

        Args:
            name: of the model to begin with, as of `library.choose`.
            sampling_config: sampling to begin with.

        Raises:
            PipelineError: there is no such model, it is damaged or cannot start.
        """
        self.model_name, self.model = catalog.load_by_name(name)
        self.shared_state = SharedState(self.broadcast, Controls(sampling_config), TimedRecorder())
        self.prompt = load_prompt(None)
        self._make_engine(self.model_name, self.model, self.prompt)
        self.engine: LiveEngine | None = None
        self.clients: dict[int, ClientQueue] = {}
        self.held_keys: dict[int, set[int]] = {}
        """Pages and the pitches of the keys they hold."""
        self.client_ids = count(1)
        self.engine_lock = asyncio.Lock()

    def broadcast(self, message: ServerMessage) -> None:
        """Send a frame to all pages; from any thread, at once."""
        text = encode_message(message)
        for box in list(self.clients.values()):
            box.put(text)

    def make_state_message(self) -> ServerMessage:
        """Return all that a page must know of the room."""
        stage = self.shared_state
        return {
            "type": "state",
            "models": {entry.name: entry.description for entry in catalog.list_models().values()},
            "model": self.model_name,
            "mode": stage.mode,
            "playing": stage.playing,
            "recording": stage.recorder.is_recording,
            "notes": len(stage.recorder),
            "values": self.get_control_values(),
        }

    def get_control_values(self) -> ServerMessage:
        """Return where the controls stand."""
        return {
            **self.shared_state.controls.sampling_config.model_dump(),
            "tempo": self.shared_state.controls.tempo,
            "rest": self.shared_state.response_delay,
        }

    def make_controls_message(self, client_id: int, revision: int = 0) -> ServerMessage:
        """Return where the controls stand, after a change by a page."""
        return {
            "type": "controls",
            "page": client_id,
            "number": revision,
            "values": self.get_control_values(),
        }

    async def connect(self, queue: ClientQueue) -> int:
        """Let a page in; the first one begins the music. Returns its number.

        Raises:
            PipelineError: there are too many pages, or the model cannot start; the page is not in.
        """
        if len(self.clients) >= MAX_CLIENTS:
            raise ClientError(f"{MAX_CLIENTS} pages are open already; close one")
        page = next(self.client_ids)
        queue.put(
            encode_message(
                {
                    **self.make_state_message(),
                    "type": "hello",
                    "page": page,
                    "keys": KEY_NAMES,
                    "now": time.monotonic(),
                }
            )
        )
        self.clients[page], self.held_keys[page] = queue, set()
        try:
            async with self.engine_lock:
                if self.engine is None:
                    await self._replace_engine(self.model_name, self.model, self.prompt)
        except BaseException:  # a page that goes meanwhile is cancelled
            await self.disconnect(page)
            raise
        return page

    async def disconnect(self, client_id: int) -> None:
        """Let a page go; with the last one the music ends."""
        self.clients.pop(client_id, None)
        for pitch in self.held_keys.get(client_id, set()).copy():
            self.note_off(client_id, pitch)
        self.held_keys.pop(client_id, None)
        async with self.engine_lock:
            if not self.clients:
                await self._stop_engine()
                self.prompt = load_prompt(None)

    async def load_model(self, name: str) -> None:
        """Play on with another model.

        Raises:
            PipelineError: there is no such model, it is damaged or cannot start; the old one plays on.
        """
        await asyncio.shield(
            self._load_model_locked(name)
        )  # the page may go meanwhile, others stay

    async def _load_model_locked(self, name: str) -> None:
        async with self.engine_lock:
            found = await asyncio.to_thread(catalog.load_by_name, name)
            await self._replace_engine(
                *found, self.engine.improviser.recent_notes() if self.engine else self.prompt
            )
        self.broadcast(self.make_state_message())

    async def continue_from(self, prompt: QuantizedNotes) -> None:
        """Play on from other music, codes [N, 4].

        Raises:
            PipelineError: the model cannot start after it; what was there plays on.
        """
        async with self.engine_lock:
            await self._replace_engine(self.model_name, self.model, prompt, "solo")
        self.broadcast(self.make_state_message())

    async def close(self) -> None:
        """End all."""
        async with self.engine_lock:
            await self._stop_engine()

    async def _replace_engine(
        self, name: str, model: TrainedModel, prompt: QuantizedNotes, mode: Mode | None = None
    ) -> None:
        """Let a band play in place of the one there is, which goes on until the new one is ready; if someone is there.

        Raises:
            PipelineError: the model cannot start; nothing has changed.
        """
        band = await asyncio.to_thread(self._make_engine, name, model, prompt)
        await self._stop_engine()
        self.model_name, self.model, self.prompt = name, model, prompt
        if mode:
            self.shared_state.mode, self.shared_state.playing = mode, True
        if self.clients:
            band.start()
            self.engine = band

    def _make_engine(self, name: str, model: TrainedModel, prompt: QuantizedNotes) -> LiveEngine:
        """Return a band that can start.

        Raises:
            PipelineError: the model cannot start.
        """
        try:
            return LiveEngine(model, self.shared_state, prompt)
        except Exception as error:  # weights of others fail in any way
            fault = f"{type(error).__name__}: {error}"
            raise PipelineError(
                f"the model {name!r} cannot start ({fault}); choose another"
            ) from error

    async def _stop_engine(self) -> None:
        """Let the band end."""
        band, self.engine = self.engine, None
        if band:
            await asyncio.to_thread(band.stop)

    def set_playing(self, playing: bool) -> None:
        """Let the model play, or pause it; what sounds ends as it was to."""
        self.shared_state.playing = playing
        if self.engine:
            self.engine.note_source.paused = not playing
        self.broadcast(self.make_state_message())

    def panic(self) -> None:
        """End all notes of everybody now, and pause the model until it is let play again."""
        self.set_playing(False)
        for client_id, pitches in self.held_keys.items():
            for pitch in pitches.copy():
                self.note_off(client_id, pitch)
        if self.engine:
            self.engine.player.panic()

    def note_on(self, client_id: int, pitch: int, velocity: int) -> None:
        """Press a key for a page.

        Raises:
            ClientError: too many keys wait to be handled; this one is ignored.
        """
        if self.engine and not self.engine.note_on(pitch, velocity):
            raise ClientError("the model is too slow for so many keys; some were ignored")
        self.held_keys[client_id].add(pitch)

    def note_off(self, client_id: int, pitch: int) -> None:
        """Let go of a key for a page, unless another holds it too."""
        if pitch not in self.held_keys[client_id]:
            return
        self.held_keys[client_id].discard(pitch)
        if self.engine and not any(pitch in keys for keys in self.held_keys.values()):
            self.engine.player.note_off(pitch)
