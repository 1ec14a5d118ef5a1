"""The clock that is sent keeps its time, and ends with Stop whatever happens."""

import time

import numpy as np
import pytest
from factories import CARRIED, UNCONSTRAINED, make_quantized_notes, make_tiny_model
from fake_port import ClockWire, Wire, check, ends_in_silence

from pipeline.generation.engine import Engine
from pipeline.live.active_keys import NOTE_ON
from pipeline.live.clock_follower import AlignedTime
from pipeline.live.clock_sender import START_SECONDS, ClockSender
from pipeline.live.controls import Controls
from pipeline.live.improviser import Improviser
from pipeline.live.midi_clock import (
    CONTINUE,
    SONG_POSITION,
    START,
    STOP,
    TICK,
    TICKS_PER_BEAT,
    MidiClock,
)
from pipeline.live.player import Player
from pipeline.live.recorder import Recorder
from pipeline.live.timeline import SimulatedClock

SECONDS = 60 / 120 / TICKS_PER_BEAT
"""Seconds of a tick at tempo 1."""


def simulate(seconds, tempo=lambda now: 1.0, oversleep=lambda now: 0.0, **faults):
    """Send a clock for simulated seconds; return the port, the sender and the errors that end the player."""
    clock, errors = SimulatedClock(5.0), []
    wire = ClockWire(clock, **faults)

    def sleep(span):
        clock.sleep(span + oversleep(clock() - 5.0))
        sender.stopping = clock() - 5.0 >= seconds

    sender = ClockSender(wire, lambda: tempo(clock() - 5.0), errors.append, clock, sleep)
    sender.run()
    return wire, sender, errors


def tick_times(wire):
    """Return the times of the ticks [s], from Start on."""
    pairs = zip(wire.times, wire.sent, strict=True)
    return np.array([time - 5.0 for time, status in pairs if status == TICK])


def test_start_ticks_and_stop_are_sent_and_the_port_is_closed():
    wire, _, errors = simulate(1.0)
    assert wire.sent[0] == START
    assert wire.sent[-1] == STOP
    assert set(wire.sent[1:-1]) == {TICK}
    assert tick_times(wire)[0] == pytest.approx(START_SECONDS)
    assert wire.closed == 1
    assert errors == []


def test_ticks_are_on_absolute_deadlines_although_each_sleep_is_too_long():
    rng = np.random.default_rng(0)
    times = tick_times(simulate(60.0, oversleep=lambda now: rng.uniform(0, 0.003))[0])
    errors = times - START_SECONDS - SECONDS * np.arange(len(times))
    assert len(times) == pytest.approx(60 / SECONDS, abs=2)
    assert errors.min() > -1e-5
    assert errors.max() < 0.0031


def test_a_second_program_locks_to_tempo_and_phase():
    rng = np.random.default_rng(0)
    wire, sender, _ = simulate(
        20.0,
        tempo=lambda now: 1.0 if now < 5 else 1.5,
        oversleep=lambda now: rng.uniform(0, 0.002),
    )
    receiver = MidiClock()
    for now, status in zip(wire.times[:-1], wire.sent[:-1], strict=True):
        receiver.handle_message(now, (status,))
    last = sender.line.time_of(sender.tick) - SECONDS / 1.5
    assert receiver.beats_per_minute(last) == pytest.approx(180, rel=0.005)
    assert receiver.song_position(last) == pytest.approx(sender.tick - 1, abs=0.2)
    beat = receiver.next_multiple(last, TICKS_PER_BEAT)
    ticks_until = -(sender.tick - 1) % TICKS_PER_BEAT
    assert beat == pytest.approx(last + ticks_until * SECONDS / 1.5, abs=0.003)


@pytest.mark.parametrize("pause", [0.5, 3.0])
def test_after_a_pause_of_the_program_all_receivers_have_the_same_beats(pause):
    def oversleep(now):
        return pause if 2.0 < now < 2.015 else 0.0

    wire, sender, _ = simulate(8.0, oversleep=oversleep)
    times = tick_times(wire)
    numbers = (times - START_SECONDS) / SECONDS
    assert numbers == pytest.approx(np.round(numbers), abs=1e-3)
    assert np.diff(times).min() > SECONDS - 1e-5
    stop = wire.sent.index(STOP)
    assert wire.sent[stop : stop + 4] == [STOP, SONG_POSITION, CONTINUE, TICK]
    receiver = MidiClock()
    for now, message in zip(wire.times[:-1], wire.messages[:-1], strict=True):
        receiver.handle_message(now, message)
    last = 5.0 + times[-1]
    assert receiver.song_position(last) == pytest.approx(sender.tick - 1, abs=0.01)
    assert sender.tick - 1 == round(numbers[-1])


def test_a_port_that_is_gone_ends_the_clock_and_the_player():
    wire, _, errors = simulate(5.0, gone_at=30)
    assert len(wire.sent) == 30
    assert wire.closed == 1
    assert [str(error) for error in errors] == ["the port is gone"]


def test_the_clock_stops_when_its_context_ends_by_an_error():
    wire = ClockWire(time.monotonic)
    with pytest.raises(ZeroDivisionError), ClockSender(wire, lambda: 1.0, print) as sender:
        while len(wire.sent) < 3:
            time.sleep(0.005)
        raise ZeroDivisionError
    assert not sender.worker.threads[0].is_alive()
    assert wire.sent[0] == START
    assert wire.sent[-1] == STOP
    assert wire.closed == 1


def test_a_beat_of_the_clock_is_one_that_a_receiver_has():
    tempo = 0.8
    wire, sender, _ = simulate(4.0, tempo=lambda now: 1.0 if now < 2 else tempo)
    times = tick_times(wire) + 5.0
    beats = times[::TICKS_PER_BEAT]
    assert sender.find_next_beat(7.1, 1) == pytest.approx(beats[beats > 7.1][0], abs=1e-4)
    later = sender.find_next_beat(20.0, 4)
    number = sender.line.tick_at(later) / (4 * TICKS_PER_BEAT)
    assert number == pytest.approx(round(number), abs=1e-6)
    assert 20.0 <= later < 20.0 + 16 * TICKS_PER_BEAT * SECONDS / tempo


def play_phrase_with_clock(quantize, tempo, output_latency):
    """Play 9 s in call-response with a clock that is sent; return its wire, that of the player and the phrase's end."""
    clock = SimulatedClock()
    ticks, wire = ClockWire(clock), Wire(clock=clock)
    source = Improviser(
        Engine(make_tiny_model(**CARRIED)),
        Controls(UNCONSTRAINED, tempo),
        make_quantized_notes(1, 5),
        np.random.default_rng(0),
    )
    source.mode = "call-response"
    waiting = [(1.0, "note_on", (60, 70)), (1.3, "note_off", (60,))]

    def sleep(span):
        end = clock() + span
        while clock() < end:
            clock.sleep(min(sender.send_due(), end - clock()) + 1e-9)
        while waiting and clock() >= waiting[0][0]:
            _, name, arguments = waiting.pop(0)
            getattr(player, name)(*arguments)
        player.stopping = clock() >= 9.0

    player = Player(source, wire, Recorder(), clock, sleep)
    player.schedule.output_latency = output_latency
    sender = ClockSender(ticks, lambda: source.tempo, print, clock)
    source.time_keeper = AlignedTime(player.schedule, sender.find_next_beat, quantize)
    player.run_offline()
    check(wire.sent)
    assert ends_in_silence(wire.sent)
    return ticks, wire


@pytest.mark.parametrize(("quantize", "beats"), [("beat", 1), ("bar", 4)])
@pytest.mark.parametrize("tempo", [0.9, 1.3])
@pytest.mark.parametrize("output_latency", [0.0, 0.1])
def test_a_response_begins_on_a_beat_of_the_clock_that_is_sent(
    quantize, beats, tempo, output_latency
):
    ticks, wire = play_phrase_with_clock(quantize, tempo, output_latency)
    onset = next(time for time, message in wire.timed() if message[0] == NOTE_ON)
    starts = np.array(ticks.times)[:: beats * TICKS_PER_BEAT]
    expected = starts[starts >= 1.3 + 0.8][0]
    assert onset + output_latency == pytest.approx(expected, abs=0.003)
