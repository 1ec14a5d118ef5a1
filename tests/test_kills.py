"""A kill at every file event of a checkpoint leaves the checkpoint before or the one after."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from factories import ROOT

SCRIPT = '''
import json, os, pathlib, signal, sys, types
import numpy as np

ROOT, FOLDER = sys.argv[1:]
sys.path.insert(0, ROOT)
room = types.ModuleType("pipeline.models.keras")  # without TensorFlow, so that this process may fork
room.__path__ = [ROOT + "/pipeline/models/keras"]
sys.modules["pipeline.models.keras"] = room
from pipeline.training import checkpoint
from pipeline.training.checkpoint import TrainingState


class Variable:
    def __init__(self, value):
        self.value = value

    def numpy(self):
        return self.value

    assign = __init__


def training(epoch):
    held = [Variable(np.full((50, 40), epoch, np.float32)), Variable(np.int64(epoch))]
    return TrainingState([{"epoch": k} for k in range(epoch)], epoch, [held[0].value]), held


def count(kill_at):
    """Call what is returned at every file event; at the last of them, this process is killed."""
    events = []

    def event(name):
        events.append(name)
        if len(events) == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def hear(name, arguments):
        inside = any(str(a).startswith(FOLDER) for a in arguments if isinstance(a, (str, pathlib.PurePath)))
        if inside and name in ("open", "os.rename", "os.remove", "os.mkdir"):
            event(name)

    sys.addaudithook(hear)
    fsync = os.fsync
    os.fsync = lambda handle: (event("fsync"), fsync(handle), event("synced"))[1]

    def write_bytes(path, data):
        with open(path, "wb", buffering=0) as file:
            for part in (data[:10], data[10 : len(data) // 2], data[len(data) // 2 :]):
                file.write(part)
                event("write")

    pathlib.Path.write_bytes = write_bytes
    return events


def save(epoch, kill_at=0):
    """Save in a process of its own; return its end and the events it had."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        events = count(kill_at)
        checkpoint.save_state(pathlib.Path(FOLDER), *training(epoch))
        os.write(write, json.dumps(events).encode())
        os._exit(0)
    os.close(write)
    said = os.read(read, 65536)
    os.close(read)
    return os.waitpid(child, 0)[1], json.loads(said) if said else None


save(1)
_, events = save(2)
found = []
for kill_at in range(1, len(events) + 1):
    save(1)
    end, _ = save(2, kill_at)
    assert end == signal.SIGKILL, end
    _, held = training(7)
    progress = checkpoint.restore_state(pathlib.Path(FOLDER), held)
    expected, variables = training(len(progress.history))
    whole = progress.best_epoch == expected.best_epoch and np.array_equal(progress.best_weights[0], expected.best_weights[0])
    whole = whole and all(np.array_equal(a.value, b.value) for a, b in zip(held, variables))
    found.append((events[kill_at - 1], len(progress.history), bool(whole)))
print(json.dumps(found))
'''


@pytest.fixture(scope="module")
def kills(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, int, bool]]:
    """For each kill: the event, the epoch of the checkpoint afterwards, and whether all of it is of that epoch."""
    folder = tmp_path_factory.mktemp("kills")
    (folder / "script.py").write_text(SCRIPT)
    command = [sys.executable, str(folder / "script.py"), str(ROOT), str(folder / "checkpoint")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [tuple(each) for each in json.loads(done.stdout)]


def test_after_a_kill_at_any_event_one_whole_training_is_there(
    kills: list[tuple[str, int, bool]],
) -> None:
    assert len(kills) >= 10
    assert {"open", "write", "fsync", "synced", "os.rename", "os.remove"} <= {
        event for event, _, _ in kills
    }
    assert all(whole and epoch in (1, 2) for _, epoch, whole in kills), kills


def test_the_new_one_is_there_from_the_move_on(kills: list[tuple[str, int, bool]]) -> None:
    epochs = [epoch for _, epoch, _ in kills]
    assert epochs == sorted(epochs)
    moved = [event for event, _, _ in kills].index("os.rename")
    assert set(epochs[: moved + 1]) == {1} and set(epochs[moved + 1 :]) == {2}


def test_a_checkpoint_written_in_place_would_be_seen(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(
        SCRIPT.replace(
            "def training",
            "checkpoint.files.write_bytes = lambda path, data: path.write_bytes(data)\n\n\ndef training",
        )
    )
    command = [sys.executable, str(tmp_path / "script.py"), str(ROOT), str(tmp_path / "checkpoint")]
    (tmp_path / "checkpoint").mkdir()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "IndexError" in done.stderr or not all(whole for _, _, whole in json.loads(done.stdout))
