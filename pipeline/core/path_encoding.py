"""Paths that DVC cannot write into the settings of a temporary copy of the project."""

import subprocess
import sys
from pathlib import Path


def find_cache_path_problem() -> str:
    """Return why DVC cannot run an experiment in a temporary copy of the project here, and what to do, or an empty text.

    `dvc exp run --temp` and `--queue` write the path of the cache with the ASCII codec; `dvc exp run` alone does not.
    """
    project = Path.cwd()
    if str(project).isascii():
        return ""
    command = (sys.executable, "-m", "dvc", "cache", "dir")
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:  # no DVC is installed, or this is no project of it
        return ""
    cache = (project / result.stdout.splitlines()[-1]).resolve()
    if str(cache).isascii():
        return ""
    return (
        f"{cache}: DVC cannot run --temp, --queue or a study with its cache below a folder whose name is not ASCII; "
        "run 'dvc cache dir --local FOLDER' with an ASCII path outside the project, or move the project"
    )
