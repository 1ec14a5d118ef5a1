"""Learn which key, pedal or knob does what: `music-rnn play --learn` asks for each action in turn.

Enter keeps what the file has for an action, the end of input (Ctrl-D) keeps all that follow, and Ctrl-C writes nothing.
"""

import os
import threading
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from typing import Literal

from pipeline.live import midi_ports
from pipeline.live.active_keys import NOTE_ON, Message
from pipeline.live.controls import CONTROL_SCALES
from pipeline.live.preset import ACTIONS, Preset, Trigger, find_trigger, load_preset, save_preset
from pipeline.midi.sustain import PEDAL_DOWN

LearnEvent = Message | Literal["skip", "end"]
STDIN = 0
"""File descriptor of the terminal."""
READ_BYTES = 1024


def read_terminal() -> bytes:
    """Return what a person typed, with the end of its line; nothing at the end of input.

    A thread that waits here holds no lock of Python, so the program can end without it.
    """
    return os.read(STDIN, READ_BYTES)


def run_learning(
    midi_in: str,
    path: Path,
    log_message: Callable[[str], None],
    read_input: Callable[[], bytes],
) -> None:
    """Ask for the trigger of each action and write a preset; settings of a preset that is there are kept.

    Args:
        midi_in: part of the name of an input port.
        path: file of the preset.
        log_message: takes a line for the person.
        read_input: waits for Enter; returns bytes with an end of line, or none at the end of input.

    Raises:
        ParamsError: the preset that is there is invalid.
        PortError: the port is missing.
        DiskError: the file cannot be written.
    """
    preset = load_preset(path) if path.exists() else Preset()
    events: SimpleQueue[LearnEvent] = SimpleQueue()
    port = midi_ports.open_input(midi_in, events.put)
    reader = threading.Thread(target=_pass_input_on, args=(read_input, events.put), daemon=True)
    reader.start()
    try:
        learned = learn_actions(preset.learned, events.get, log_message)
    finally:
        port.close()
    save_preset(preset.model_copy(update={"learned": learned}), path)
    log_message(f"wrote {path}; play with --preset {path}")


def learn_actions(
    learned: dict[str, str],
    next_event: Callable[[], LearnEvent],
    log_message: Callable[[str], None],
) -> dict[str, str]:
    """Return action to trigger, after asking for each.

    Args:
        learned: what is kept where a person skips.
        next_event: waits for a message or for Enter.
        log_message: takes a line for the person.
    """
    kept = dict(learned)
    used: set[str] = set()
    for action in ACTIONS:
        log_message(_format_question(action, kept.get(action)))
        trigger = _wait_for_trigger(action, used, next_event)
        if trigger == "end":
            break
        if trigger != "skip":
            kept = {name: text for name, text in kept.items() if text != trigger}
            kept[action] = trigger
            used.add(trigger)
            log_message(f"  {trigger}")
    return {action: kept[action] for action in ACTIONS if action in kept}


def _format_question(action: str, trigger: str | None) -> str:
    """Return what a person is asked."""
    request = "turn a knob" if action in CONTROL_SCALES else "press a key, pedal or button"
    name = action.replace("_", " ")
    return f"{name}: {request}; Enter keeps {trigger or 'none'}"


def _wait_for_trigger(action: str, used: set[str], next_event: Callable[[], LearnEvent]) -> str:
    """Return the trigger of an action, `skip` or `end`; triggers that were learned just now are still moving."""
    while True:
        event = next_event()
        if isinstance(event, str):
            return event
        trigger = find_trigger(event)
        if trigger and str(trigger) not in used and _is_usable(action, trigger, event):
            return str(trigger)


def _is_usable(action: str, trigger: Trigger, message: Message) -> bool:
    """Whether a message can be meant for an action: a knob for a control, and for the others what goes down."""
    if action in CONTROL_SCALES:
        return trigger.kind == "cc"
    if trigger.kind == "cc":
        return message[2] >= PEDAL_DOWN
    return message[0] & 0xF0 == NOTE_ON and message[2] > 0


def _pass_input_on(read_input: Callable[[], bytes], put: Callable[[LearnEvent], None]) -> None:
    """Pass each Enter on until the end of input."""
    while data := read_input():
        for _ in range(data.count(b"\n")):
            put("skip")
    put("end")
