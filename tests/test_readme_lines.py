"""The lines of README.md, as printed and in order, in clones of a small project."""

import re
import shlex
import shutil
import time
from pathlib import Path

import pytest
import toy_project as toy
from factories import ROOT, make_music

from pipeline.midi import writer

MY_MUSIC = "~/Music/midi"


def read_lines(section: str) -> list[str]:
    """Return the lines of shell of a section of README.md, without comments."""
    text = (ROOT / "README.md").read_text("utf-8")
    body = re.split(r"^## ", text.partition(f"\n## {section}\n")[2], flags=re.M)[0]
    blocks = re.findall(r"^```bash\n(.*?)^```", body, re.M | re.S)
    lines = [line for block in blocks for line in block.splitlines()]
    return [re.sub(r"\s+#.*$", "", line) for line in lines if not line.startswith("#")]


def run_line(folder: Path, line: str) -> str:
    """Run a line in a shell of its own."""
    return toy.run(folder, "bash", "-c", line).stdout


def list_untracked(folder: Path) -> list[str]:
    """Return what Git shows as new, but for metrics, which a person adds after a run."""
    shown = toy.run(folder, "git", "status", "--short", "-uall").stdout.splitlines()
    return [line for line in shown if line.startswith("?? ") and "metrics/" not in line]


def wait_for_queue(folder: Path) -> None:
    """Wait until no experiment of the queue waits or runs; each must have succeeded."""
    for _ in range(600):
        status = toy.run(folder, "dvc", "queue", "status").stdout
        if not re.search(r"Queued|Running", status):
            break
        time.sleep(0.5)
    assert "Success" in status and "Failed" not in status, status


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clean clone of a project that ran, with its cache, as after 'make repro'."""
    folder = tmp_path / "clone"
    source = Path(shutil.copytree(toy.make_finished(), tmp_path / "origin", symlinks=True))
    toy.commit(source, "results")
    toy.run(tmp_path, "git", "clone", "-q", str(source), str(folder))
    shutil.copytree(source / ".dvc/cache", folder / ".dvc/cache")
    toy.run(folder, "dvc", "checkout", "-q")
    for key, value in (("user.name", "a"), ("user.email", "a@b")):
        toy.run(folder, "git", "config", key, value)
    return folder


@pytest.mark.slow
def test_the_lines_on_own_music_and_a_queued_run_after_them_work(
    clone: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "my midi"
    folder.mkdir()
    for seed in range(5):
        writer.write_notes(make_music(seed, 200), folder / f"{seed}.mid")
    lines = read_lines("Your own music")
    assert any(MY_MUSIC in line for line in lines)
    assert any("--queue" in line for line in lines)
    for line in lines:
        run_line(clone, line.replace(MY_MUSIC, shlex.quote(str(folder))))
    wait_for_queue(clone)
    assert (clone / "data/raw/my-piano.zip").exists()
    assert list_untracked(clone) == []


@pytest.mark.slow
def test_the_lines_that_compare_ideas_work(clone: Path) -> None:
    lines = read_lines("Compare ideas")
    assert lines.pop(0) == "source .venv/bin/activate"  # the environment of this test is active
    for line in lines:
        shown = run_line(clone, line)
        if "queue start" in line:
            wait_for_queue(clone)
            status = toy.run(clone, "dvc", "queue", "status").stdout
            (task, *_) = re.findall(r"^[0-9a-f]{7}", status, re.M)
            assert "check" in toy.run(clone, "dvc", "queue", "logs", task).stdout
        if "music-rnn diff" in line:
            assert re.search(r"^hybrid +larger-dense +\d", shown, re.M)
        if "exp show" in line:
            assert "larger-dense" in shown and "best.bits_per_note" in shown
    assert list_untracked(clone) == []


def test_a_line_says_how_to_follow_the_queue() -> None:
    assert "dvc queue logs NAME -f" in (ROOT / "README.md").read_text("utf-8")


@pytest.mark.parametrize("name", ["queue.log", "play.mid", "dvc_plots/index.html"])
def test_git_ignores_what_the_lines_write(name: str) -> None:
    assert toy.run(ROOT, "git", "check-ignore", "-q", name, check=False).returncode == 0


@pytest.mark.slow
def test_the_lines_that_need_no_device_write_music(in_folder: Path) -> None:
    writer.write_notes(make_music(1, 120), in_folder / "my-piece.mid")
    wanted = (
        "play --midi-out none",
        "generate",
        "score maestro my-piece.mid --per-note",
        "export maestro --html",
        "export maestro -o",
    )
    text = (ROOT / "README.md").read_text("utf-8")
    prose = re.findall(r"^- `(music-rnn [^`]*)`", text, re.M)
    lines = [*read_lines("Hear it"), *prose]
    for words in wanted:
        line = next(line for line in lines if line.startswith(f"music-rnn {words}"))
        run_line(in_folder, line)
    for name in ("play.mid", "out.mid", "bits.parquet", "maestro.html", "step.tflite"):
        assert (in_folder / name).stat().st_size > 100
