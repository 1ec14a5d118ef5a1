"""A clone on a system that changes line endings has the same bytes, which DVC and the manifests compare."""

import subprocess
from pathlib import Path

from factories import ROOT


def test_a_clone_with_autocrlf_has_the_bytes_of_the_repository(tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    command = ["git", "clone", "-q", "-c", "core.autocrlf=true", str(ROOT), str(clone)]
    subprocess.run(command, check=True)
    lines = subprocess.run(
        ["git", "ls-files", "--eol"], cwd=clone, check=True, capture_output=True, text=True
    ).stdout.splitlines()
    assert len(lines) > 400
    changed = [line for line in lines if line.split()[0][2:] != line.split()[1][2:]]
    assert not changed
