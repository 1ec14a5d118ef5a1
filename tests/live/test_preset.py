"""A preset is read as it was written, and a wrong one is refused in one line."""

from pathlib import Path

import pytest

from pipeline.core import files
from pipeline.core.errors import DiskError, ParamsError
from pipeline.live.preset import (
    Preset,
    Trigger,
    find_preset_path,
    find_trigger,
    load_preset,
    parse_trigger,
    save_preset,
)

LEARNED = {"your_turn": "cc 67 channel 1", "panic": "note 36 channel 10", "tempo": "cc 7 channel 2"}


def test_a_preset_is_read_as_it_was_written(tmp_path):
    path = tmp_path / "new" / "stage.yaml"
    preset = Preset(
        channel_in=2, channel_out=16, program=0, thru=True, velocity_curve=2, learned=LEARNED
    )
    save_preset(preset, path)
    assert load_preset(path) == preset
    assert "  panic: note 36 channel 10\n" in path.read_text("utf-8")


def test_an_empty_file_is_the_preset_of_nothing(tmp_path):
    (tmp_path / "a.yaml").write_text("# nothing yet\n")
    assert load_preset(tmp_path / "a.yaml") == Preset()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("learned: {hold: cc 200 channel 1}", "learned.hold: "),
        ("learned: {hold: note 3 channel 17}", "not 'note 3 channel 17'"),
        ("learned: {jump: cc 2 channel 1}", "no action 'jump'; use one of: your_turn, my_turn"),
        ("learned: {tempo: note 2 channel 1}", "tempo is set by a knob; give 'cc NUMBER"),
        ("learned: {hold: cc 2 channel 1, panic: cc 2 channel 1}", "the same trigger; keep one"),
        ("channel_out: 0", "channel_out: "),
        ("channel_in: 17", "channel_in: "),
        ("program: 128", "not 128"),
        ("velocity_curve: 0", "velocity_curve: "),
        ("output_latency: -1", "output_latency: "),
        ("thru: 1", "thru: "),
        ("larned: {}", "larned: "),
        ("- 3", "the file: "),
        ("learned: [", "cannot be read: "),
    ],
)
def test_a_wrong_preset_is_refused_in_one_line(text, message, tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text(text)
    with pytest.raises(ParamsError) as refused:
        load_preset(path)
    assert str(refused.value).startswith(f"{path}: ")
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_preset_that_is_missing_names_the_others_and_the_remedy(tmp_path):
    save_preset(Preset(), tmp_path / "stage.yaml")
    with pytest.raises(ParamsError, match=r"there is stage; make one with .*--learn home'$"):
        load_preset(tmp_path / "home.yaml")


def test_a_preset_that_cannot_be_written_leaves_the_old_one(tmp_path, monkeypatch):
    path = tmp_path / "a.yaml"
    save_preset(Preset(learned=LEARNED), path)

    def fail(path):
        raise OSError(28, "disk full")

    monkeypatch.setattr(files, "_sync_to_disk", fail)
    with pytest.raises(DiskError):
        save_preset(Preset(), path)
    assert load_preset(path).learned == LEARNED
    assert list(tmp_path.iterdir()) == [path]


def test_a_name_is_looked_up_in_the_folder_and_a_path_is_not():
    folder = Path("presets")
    assert find_preset_path("stage", folder) == folder / "stage.yaml"
    assert find_preset_path("here/stage.yml", folder) == Path("here/stage.yml")
    with pytest.raises(ParamsError, match=r"here/stage: is no name .* ends in .yaml"):
        find_preset_path("here/stage", folder)


@pytest.mark.parametrize(
    ("message", "trigger"),
    [
        ((0x99, 36, 80), Trigger("note", 36, 10)),
        ((0x80, 36, 0), Trigger("note", 36, 1)),
        ((0xB1, 64, 127), Trigger("cc", 64, 2)),
        ((0xE0, 1, 2), None),
    ],
)
def test_the_trigger_of_a_message(message, trigger):
    assert find_trigger(message) == trigger
    if trigger:
        assert parse_trigger(str(trigger)) == trigger
