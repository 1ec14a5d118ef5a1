"""Learning asks for each action once, and writes a preset of the answers."""

from collections import deque

import pytest
from fake_port import FakeKeyboard

from pipeline.core.errors import ParamsError
from pipeline.live import midi_ports
from pipeline.live.controls import CONTROL_SCALES
from pipeline.live.learn import learn_actions, run_learning
from pipeline.live.preset import ACTIONS, TURN_ACTIONS, Preset, load_preset, save_preset

PEDAL = [(0xB0, 67, 0), (0xB0, 67, 127), (0xB0, 67, 0)]
KNOB = [(0xB0, 74, 3), (0xB0, 74, 4)]


def learn(events, learned=None):
    """Return what is learned of events, and the lines for the person."""
    lines, waiting = [], deque(events)
    return learn_actions(learned or {}, waiting.popleft, lines.append), lines


def test_each_action_gets_its_trigger_and_a_moving_pedal_counts_once():
    key, pad = [(0x90, 21, 70), (0x80, 21, 0)], [(0x99, 36, 90), (0x89, 36, 0)]
    learned, lines = learn([*PEDAL, *key, "skip", *pad, *KNOB, "end"])
    assert learned == {
        "your_turn": "cc 67 channel 1",
        "my_turn": "note 21 channel 1",
        "panic": "note 36 channel 10",
        "pitch_temperature": "cc 74 channel 1",
    }
    assert lines[0] == "your turn: press a key, pedal or button; Enter keeps none"
    assert "pitch temperature: turn a knob; Enter keeps none" in lines


def test_enter_keeps_what_was_learned_before():
    before = {"hold": "cc 80 channel 1", "tempo": "cc 7 channel 1"}
    learned, lines = learn(["skip"] * len(ACTIONS), before)
    assert learned == before
    assert "hold: press a key, pedal or button; Enter keeps cc 80 channel 1" in lines
    assert len(lines) == len(ACTIONS)


def test_a_trigger_moves_to_the_action_that_is_asked_for():
    learned, _ = learn([*PEDAL, "end"], {"panic": "cc 67 channel 1"})
    assert learned == {"your_turn": "cc 67 channel 1"}


def test_a_key_is_no_knob():
    skips = ["skip"] * len(TURN_ACTIONS)
    learned, _ = learn([*skips, (0x90, 60, 70), (0xE0, 1, 2), *KNOB, "end"])
    assert learned == {"pitch_temperature": "cc 74 channel 1"}
    assert "pitch_temperature" in CONTROL_SCALES


@pytest.fixture
def port(monkeypatch):
    keyboard = FakeKeyboard()

    def open_input(name, handler):
        keyboard.handler = handler
        return keyboard

    monkeypatch.setattr(midi_ports, "open_input", open_input)
    return keyboard


def test_a_preset_is_written_and_its_other_actions_stay(port, tmp_path):
    path, lines = tmp_path / "stage.yaml", []
    save_preset(Preset(learned={"tempo": "cc 7 channel 1"}), path)
    answers = [b"\n\n", b""]

    def read_input():
        if len(answers) == 2:
            port.handler((0xB0, 67, 127))
        return answers.pop(0)

    run_learning("keys", path, lines.append, read_input)
    assert load_preset(path).learned == {"your_turn": "cc 67 channel 1", "tempo": "cc 7 channel 1"}
    assert lines[-1] == f"wrote {path}; play with --preset {path}"
    assert port.closed == 1


def test_an_interrupt_writes_nothing_and_closes_the_port(port, tmp_path):
    def log_message(line):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_learning("keys", tmp_path / "a.yaml", log_message, lambda: b"")
    assert list(tmp_path.iterdir()) == []
    assert port.closed == 1


def test_a_file_that_is_no_preset_is_not_overwritten(port, tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text("seed: 1\n")
    with pytest.raises(ParamsError, match="seed: "):
        run_learning("keys", path, print, lambda: b"")
    assert path.read_text() == "seed: 1\n"
