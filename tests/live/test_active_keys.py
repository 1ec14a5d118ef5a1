"""Every note on is followed by exactly one note off, whatever is done and however the port fails."""

from contextlib import suppress

import pytest
from fake_port import Wire, check, ends_in_silence, sounding
from hypothesis import given
from hypothesis import strategies as st

from pipeline.live.active_keys import MAX_ATTEMPTS, NOTE_OFF, NOTE_ON, PANIC_CONTROLS, ActiveKeys

ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["note on", "note off", "all notes off"]),
        st.integers(60, 66),
        st.integers(0, 40),
    )
)


def play(active_keys: ActiveKeys, actions) -> None:
    """Do the actions; ids of note ons count up, note offs may have any id."""
    for count, (action, pitch, number) in enumerate(actions):
        if action == "note on":
            active_keys.note_on(pitch, 64, count)
        elif action == "note off":
            active_keys.note_off(pitch, number)
        else:
            active_keys.all_notes_off()


@given(ACTIONS, st.integers(1, 4))
def test_ons_and_offs_pair_and_the_voices_are_bounded(actions, max_keys):
    wire = Wire()
    active_keys = ActiveKeys(wire, max_keys=max_keys)
    play(active_keys, actions)
    assert sounding(wire.sent) == set(active_keys.pressed)
    assert active_keys.panic() is None
    check(wire.sent)
    assert ends_in_silence(wire.sent)
    assert wire.most <= max_keys


@given(ACTIONS, st.sets(st.integers(1, 60), max_size=3), st.booleans())
def test_a_port_that_fails_now_and_then_leaves_nothing_hanging(actions, fails, delivers):
    wire = Wire(fails, delivers)
    active_keys = ActiveKeys(wire)
    with suppress(OSError):
        play(active_keys, actions)
    active_keys.panic()
    check(wire.sent, strict=False)
    assert not active_keys.pressed


def test_a_pitch_struck_again_ends_first_and_the_older_off_does_not_end_it():
    wire = Wire()
    active_keys = ActiveKeys(wire, channel=3)
    assert active_keys.note_on(60, 50, 1) == []
    assert active_keys.note_on(60, 70, 2) == [1]
    assert not active_keys.note_off(60, 1)
    assert active_keys.note_off(60, 2)
    assert wire.sent == [(0x93, 60, 50), (0x83, 60, 64), (0x93, 60, 70), (0x83, 60, 64)]


def test_the_oldest_makes_room():
    wire = Wire()
    active_keys = ActiveKeys(wire, max_keys=2)
    ended = [active_keys.note_on(pitch, 64, pitch) for pitch in (60, 61, 62, 61, 63)]
    assert ended == [[], [], [60], [61], [62]]
    assert active_keys.all_notes_off() == [61, 63]


def test_a_failed_message_is_tried_again_and_the_first_error_is_returned():
    wire = Wire(fails={2, 3})
    active_keys = ActiveKeys(wire)
    active_keys.note_on(60, 64, 0)
    assert str(active_keys.panic()) == "failed"
    assert wire.sent[:2] == [(NOTE_ON, 60, 64), (NOTE_OFF, 60, 64)]
    assert ends_in_silence(wire.sent)


def test_a_port_that_is_gone_is_tried_and_given_up():
    wire = Wire(gone_at=1)
    active_keys = ActiveKeys(wire)
    active_keys.note_on(60, 64, 0)
    with pytest.raises(OSError, match="gone"):
        active_keys.note_off(60, 0)
    assert isinstance(active_keys.panic(), OSError)
    assert wire.tries == 2 + MAX_ATTEMPTS * (1 + len(PANIC_CONTROLS))
