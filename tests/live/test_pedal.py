"""What a person plays with the pedal is what a reader finds in a file of the same messages."""

import io

import mido
import numpy as np
from factories import UNCONSTRAINED
from fake_port import Wire, ends_in_silence
from hypothesis import given
from hypothesis import strategies as st

from pipeline.live.controls import Controls
from pipeline.live.keyboard import Keyboard
from pipeline.live.player import Player
from pipeline.live.recorder import HUMAN, Recorder
from pipeline.live.timeline import SimulatedClock
from pipeline.midi import reader
from pipeline.midi.sustain import SUSTAIN_CC
from pipeline.notes.quantize import GRID_SECONDS

TICKS_PER_SECOND = 100
"""Ticks of a second in the file; a tick is a cell of the time grid."""
ACTIONS = st.lists(
    st.tuples(
        st.integers(1, 60),
        st.one_of(
            st.tuples(st.just("key"), st.integers(60, 63)),
            st.tuples(st.just("pedal"), st.integers(0, 127)),
        ),
    ),
    max_size=40,
)


class Listener:
    """A source that plays nothing and keeps the notes of the person: onset, end, pitch, key up, pedal; times in cells."""

    tempo, done = 1.0, False

    def __init__(self):
        self.onsets, self.notes = {}, []

    def peek(self, floor):
        return None

    def note_on(self, cell, pitch, velocity, pedal):
        assert pitch not in self.onsets
        self.onsets[pitch] = cell, pedal
        return False

    def note_off(self, cell, pitch, key_up):
        onset, pedal = self.onsets.pop(pitch)
        self.notes.append((onset, cell, pitch, key_up, pedal))

    def end_turn(self):
        self.onsets.clear()

    def cut_at(self, cell):
        """Nothing was played."""


def to_messages(actions):
    """Return ticks and messages: a key goes down or up by turns; in the end keys and pedal are up."""
    messages, tick, down = [], 0, set()
    for pause, (kind, number) in actions:
        tick += pause
        if kind == "pedal":
            messages.append((tick, (0xB0, SUSTAIN_CC, number)))
        else:
            messages.append((tick, (0x80 if number in down else 0x90, number, 70)))
            down ^= {number}
    messages += [(tick + 1, (0x80, pitch, 70)) for pitch in sorted(down)]
    return [*messages, (tick + 2, (0xB0, SUSTAIN_CC, 0))]


def play_live(messages):
    """Return the player after the messages, its wire and the notes that its source got."""
    clock, source = SimulatedClock(), Listener()
    wire = Wire(clock=clock)
    player = Player(source, wire, Recorder(), clock, clock.sleep)
    keyboard = Keyboard(player, Controls(UNCONSTRAINED), print)
    for tick, message in messages:
        clock.now = (tick + 0.5) / TICKS_PER_SECOND
        keyboard.handle_message(message)
        player.fill_queue()
    return player, wire, source.notes


def read_file(messages, sustain_pedal):
    """Return the notes of a file of the messages, as they sound or with the pedal beside them."""
    file = mido.MidiFile(type=0, ticks_per_beat=TICKS_PER_SECOND)
    track, previous = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=1_000_000)]), 0
    for tick, message in messages:
        track.append(mido.Message.from_bytes(message, time=tick - previous))
        previous = tick
    file.tracks.append(track)
    data = io.BytesIO()
    file.save(file=data)
    return reader.read_notes(data.getvalue(), "symusic", sustain_pedal=sustain_pedal)


@given(ACTIONS.filter(lambda actions: any(kind == "key" for _, (kind, _) in actions)))
def test_the_pedal_makes_the_notes_that_it_makes_in_a_file(actions):
    messages = to_messages(actions)
    player, _, heard = play_live(messages)
    recorded, expected = (
        player.recorder.collect_notes(HUMAN),
        read_file(messages, sustain_pedal=True),
    )
    assert recorded["pitch"].tolist() == expected["pitch"].tolist()
    assert np.allclose(recorded["onset"] - 0.5 * GRID_SECONDS, expected["onset"])
    assert np.allclose(recorded["duration"], expected["duration"])
    ends = np.rint((expected["onset"] + expected["duration"]) / GRID_SECONDS).tolist()
    onsets = np.rint(expected["onset"] / GRID_SECONDS).tolist()
    assert sorted(note[:3] for note in heard) == sorted(
        zip(onsets, ends, expected["pitch"].tolist(), strict=True)
    )


@given(ACTIONS.filter(lambda actions: any(kind == "key" for _, (kind, _) in actions)))
def test_keys_and_pedal_are_those_of_a_file(actions):
    messages = to_messages(actions)
    _, _, heard = play_live(messages)
    expected = read_file(messages, sustain_pedal=False)
    onsets = np.rint(expected["onset"] / GRID_SECONDS).astype(int)
    key_ups = np.rint((expected["onset"] + expected["duration"]) / GRID_SECONDS).astype(int)
    columns = (onsets, expected["pitch"], key_ups, expected["pedal"])
    expected_notes = np.column_stack(columns).tolist()
    assert sorted([note[0], *note[2:]] for note in heard) == sorted(expected_notes)


def test_the_foot_on_the_pedal_outlasts_a_panic_and_the_pedal_is_up_at_the_end():
    second = TICKS_PER_SECOND
    messages = [(0, (0xB0, SUSTAIN_CC, 127)), (second, (0xB0, 120, 0))]
    messages += [(2 * second, (0x90, 60, 70)), (3 * second, (0x80, 60, 0))]
    player, wire, _ = play_live([*messages, (5 * second, (0xB0, SUSTAIN_CC, 0))])
    assert np.allclose(player.recorder.collect_notes(HUMAN)["duration"], [3.0])
    player.stop()
    assert ends_in_silence(wire.sent)


def test_a_note_that_the_pedal_holds_is_recorded_when_the_player_ends():
    messages = [(0, (0xB0, SUSTAIN_CC, 127)), (100, (0x90, 60, 70)), (200, (0x80, 60, 0))]
    player, wire, _ = play_live(messages)
    player.clock.now = 5.005
    player.stop()
    assert np.allclose(player.recorder.collect_notes(HUMAN)["duration"], [4.0])
    assert ends_in_silence(wire.sent)
