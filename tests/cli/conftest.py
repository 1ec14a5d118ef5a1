"""What tests of the command line share."""

import os
from pathlib import Path

import pytest
from factories import make_music

from pipeline.midi import writer


@pytest.fixture
def written(in_folder: Path) -> Path:
    """A folder with music, and things that are no music."""
    writer.write_notes(make_music(0, 20), in_folder / "a.mid")
    for name in ("b.mid", "b-2.mid", "play.mid", "b.png", "b"):
        (in_folder / name).write_bytes((in_folder / "a.mid").read_bytes())
    (in_folder / "folder").mkdir()
    (in_folder / "link.mid").symlink_to("b.mid")
    os.mkfifo(in_folder / "pipe.mid")
    return in_folder
