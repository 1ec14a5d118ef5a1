"""The last turn that was given counts, once."""

from pipeline.live.turn_switch import TurnSwitch


def test_the_last_request_is_taken_once():
    switch = TurnSwitch()
    assert switch.take_request() is None
    switch.give_turn("model")
    switch.give_turn("person")
    assert switch.take_request() == "person"
    assert switch.take_request() is None


def test_hold_is_on_and_off_by_turns():
    switch = TurnSwitch()
    assert [switch.is_held, switch.toggle_hold(), switch.toggle_hold()] == [False, True, False]
