"""Files as a Git revision has them, beside those of the work tree; and the experiments that DVC keeps in Git."""

import json
import re
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.core import yaml
from pipeline.core.errors import DataError

DVC_LOCK = Path("dvc.lock")
DVC_YAML = Path("dvc.yaml")
EXPERIMENT_REF = re.compile(r"^(\w+) refs/exps/([0-9a-f]{2})/([0-9a-f]{38})/(\S+)$", re.M)
"""How Git lists what DVC keeps of an experiment: its commit, the commit it started from in two parts, its name."""
FILE_CHANGES = {"A": "new", "D": "gone"}
"""Words for letters of `git diff --name-status`; any other is a change."""


class ConflictError(DataError):
    """A file has conflict markers, which only a person can resolve."""


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


def list_revision_names() -> list[str]:
    """Return the names of branches and tags, also those of remotes."""
    names = run_git(
        "for-each-ref", "--format=%(refname:short)", "refs/heads", "refs/tags", "refs/remotes"
    )
    return names.splitlines()


def find_commit(revision: str) -> str:
    """Return the commit of a revision, or nothing if Git has none of that name."""
    done = subprocess.run(
        ["git", "rev-parse", "-q", "--verify", f"{revision}^{{commit}}"],
        check=False,
        capture_output=True,
        text=True,
    )
    return "" if done.returncode else done.stdout.strip()


def revision_exists(revision: str) -> bool:
    """Whether Git has a commit of that name."""
    return bool(find_commit(revision))


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


@dataclass(frozen=True)
class LockedFile:
    """A file or folder, as it was when a stage last ran."""

    path: str
    md5: str
    """Of a folder it ends in `.dir`; empty where DVC had not yet written it."""
    size: int


@dataclass(frozen=True)
class LockedStage:
    """What a stage last ran with, and what it wrote."""

    command: str
    deps: tuple[LockedFile, ...]
    outs: tuple[LockedFile, ...]
    params: dict[str, Any]
    """Of params.yaml."""


@dataclass(frozen=True)
class DvcLock:
    """`dvc.lock`: the record of DVC, read here only."""

    stages: dict[str, LockedStage]

    @classmethod
    def load(cls, revision: str = "") -> "DvcLock":
        """Read the record of a revision, or of the work tree; without the file it has no stages.

        Raises:
            DataError: it is damaged, or there is no such revision.
        """
        try:
            text = read_text(revision, DVC_LOCK)
        except UnicodeDecodeError as error:
            raise DataError(f"{DVC_LOCK}: torn ({error}); run 'music-rnn repair'") from error
        return cls.parse(text)

    @classmethod
    def parse(cls, text: str) -> "DvcLock":
        """Read a record. DVC, killed while it wrote, may have left a part; many a part is YAML.

        Raises:
            DataError: it is damaged; the message has the remedy.
        """
        check_conflicts(DVC_LOCK, text)
        try:
            tree = (yaml.parse_yaml(text) or {}).get("stages") or {}
            return cls({str(name): _parse_stage(stage) for name, stage in tree.items()})
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            raise DataError(f"{DVC_LOCK}: torn ({error}); run 'music-rnn repair'") from error

    def get_outputs(self) -> dict[Path, str]:
        """Return the hash of every output, by its path."""
        return {Path(out.path): out.md5 for stage in self.stages.values() for out in stage.outs}

    def get_params(self, stage: str) -> dict[str, Any]:
        """Return the values of params.yaml that a stage last ran with; none if it never ran."""
        return self.stages[stage].params if stage in self.stages else {}


def check_conflicts(path: Path, text: str) -> None:
    """Check that Git left no conflict markers in the text of a file.

    Raises:
        ConflictError: it did; the message has the line and the remedy.
    """
    if conflict := yaml.describe_conflict(path, text):
        raise ConflictError(f"{path}: {conflict}")


def check_dvc_files() -> None:
    """Check that dvc.yaml and dvc.lock have no conflict markers, and that dvc.yaml has stages.

    Raises:
        DataError: the message has the remedy.
    """
    for path in (DVC_YAML, DVC_LOCK):
        if path.exists():
            check_conflicts(path, path.read_text("utf-8", errors="replace"))
    if DVC_YAML.exists() and not DVC_YAML.read_bytes().strip():
        raise DataError(f"{DVC_YAML}: the file is empty; 'git checkout {DVC_YAML}' restores it")


def _parse_stage(stage: Mapping[str, Any]) -> LockedStage:
    return LockedStage(
        str(stage.get("cmd") or ""),
        tuple(_parse_file(entry) for entry in stage.get("deps", [])),
        tuple(_parse_file(entry) for entry in stage.get("outs", [])),
        dict((stage.get("params") or {}).get("params.yaml") or {}),
    )


def _parse_file(entry: Mapping[str, Any]) -> LockedFile:
    return LockedFile(str(entry["path"]), str(entry.get("md5") or ""), int(entry.get("size") or 0))


def list_changes_since_lock() -> dict[Path, str]:
    """Return what was done to each file since the commit that last wrote dvc.lock: `changed`, `new` or `gone`.

    Empty where Git has no such commit. Files that Git ignores are left out.
    """
    try:
        commit = run_git("log", "-1", "--format=%H", "--", DVC_LOCK.as_posix()).strip()
        if not commit:
            return {}
        rows = run_git("diff", "--relative", "--no-renames", "--name-status", "-z", commit, "--")
        untracked = run_git("ls-files", "-z", "--others", "--exclude-standard")
    except (DataError, FileNotFoundError):
        return {}
    letters, names = rows.split("\0")[:-1:2], rows.split("\0")[1::2]
    changes = {
        Path(name): FILE_CHANGES.get(letter, "changed")
        for letter, name in zip(letters, names, strict=True)
    }
    return changes | {Path(name): "new" for name in untracked.split("\0") if name}
