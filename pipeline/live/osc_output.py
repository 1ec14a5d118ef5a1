"""OSC messages that `play` sends.

    /note PITCH VELOCITY ON            the model: as the synthesizer gets it; ON is 1, or 0 at the end
    /person/note PITCH VELOCITY ON     the person: as it sounds with the pedal
    /surprise BITS PITCH               a note of the model that ended: how many bits the model needs for it
    /person/surprise BITS PITCH        the same of the person

Bits are given all notes before, of both, up to CONTEXT_NOTES. A program that does not listen disturbs nothing.
"""

from bisect import insort
from collections.abc import Callable

from pipeline.generation.engine import Engine
from pipeline.live.active_keys import NOTE_OFF, NOTE_ON, Message, Port
from pipeline.live.note_source import PendingNote, to_quantized
from pipeline.live.osc import Address, resolve
from pipeline.live.recorder import HUMAN, NoteRow, Recorder
from pipeline.live.worker import POLL_SECONDS, Worker, poll
from pipeline.models.model_io import TrainedModel
from pipeline.notes.quantize import GRID_SECONDS, SCORED_FEATURES

CONTEXT_NOTES = 64
"""Notes that the model reads before one that it scores."""


class OscSender:
    """Sends messages to one host and port; never waits, and a message that cannot be sent is lost."""

    def __init__(self, address: Address) -> None:
        """Find the host.

        Args:
            address: host and port of the program that listens.

        Raises:
            OscError: there is no such host.
            ModuleNotFoundError: python-osc is not installed.
        """
        from pythonosc.udp_client import SimpleUDPClient

        host, port, *_ = resolve("--osc-out", address)[-1]
        self.client = SimpleUDPClient(host, port)
        self.num_lost = 0
        """Messages that could not be sent."""

    def send(self, path: str, *values: int | float) -> None:
        """Send one message."""
        try:
            self.client.send_message(path, list(values))
        except OSError:  # no route to the host, or the network is full
            self.num_lost += 1

    def send_human_note(self, pitch: int, velocity: int) -> None:
        """Send a note of the person; velocity 0 is its end."""
        self.send("/person/note", pitch, velocity, int(velocity > 0))

    def close(self) -> None:
        """Close the socket."""
        self.client.close()


class OscPort:
    """A port of a player whose notes are sent by OSC too."""

    def __init__(self, port: Port, sender: OscSender) -> None:
        self.port = port
        self.sender = sender

    def send(self, message: Message) -> None:
        """Send one message to the port, then by OSC, where notes end although the port is gone."""
        try:
            self.port.send(message)
        finally:
            self._send_note(*message)

    def _send_note(self, status: int, pitch: int, velocity: int) -> None:
        """Send a message by OSC if it is a note."""
        if status & 0xF0 in (NOTE_ON, NOTE_OFF):
            is_on = status & 0xF0 == NOTE_ON and velocity > 0
            self.sender.send("/note", pitch, velocity * is_on, int(is_on))

    def close(self) -> None:
        """Close the port."""
        self.port.close()


class SurpriseSender:
    """Sends the bits of each note that ended, until it is closed."""

    def __init__(
        self,
        model: TrainedModel,
        recorder: Recorder,
        sender: OscSender,
        sleep: Callable[[float], None],
    ) -> None:
        """Prepare.

        Args:
            model: scores notes, by an engine of its own.
            recorder: has the notes that ended.
            sender: sends their bits.
            sleep: waits for a number of seconds.
        """
        self.engine = Engine(model)
        self.recorder = recorder
        self.sender = sender
        self.notes: list[PendingNote] = []
        """The last notes, in order of time."""
        self.num_read = 0
        """Notes of the recorder that were read."""
        self.stopping = False
        self.worker = Worker(lambda: poll(lambda: self.stopping, self.send_new, sleep))

    def start(self) -> None:
        """Score in a thread."""
        self.worker.start()

    def close(self) -> None:
        """Stop."""
        self.stopping = True
        self.worker.join()

    def send_new(self) -> float:
        """Send the bits of all notes that ended since the last call; return the seconds until the next one."""
        rows = self.recorder.rows_since(self.num_read)
        self.num_read += len(rows)
        for row in rows:
            bits = self._score(row)
            prefix = "/person" if row.performer == HUMAN else ""
            if bits is not None:
                self.sender.send(f"{prefix}/surprise", round(bits, 3), row.pitch)
        return POLL_SECONDS

    def _score(self, row: NoteRow) -> float | None:
        """Return the bits of a note given those before it; None for the first of all."""
        onset, duration = round(row.onset / GRID_SECONDS), round(row.duration / GRID_SECONDS)
        note = PendingNote(onset, duration, row.pitch, row.velocity)
        insort(self.notes, note)
        index = self.notes.index(note)
        context = self.notes[max(index - CONTEXT_NOTES, 0) : index + 1]
        del self.notes[: -2 * CONTEXT_NOTES]
        if len(context) < 2:
            return None
        quantized = to_quantized(context)
        self.engine.reset()
        self.engine.feed(quantized[:-1])
        bits = self.engine.score_note(quantized[-1])
        return sum(bits[name] for name in SCORED_FEATURES)
