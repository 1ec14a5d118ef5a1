from hypothesis import given
from hypothesis import strategies as st

from pipeline.live.human_keys import HumanKeys, SoundingNote
from pipeline.notes.note import PEDAL_PRESSED

ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["press", "release", "release all", "pedal", "stop"]),
        st.integers(60, 63),
        st.booleans(),
    )
)


@given(ACTIONS)
def test_a_note_sounds_while_its_key_or_the_pedal_is_down(actions):
    keys = HumanKeys()
    for action, pitch, is_down in actions:
        if action == "press":
            keys.take(pitch)
            keys.press(pitch, 70, 0.0)
            ended = []
        elif action == "release":
            ended = keys.release(pitch, 0.0)
        elif action == "release all":
            ended = keys.release_all(0.0)
        else:
            ended = keys.move_pedal(is_down) if action == "pedal" else keys.stop()
        assert all(keys.take(pitch) for pitch in ended), "only what sounds ends"
        sounding = keys.sounding.keys()
        assert action != "stop" or not sounding
        assert sounding >= keys.pressed if keys.pedal_down else sounding == keys.pressed


def test_the_pedal_holds_a_note_until_it_comes_up():
    keys = HumanKeys()
    assert keys.move_pedal(is_down=True) == []
    keys.press(60, 70, 1.0)
    assert keys.release(60, 2.0) == []
    assert keys.move_pedal(is_down=True) == []
    assert keys.move_pedal(is_down=False) == [60]
    assert keys.take(60) == SoundingNote(1.0, 70, PEDAL_PRESSED, 2.0)
    assert keys.take(60) is None


def test_a_key_that_is_down_outlasts_the_pedal():
    keys = HumanKeys()
    keys.move_pedal(is_down=True)
    keys.press(60, 70, 0.0)
    assert keys.move_pedal(is_down=False) == []
    assert keys.release(60, 2.0) == [60]


def test_all_notes_off_is_subject_to_the_pedal_and_stop_is_not():
    keys = HumanKeys()
    keys.move_pedal(is_down=True)
    keys.press(60, 70, 0.0)
    assert keys.release_all(0.0) == []
    assert keys.stop() == [60]


def test_a_panic_does_not_lift_the_foot_of_the_person():
    keys = HumanKeys()
    keys.move_pedal(is_down=True)
    keys.press(60, 70, 0.0)
    for pitch in keys.stop():
        keys.take(pitch)
    keys.press(62, 70, 1.0)
    assert keys.release(62, 2.0) == []
    assert keys.move_pedal(is_down=False) == [62]


def test_a_key_that_is_not_down_ends_nothing():
    assert HumanKeys().release(60, 2.0) == []
