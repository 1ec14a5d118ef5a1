"""Actions of the keys, pedals and knobs that a person has learned; the model does not hear them.

A key or button acts when it goes down: a note on, or a controller that reaches the value of a pedal that is down.
"""

from collections.abc import Callable

from pipeline.live.active_keys import NOTE_ON, Message
from pipeline.live.controls import CONTROL_SCALES, Controls
from pipeline.live.player import Player
from pipeline.live.preset import Preset, Trigger, find_trigger, parse_trigger
from pipeline.live.turn_switch import TurnSwitch
from pipeline.midi.sustain import PEDAL_DOWN


class LearnedActions:
    """Does what a preset says of a message."""

    def __init__(
        self,
        preset: Preset,
        player: Player,
        turn_switch: TurnSwitch,
        controls: Controls,
        log_message: Callable[[str], None],
    ) -> None:
        """Connect the triggers of a preset.

        Args:
            preset: the triggers of the actions.
            player: ends notes.
            turn_switch: takes turns and hold.
            controls: take knobs.
            log_message: takes a line for the person.
        """
        self.actions = {parse_trigger(text): name for name, text in preset.learned.items()}
        self.player = player
        self.turn_switch = turn_switch
        self.controls = controls
        self.log_message = log_message
        self.pressed: set[Trigger] = set()
        """Triggers that are down."""

    def handle_message(self, message: Message) -> bool:
        """Do the action of a message; return whether it is a learned one."""
        trigger = find_trigger(message)
        if trigger is None or trigger not in self.actions:
            return False
        name = self.actions[trigger]
        if name in CONTROL_SCALES:
            self.controls.turn_knob(name, message[2])
        elif self._goes_down(trigger, message):
            self._do_action(name)
        return True

    def release(self) -> None:
        """Count all keys and pedals as up: the keyboard is gone."""
        self.pressed.clear()

    def _goes_down(self, trigger: Trigger, message: Message) -> bool:
        """Keep whether a key or pedal is down; return whether it was up before and is down now."""
        was_down = trigger in self.pressed
        is_down = message[2] >= PEDAL_DOWN
        if trigger.kind == "note":
            is_down = message[0] & 0xF0 == NOTE_ON and message[2] > 0
        if is_down:
            self.pressed.add(trigger)
        else:
            self.pressed.discard(trigger)
        return is_down and not was_down

    def _do_action(self, name: str) -> None:
        """Do an action of TURN_ACTIONS."""
        match name:
            case "your_turn":
                self.turn_switch.give_turn("model")
            case "my_turn":
                self.turn_switch.give_turn("person")
                self.player.end_model_notes()
            case "hold":
                self.log_message("hold on" if self.turn_switch.toggle_hold() else "hold off")
            case "panic":
                self.player.panic()
