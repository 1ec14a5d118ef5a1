"""A MIDI port that records messages, and checks of what it recorded."""

from collections import Counter

from pipeline.live.active_keys import CONTROL_CHANGE, NOTE_OFF, NOTE_ON, PANIC_CONTROLS, Message
from pipeline.live.channel_output import PROGRAM_CHANGE
from pipeline.live.midi_ports import PortError


class Wire:
    """Takes messages; may fail at some of them, before or after it delivered them."""

    def __init__(self, fails=(), delivers=False, gone_at=None, clock=lambda: 0.0):
        self.sent: list[Message] = []
        self.times: list[float] = []
        self.tries = 0
        self.fails, self.delivers, self.gone_at, self.clock = set(fails), delivers, gone_at, clock
        self.closed = 0
        self.down: set[int] = set()
        self.most = 0
        """Pitches that sounded at once."""
        self.programs: list[tuple[int, int]] = []
        self.name = "wire"
        self.present = True

    def send(self, message: Message) -> None:
        assert not self.closed, "nothing is sent to a closed port"
        if message[0] & 0xF0 == PROGRAM_CHANGE:
            self.programs.append(message)
            return
        assert (
            len(message) == 3
            and 128 <= message[0] < 256
            and all(0 <= byte < 128 for byte in message[1:])
        )
        self.tries += 1
        if self.gone_at is not None and self.tries > self.gone_at:
            raise OSError("gone")
        if self.tries in self.fails and not self.delivers:
            raise OSError("failed")
        self.sent.append(message)
        self.times.append(self.clock())
        sounding([message], self.down)
        self.most = max(self.most, len(self.down))
        if self.tries in self.fails:
            raise OSError("failed late")

    def is_present(self) -> bool:
        return self.present

    def close(self) -> None:
        self.closed += 1

    def timed(self):
        """Return when each message was sent, and the message."""
        return zip(self.times, self.sent, strict=True)


class ClockWire:
    """An output port that remembers the messages of a clock and their times."""

    def __init__(self, clock=lambda: 0.0, gone_at=None):
        self.sent, self.messages, self.times, self.closed = [], [], [], 0
        self.clock, self.gone_at = clock, gone_at
        self.name = "clock wire"
        self.present = True

    def is_present(self) -> bool:
        return self.present

    def send(self, message):
        assert not self.closed
        if self.gone_at is not None and len(self.sent) >= self.gone_at:
            raise PortError("the port is gone")
        self.sent.append(message[0])
        self.messages.append(message)
        self.times.append(self.clock())

    def close(self):
        self.closed += 1


class CallRecorder:
    """A player that records the calls of its methods."""

    def __init__(self):
        self.calls = []

    def __getattr__(self, name):
        return lambda *arguments, **named: self.calls.append((name, *arguments, *named.values()))


class FakeKeyboard:
    """An input port that can be unplugged and plugged in."""

    def __init__(self, handler=None, name="keys"):
        self.handler = handler
        self.name = name
        self.block_seconds = 0.0
        self.present = True
        self.num_opened = 1
        self.closed = 0

    def get_block_seconds(self) -> float:
        return self.block_seconds

    def is_present(self) -> bool:
        return self.present

    def reopen(self) -> bool:
        self.num_opened += self.present
        return self.present

    def close(self) -> None:
        self.closed += 1


def sounding(messages, down=None):
    """Return the pitches that sound after messages."""
    down = set() if down is None else down
    for status, pitch, _ in messages:
        if status & 0xF0 == NOTE_ON:
            down.add(pitch)
        elif status & 0xF0 == NOTE_OFF:
            down.discard(pitch)
    return down


def check(messages, strict=True):
    """Check that every note on was followed by exactly one note off, before the next note on of its pitch."""
    down = Counter()
    for status, pitch, _ in messages:
        if status & 0xF0 == NOTE_ON:
            assert not down[pitch], f"pitch {pitch} was struck while it sounded"
            down[pitch] += 1
        elif status & 0xF0 == NOTE_OFF:
            assert down[pitch] or not strict, f"pitch {pitch} was let go twice"
            down[pitch] = 0
    assert not +down, f"left hanging: {dict(+down)}"


def ends_in_silence(messages, channel=1):
    """Return whether the last messages are those of a panic on a channel, 1..16."""
    status = CONTROL_CHANGE | (channel - 1)
    return [tuple(message) for message in messages[-len(PANIC_CONTROLS) :]] == [
        (status, *pair) for pair in PANIC_CONTROLS
    ]
