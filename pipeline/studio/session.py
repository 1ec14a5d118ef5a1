"""The session of the studio: one model that plays, and the pages that share it; each page may play.

The music starts with the first page and ends with the last one, and the keys that a page holds are released when it
leaves. All of this runs in the event loop of the server; what takes long is done in a thread, one change of the engine
at a time.
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
from pipeline.studio import catalog
from pipeline.studio.client_queue import ClientQueue
from pipeline.studio.control_checks import check_quantize, check_response_delay
from pipeline.studio.key_names import list_key_names
from pipeline.studio.live_engine import LiveEngine, SharedState
from pipeline.studio.messages import (
    AllNotesEnded,
    ClientError,
    ControlsChanged,
    ControlValues,
    ListedModel,
    Pong,
    ServerMessage,
    State,
    TurnChanged,
    Welcome,
)
from pipeline.studio.recording import TimedRecorder
from pipeline.studio.takes import TakeList

MAX_CLIENTS = 8
"""Pages at once."""
KEY_NAMES = list_key_names()


class LiveSession:
    """What the pages share."""

    def __init__(self, name: str, sampling_config: SamplingConfig) -> None:
        """Load a model.

        Args:
            name: of the first model, as for `catalog.load_by_name`.
            sampling_config: how notes are drawn at first.

        Raises:
            PipelineError: there is no such model, it is damaged or cannot start.
        """
        self.model_name, self.model = catalog.load_by_name(name)
        self.shared_state = SharedState(self.broadcast, Controls(sampling_config), TimedRecorder())
        self.takes = TakeList()
        self.listed_takes = self.takes.describe()
        """The takes as all pages list them."""
        self.prompt = load_prompt(None)
        self._make_engine(self.model_name, self.model, self.prompt)
        self.engine: LiveEngine | None = None
        self.clients: dict[int, ClientQueue] = {}
        self.held_keys: dict[int, set[int]] = {}
        """Page to the pitches of the keys that it holds."""
        self.default_settings = self._get_settings()
        self.client_ids = count(1)
        self.engine_lock = asyncio.Lock()

    # Messages to pages

    def broadcast(self, message: ServerMessage) -> None:
        """Send a message to all pages; from any thread, at once."""
        if isinstance(message, State):
            self.listed_takes = message.takes
        text = message.encode()
        for queue in list(self.clients.values()):
            queue.put(text)

    def make_state_message(self) -> State:
        """Return what all pages share, but for the controls."""
        state = self.shared_state
        return State(
            models={
                entry.name: ListedModel(
                    label=entry.label,
                    description=entry.description,
                    is_bundled=entry.is_bundled,
                )
                for entry in catalog.list_models().values()
            },
            model=self.model_name,
            mode=state.mode,
            playing=state.playing,
            recording=state.recorder.is_recording,
            recorded_notes=len(state.recorder),
            takes=self.takes.describe(),
        )

    def make_controls_message(self, client_id: int, revision: int = 0) -> ControlsChanged:
        """Return the controls, after a change by a page."""
        return ControlsChanged(
            client_id=client_id, revision=revision, values=self.get_control_values()
        )

    def get_control_values(self) -> ControlValues:
        """Return the values of all controls."""
        state = self.shared_state
        return {
            **state.controls.sampling_config.model_dump(),
            "tempo": state.controls.tempo,
            "response_delay": state.response_delay,
            "quantize": state.quantize,
        }

    def _get_settings(self) -> ControlValues:
        """Return all that a page can set and the next page finds so, by name."""
        state = self.shared_state
        return {
            "model": self.model_name,
            "mode": state.mode,
            "playing": state.playing,
            "recording": state.recorder.is_recording,
            **self.get_control_values(),
        }

    def make_welcome_message(self, client_id: int) -> Welcome:
        """Return the first message to a page."""
        values, settings = self.get_control_values(), self._get_settings()
        return Welcome(
            client_id=client_id,
            keys=list(dict.fromkeys([*KEY_NAMES, str(values["key"])])),
            time=time.monotonic(),
            state=self.make_state_message(),
            values=values,
            defaults={name: self.default_settings[name] for name in values},
            resumed=[name for name in settings if settings[name] != self.default_settings[name]],
        )

    def _make_turn_message(self) -> TurnChanged:
        return TurnChanged(is_model=bool(self.engine and self.engine.note_source.is_model_turn))

    def send_all_state(self, client_id: int) -> None:
        """Send a page all that holds, after messages to it were dropped; notes whose ends it may have missed end."""
        queue = self.clients[client_id]
        queue.send(AllNotesEnded(time=time.monotonic()))
        queue.send(self._make_turn_message())
        queue.send(self.make_state_message())
        queue.send(self.make_controls_message(client_id))

    def send_pong(self, client_id: int, sent: float) -> None:
        """Send the time to a page, and the takes to all if the last notes of one ended meanwhile."""
        if self.takes.describe() != self.listed_takes:
            self.broadcast(self.make_state_message())
        bar_start, beat_seconds = self.engine.find_next_bar() if self.engine else (None, None)
        pong = Pong(
            sent=sent,
            time=time.monotonic(),
            recorded_notes=len(self.shared_state.recorder),
            bar_start=bar_start,
            beat_seconds=beat_seconds,
        )
        self.clients[client_id].send(pong)

    # Pages and models

    async def connect(self, queue: ClientQueue) -> int:
        """Add a page; the first one starts the music. Returns the number of the page.

        Raises:
            PipelineError: there are too many pages, or the model cannot start; the page is not added.
        """
        if len(self.clients) >= MAX_CLIENTS:
            raise ClientError(f"{MAX_CLIENTS} pages are open already; close one")
        client_id = next(self.client_ids)
        queue.send(self.make_welcome_message(client_id))
        self.clients[client_id], self.held_keys[client_id] = queue, set()
        try:
            async with self.engine_lock:
                if self.engine is None:
                    await self._replace_engine(self.model_name, self.model, self.prompt)
        except BaseException:  # a page that leaves meanwhile is cancelled
            await self.disconnect(client_id)
            raise
        queue.send(self._make_turn_message())
        return client_id

    async def disconnect(self, client_id: int) -> None:
        """Remove a page and release its keys; with the last page the music ends."""
        self.clients.pop(client_id, None)
        self._release_keys(client_id)
        self.held_keys.pop(client_id, None)
        async with self.engine_lock:
            if not self.clients:
                await self._stop_engine()
                self.prompt = load_prompt(None)

    async def load_model(self, name: str) -> None:
        """Go on with another model.

        Raises:
            PipelineError: there is no such model, it is damaged or cannot start; the old one goes on.
        """
        await asyncio.shield(self._load_model_locked(name))  # this page may leave, others stay

    async def _load_model_locked(self, name: str) -> None:
        async with self.engine_lock:
            full_name, model = await asyncio.to_thread(catalog.load_by_name, name)
            prompt = self.engine.recent_notes() if self.engine else self.prompt
            await self._replace_engine(full_name, model, prompt)
        self.broadcast(self.make_state_message())

    async def continue_from(self, prompt: QuantizedNotes) -> None:
        """Go on from other music, quantized notes [N, 5].

        Raises:
            PipelineError: the model cannot start after it; what was there goes on.
        """
        async with self.engine_lock:
            await self._replace_engine(self.model_name, self.model, prompt, "solo")
        self.broadcast(self.make_state_message())

    async def check_engine(self) -> None:
        """End an engine that stopped with an error, and pause the model.

        Raises:
            PipelineError: it did.
        """
        if self.engine and (error := self.engine.error):
            await self.close()
            self.set_playing(False)
            cause = f"{type(error).__name__}: {error}"
            raise PipelineError(
                f"the model stopped ({cause}); let it play again, or choose another model"
            )

    async def restart_engine(self) -> None:
        """Start the model again if an error ended it.

        Raises:
            PipelineError: it cannot start.
        """
        async with self.engine_lock:
            if self.engine is None:
                await self._replace_engine(self.model_name, self.model, self.prompt)

    async def close(self) -> None:
        """End the music."""
        async with self.engine_lock:
            await self._stop_engine()

    async def _replace_engine(
        self, name: str, model: TrainedModel, prompt: QuantizedNotes, mode: Mode | None = None
    ) -> None:
        """Start an engine in place of the one that plays, which goes on until the new one is ready; if there are pages.

        Raises:
            PipelineError: the model cannot start; nothing has changed.
        """
        engine = await asyncio.to_thread(self._make_engine, name, model, prompt)
        await self._stop_engine()
        self.model_name, self.model, self.prompt = name, model, prompt
        if mode:
            self.shared_state.mode, self.shared_state.playing = mode, True
        if self.clients:
            engine.start()
            self.engine = engine

    def _make_engine(self, name: str, model: TrainedModel, prompt: QuantizedNotes) -> LiveEngine:
        """Return an engine that can start.

        Raises:
            PipelineError: the model cannot start.
        """
        try:
            return LiveEngine(model, self.shared_state, prompt)
        except Exception as error:  # foreign weights fail in any way
            cause = f"{type(error).__name__}: {error}"
            raise PipelineError(
                f"the model {name!r} cannot start ({cause}); choose another"
            ) from error

    async def _stop_engine(self) -> None:
        """End the engine."""
        engine, self.engine = self.engine, None
        if engine:
            await asyncio.to_thread(engine.stop)

    # What a page can do

    def note_on(self, client_id: int, pitch: int, velocity: int) -> None:
        """Press a key for a page.

        Raises:
            ClientError: too many keys wait for the model; this one is ignored.
        """
        if self.engine and not self.engine.note_on(pitch, velocity):
            raise ClientError("the model is too slow for so many keys; some were ignored")
        self.held_keys[client_id].add(pitch)

    def note_off(self, client_id: int, pitch: int) -> None:
        """Release a key for a page, unless another page holds it too."""
        if pitch not in self.held_keys[client_id]:
            return
        self.held_keys[client_id].discard(pitch)
        if self.engine and not any(pitch in keys for keys in self.held_keys.values()):
            self.engine.note_off(pitch)

    def _release_keys(self, client_id: int) -> None:
        for pitch in self.held_keys.get(client_id, set()).copy():
            self.note_off(client_id, pitch)

    def panic(self) -> None:
        """End all notes of everybody now, and pause the model until it is to play again."""
        self.set_playing(False)
        for client_id in self.held_keys:
            self._release_keys(client_id)
        if self.engine:
            self.engine.panic()

    def set_playing(self, playing: bool) -> None:
        """Let the model play, or pause it; the notes that sound end at their time."""
        self.shared_state.playing = playing
        if self.engine:
            self.engine.set_playing(playing)
        self.broadcast(self.make_state_message())

    def set_mode(self, mode: Mode) -> None:
        """Change who plays when."""
        self.shared_state.mode = mode
        if self.engine:
            self.engine.set_mode(mode)
        self.broadcast(self.make_state_message())

    def set_recording(self, recording: bool) -> None:
        """Start a new recording, or stop it; one that stops becomes a take."""
        recorder, now = self.shared_state.recorder, time.monotonic()
        if recorder.is_recording:
            recorder.stop(now)
            self.takes.add(recorder.share_notes(), recorder.seconds)
        if recording:
            recorder.start(now)
        self.broadcast(self.make_state_message())

    def set_controls(self, client_id: int, values: ControlValues, revision: int) -> None:
        """Change controls, all or none. All pages are told the values that hold, after a refusal too.

        Raises:
            PipelineError: a control or its value is unknown; nothing has changed.
        """
        try:
            self._apply_controls(values)
        except PipelineError:
            self.broadcast(self.make_controls_message(client_id))
            raise
        if self.engine:
            self.engine.set_control_revision(revision)
        self.broadcast(self.make_controls_message(client_id, revision))

    def _apply_controls(self, values: ControlValues) -> None:
        state = self.shared_state
        if unknown := values.keys() - self.get_control_values().keys():
            raise ClientError(f"there is no control {min(unknown)[:40]!r}")
        others = dict(values)
        delay = check_response_delay(others.pop("response_delay", state.response_delay))
        quantize = check_quantize(others.pop("quantize", state.quantize))
        state.controls.update(**others)  # type: ignore[arg-type]
        state.response_delay, state.quantize = delay, quantize
        if self.engine:
            self.engine.set_response_delay(delay)
            self.engine.set_quantize(quantize)

    def control_change(self, client_id: int, controller: int, value: int) -> None:
        """Change the control that a MIDI controller stands for, if it stands for one."""
        if self.shared_state.controls.control_change(controller, value):
            self.broadcast(self.make_controls_message(client_id))
