"""Files as a Git revision has them, beside those of the work tree; and the experiments that DVC keeps in Git."""

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.core import yaml
from pipeline.core.errors import DataError

DVC_LOCK = Path("dvc.lock")
EXPERIMENT_REF = re.compile(r"^(\w+) refs/exps/([0-9a-f]{2})/([0-9a-f]{38})/(\S+)$", re.M)
"""How Git lists what DVC keeps of an experiment: its commit, the commit it started from in two parts, its name."""


@dataclass(frozen=True)
class Experiment:
    """An experiment of DVC."""

    name: str
    commit: str
    baseline_commit: str
    """The commit it started from."""


def run_git(*arguments: str) -> str:
    """Run Git and return what it says.

    Raises:
        DataError: it failed; the last line of what it said.
    """
    done = subprocess.run(["git", *arguments], check=False, capture_output=True, text=True)
    if done.returncode:
        raise DataError(f"git {arguments[0]}: {(done.stderr.strip() or 'failed').splitlines()[-1]}")
    return done.stdout


def list_experiments() -> list[Experiment]:
    """Return the experiments that Git has.

    Raises:
        DataError: this is no repository.
    """
    listed = EXPERIMENT_REF.findall(
        run_git("for-each-ref", "--format=%(objectname) %(refname)", "refs/exps")
    )
    return [Experiment(name, commit, first + rest) for commit, first, rest, name in listed]


def revision_exists(revision: str) -> bool:
    """Whether Git has a commit of that name."""
    done = subprocess.run(
        ["git", "rev-parse", "-q", "--verify", f"{revision}^{{commit}}"], capture_output=True
    )
    return done.returncode == 0


def is_modified(path: Path) -> bool:
    """Whether a file of the work tree differs from that of the last commit; false where Git does not have it.

    Contents are compared. 'git diff' compares times in seconds first, and takes a file that DVC changed within the
    second of its checkout for unchanged if its size is the same.
    """
    try:
        committed = run_git("rev-parse", f"HEAD:./{path.as_posix()}")
        return run_git("hash-object", "--", path.as_posix()) != committed
    except (DataError, FileNotFoundError):
        return False


def read_text(revision: str, path: Path) -> str:
    """Return a file of a revision, or of the work tree where the revision is empty; nothing if it is not there.

    Raises:
        DataError: there is no such revision.
    """
    if not revision:
        return path.read_text(encoding="utf-8") if path.is_file() else ""
    if not revision_exists(revision):
        raise DataError(f"no revision {revision!r} here; fetch it, or name another with --base")
    listed = run_git("ls-tree", "--name-only", revision, "--", path.as_posix())
    return run_git("show", f"{revision}:./{path.as_posix()}") if listed else ""


def make_json_reader(revision: str) -> Callable[[Path], Any]:
    """Return a function that reads JSON files of a revision; of one that is not there it gives an empty object."""

    def read_json(path: Path) -> Any:
        try:
            return json.loads(read_text(revision, path) or "{}")
        except ValueError as error:
            where = f"{revision}:{path}" if revision else path
            raise DataError(f"{where}: not JSON ({error}); run 'dvc repro'") from error

    return read_json


@contextmanager
def _convert_lock_errors() -> Iterator[None]:
    """Read the lock, of which DVC, killed while it wrote, may have left a part; many a part is YAML.

    Raises:
        DataError: it is no record of stages.
    """
    try:
        yield
    except (AttributeError, TypeError, ValueError) as error:
        raise DataError(f"{DVC_LOCK}: torn ({error}); run 'music-rnn repair'") from error


def load_dvc_lock(revision: str) -> dict[str, Any]:
    """Return the stages of `dvc.lock`, by name.

    Raises:
        DataError: the file is torn.
    """
    with _convert_lock_errors():
        told = (yaml.parse_yaml(read_text(revision, DVC_LOCK)) or {}).get("stages") or {}
        return {str(name): dict(stage) for name, stage in told.items()}


def load_output_hash(revision: str, path: Path) -> str:
    """Return the hash that `dvc.lock` has of an output, or nothing.

    Raises:
        DataError: the file is torn.
    """
    stages = load_dvc_lock(revision)
    with _convert_lock_errors():
        outs = [out for stage in stages.values() for out in stage.get("outs") or []]
        return next(
            (str(out.get("md5") or "") for out in outs if out.get("path") == path.as_posix()), ""
        )


def load_stage_params(revision: str, stage: str) -> dict[str, Any]:
    """Return the values that a stage last ran with, as `dvc.lock` has them.

    Raises:
        DataError: the file is torn.
    """
    stages = load_dvc_lock(revision)
    with _convert_lock_errors():
        return dict((stages.get(stage, {}).get("params") or {}).get("params.yaml") or {})
