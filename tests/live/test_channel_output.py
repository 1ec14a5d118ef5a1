"""All messages leave on the channel of the preset."""

from fake_port import Wire

from pipeline.live.channel_output import ChannelOutput
from pipeline.live.echo_guard import EchoGuard
from pipeline.live.timeline import SimulatedClock


def test_messages_and_program_leave_on_the_channel_and_the_guard_knows_them():
    wire, guard = Wire(), EchoGuard(SimulatedClock())
    output = ChannelOutput(wire, 16, guard)
    output.choose_program(4)
    for message in ((0x90, 60, 70), (0x80, 60, 64), (0xB0, 64, 0)):
        output.send(message)
    output.close()
    assert wire.programs == [(0xCF, 4)]
    assert wire.sent == [(0x9F, 60, 70), (0x8F, 60, 64), (0xBF, 64, 0)]
    assert wire.closed == 1
    assert guard.is_echo((0x9F, 60, 70))


def test_a_message_is_known_before_it_is_sent():
    guard = EchoGuard(SimulatedClock())
    heard = []

    class LoopedPort:
        def send(self, message):
            heard.append(guard.is_echo(message))

    ChannelOutput(LoopedPort(), 1, guard).send((0x90, 60, 70))
    assert heard == [True]
