"""Every note on is followed by exactly one note off, whatever is done and however the port fails."""

from contextlib import suppress

import pytest
from fake_port import Wire, check, ends_in_silence, sounding
from hypothesis import given
from hypothesis import strategies as st

from pipeline.live.active_keys import MAX_ATTEMPTS, NOTE_OFF, NOTE_ON, PANIC_CONTROLS, ActiveKeys

DEEDS = st.lists(
    st.tuples(
        st.sampled_from(["strike", "lift", "release"]), st.integers(60, 66), st.integers(0, 40)
    )
)


def play(voices: ActiveKeys, deeds) -> None:
    """Do what is told: numbers of strikes count up, lifts may name any of them."""
    for count, (deed, pitch, number) in enumerate(deeds):
        if deed == "strike":
            voices.note_on(pitch, 64, count)
        elif deed == "lift":
            voices.note_off(pitch, number)
        else:
            voices.all_notes_off()


@given(DEEDS, st.integers(1, 4))
def test_ons_and_offs_pair_and_the_voices_are_bounded(deeds, most):
    wire = Wire()
    voices = ActiveKeys(wire, max_keys=most)
    play(voices, deeds)
    assert sounding(wire.sent) == set(voices.pressed)
    assert voices.panic() is None
    check(wire.sent)
    assert ends_in_silence(wire.sent)
    assert wire.most <= most


@given(DEEDS, st.sets(st.integers(1, 60), max_size=3), st.booleans())
def test_a_port_that_fails_now_and_then_leaves_nothing_hanging(deeds, fails, delivers):
    wire = Wire(fails, delivers)
    voices = ActiveKeys(wire)
    with suppress(OSError):
        play(voices, deeds)
    voices.panic()
    check(wire.sent, strict=False)
    assert not voices.pressed


def test_a_pitch_struck_again_ends_first_and_the_older_off_does_not_end_it():
    wire = Wire()
    voices = ActiveKeys(wire, channel=3)
    assert voices.note_on(60, 50, 1) == []
    assert voices.note_on(60, 70, 2) == [1]
    assert not voices.note_off(60, 1)
    assert voices.note_off(60, 2)
    assert wire.sent == [(0x93, 60, 50), (0x83, 60, 64), (0x93, 60, 70), (0x83, 60, 64)]


def test_the_oldest_makes_room():
    wire = Wire()
    voices = ActiveKeys(wire, max_keys=2)
    ended = [voices.note_on(pitch, 64, pitch) for pitch in (60, 61, 62, 61, 63)]
    assert ended == [[], [], [60], [61], [62]]
    assert voices.all_notes_off() == [61, 63]


def test_a_failed_message_is_tried_again_and_the_first_error_is_told():
    wire = Wire(fails={2, 3})
    voices = ActiveKeys(wire)
    voices.note_on(60, 64, 0)
    assert str(voices.panic()) == "failed"
    assert wire.sent[:2] == [(NOTE_ON, 60, 64), (NOTE_OFF, 60, 64)]
    assert ends_in_silence(wire.sent)


def test_a_port_that_is_gone_is_tried_and_given_up():
    wire = Wire(gone_at=1)
    voices = ActiveKeys(wire)
    voices.note_on(60, 64, 0)
    with pytest.raises(OSError, match="gone"):
        voices.note_off(60, 0)
    assert isinstance(voices.panic(), OSError)
    assert wire.tries == 2 + MAX_ATTEMPTS * (1 + len(PANIC_CONTROLS))
