"""Notes and their surprise are sent by the real library over loopback."""

from factories import CARRIED, make_tiny_model
from fake_port import Wire
from osc_sockets import receive

from pipeline.live import osc
from pipeline.live.active_keys import ActiveKeys
from pipeline.live.osc_output import OscPort, OscSender, SurpriseSender
from pipeline.live.recorder import HUMAN, MODEL, Recorder
from pipeline.live.timeline import SimulatedClock


def test_notes_of_the_model_are_sent_as_the_port_gets_them(listener):
    sender = OscSender(listener.getsockname())
    wire = Wire()
    osc_port = OscPort(wire, sender)
    for message in ((0x92, 60, 90), (0xB2, 64, 0), (0x82, 60, 64)):
        osc_port.send(message)
    osc_port.close()
    assert [receive(listener) for _ in range(2)] == [["/note", 60, 90, 1], ["/note", 60, 0, 0]]
    assert len(wire.sent) == 3
    sender.close()


def test_notes_end_at_the_program_that_listens_although_the_port_is_gone(listener):
    sender = OscSender(listener.getsockname())
    keys = ActiveKeys(OscPort(Wire(gone_at=1), sender))
    keys.note_on(60, 90, 0)
    assert isinstance(keys.panic(), OSError)
    assert [receive(listener) for _ in range(2)] == [["/note", 60, 90, 1], ["/note", 60, 0, 0]]
    sender.close()


def test_a_program_that_does_not_listen_disturbs_nothing(port):
    sender = OscSender((osc.LOOPBACK, port))
    for _ in range(20):
        sender.send("/note", 60, 90, 1)
    sender.close()


def test_the_surprise_of_both_is_sent_after_the_first_note(listener):
    recorder, clock = Recorder(), SimulatedClock()
    sender = OscSender(listener.getsockname())
    surprise = SurpriseSender(make_tiny_model(**CARRIED), recorder, sender, clock.sleep)
    for performer, onset, pitch in ((MODEL, 0.0, 60), (MODEL, 0.5, 62), (HUMAN, 0.25, 64)):
        recorder.add(performer, onset, 0.2, pitch, 90)
    surprise.send_new()
    surprise.send_new()
    sender.send("/end")
    messages = [receive(listener) for _ in range(3)]
    assert [(path, values[-1]) for path, *values in messages[:2]] == [
        ("/surprise", 62),
        ("/person/surprise", 64),
    ]
    assert all(values[0] > 0 for _, *values in messages[:2])
    assert messages[2] == ["/end"]
    sender.close()
