"""The preset of a person or place: MIDI channels and what each key, pedal or knob does, in a small YAML file.

    channel_in: 1
    channel_out: 3
    program: 4
    thru: true
    velocity_curve: 0.8
    output_latency: 12.5
    learned:
      your_turn: cc 67 channel 1
      panic: note 36 channel 10
      pitch_temperature: cc 74 channel 1

`music-rnn play --learn` writes it with all keys, a person edits it, and `--preset` reads it.
"""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from pydantic import Field, field_validator
from ruamel.yaml import YAML

from pipeline.config.schema import StrictModel
from pipeline.core import files
from pipeline.core.errors import ParamsError
from pipeline.core.named_yaml import load_named_yaml
from pipeline.live.active_keys import CONTROL_CHANGE, NOTE_OFF, NOTE_ON
from pipeline.live.controls import CONTROL_SCALES

PRESET_SUFFIXES = (".yaml", ".yml")
TURN_ACTIONS = ("your_turn", "my_turn", "hold", "panic")
"""Actions of a key, pedal or button; the others are the controls, set by a knob."""
ACTIONS = (*TURN_ACTIONS, *CONTROL_SCALES)
TRIGGER_PATTERN = r"^(note|cc) (\d|[1-9]\d|1[01]\d|12[0-7]) channel ([1-9]|1[0-6])$"
KINDS = {NOTE_ON: "note", NOTE_OFF: "note", CONTROL_CHANGE: "cc"}
HEADER = "# Written by 'music-rnn play --learn'. A trigger is 'note 36 channel 10' or 'cc 64 channel 1'.\n"

Channel = Annotated[int, Field(ge=1, le=16)]
TriggerText = Annotated[str, Field(pattern=TRIGGER_PATTERN)]


class Trigger(NamedTuple):
    """A key, pedal or knob."""

    kind: str
    """`note` or `cc`."""
    number: int
    """Pitch or number of the controller, 0..127."""
    channel: int
    """1..16."""

    def __str__(self) -> str:
        """Return the text of the file."""
        return f"{self.kind} {self.number} channel {self.channel}"


def parse_trigger(text: str) -> Trigger:
    """Return the trigger of a text that matches TRIGGER_PATTERN."""
    kind, number, _, channel = text.split()
    return Trigger(kind, int(number), int(channel))


def find_trigger(message: Sequence[int]) -> Trigger | None:
    """Return the key or controller that sent a message; None for another kind of message."""
    kind = KINDS.get(message[0] & 0xF0)
    return Trigger(kind, message[1], (message[0] & 0x0F) + 1) if kind else None


class Preset(StrictModel):
    """The settings of one person or place."""

    channel_in: Channel | None = None
    """Channel of the keyboard; None for any. Learned keys and knobs have channels of their own."""
    channel_out: Channel = 1
    """Channel of all notes that are sent."""
    program: Annotated[int, Field(ge=0, le=127)] | None = None
    """Program that is chosen at the start; None leaves that of the synthesizer."""
    thru: bool = False
    """Whether the notes of the person are sent too."""
    velocity_curve: Annotated[float, Field(ge=0.25, le=4)] = 1.0
    """Exponent of the person's velocity as a share of 127; below 1 is louder."""
    output_latency: Annotated[float, Field(ge=0, le=500)] = 0.0
    """Milliseconds that a synthesizer takes to sound: notes of the model are sent that much earlier."""
    learned: dict[str, TriggerText] = Field(default_factory=dict)
    """Action of ACTIONS to its trigger."""

    @field_validator("learned")
    @classmethod
    def _check_learned(cls, learned: dict[str, str]) -> dict[str, str]:
        for action, trigger in learned.items():
            if action not in ACTIONS:
                raise ValueError(f"no action {action!r}; use one of: {', '.join(ACTIONS)}")
            if action in CONTROL_SCALES and trigger.startswith("note"):
                raise ValueError(f"{action} is set by a knob; give 'cc NUMBER channel NUMBER'")
        if len(set(learned.values())) < len(learned):
            raise ValueError("two actions have the same trigger; keep one of them")
        return learned


def find_preset_path(name: str, folder: Path) -> Path:
    """Return the file of a preset.

    Args:
        name: a path that ends in .yaml, or the name of a preset.
        folder: of the presets that have a name.

    Raises:
        ParamsError: the name has a folder but no ending.
    """
    if Path(name).suffix.lower() in PRESET_SUFFIXES:
        return Path(name)
    if Path(name).name != name:
        raise ParamsError(f"{name}: is no name of a preset; give a path that ends in .yaml")
    return folder / f"{name}.yaml"


def load_preset(path: Path) -> Preset:
    """Read and check a preset.

    Raises:
        ParamsError: one line that names the file, the key and what is wrong.
    """

    def describe_missing(names: Sequence[str]) -> str:
        command = f"music-rnn play --midi-in PORT --learn {path.stem}"
        return f"no such preset; there is {', '.join(names) or 'none'}; make one with '{command}'"

    return load_named_yaml(
        path, lambda tree: Preset.model_validate(tree or {}), ParamsError, describe_missing
    )


def save_preset(preset: Preset, path: Path) -> None:
    """Write a preset, whole or not at all.

    Raises:
        DiskError: it cannot be written.
    """
    yaml: Any = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False
    text = io.StringIO()
    text.write(HEADER)
    yaml.dump(preset.model_dump(), text)
    files.write_text(path, text.getvalue())
