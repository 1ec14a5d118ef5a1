"""Why each stage would run now: which value, file or command is not what it was when `dvc.lock` was written.

DVC says this of a stage when it comes to it; here it is said of all, before anything runs. A stage that only follows
another runs if that one writes something else than before, which nobody can know beforehand.
"""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pipeline.core import git, paths
from pipeline.core.errors import CorpusError, PipelineError
from pipeline.corpus.sources.folder_changes import describe_changes

Status = Literal["run", "cached", "maybe", "up to date"]
CONSTANT_STAGES = {"check"}
"""Stages that write the same whenever they run, so that nothing runs because of them."""
MAX_REASONS = 4
"""Changes named in one sentence; of more, the rest is counted."""


@dataclass(frozen=True)
class StagePlan:
    """What would become of one stage, and why."""

    stage: str
    status: Status
    """It runs; its outputs come from DVC's run cache; it runs if an output before it changes; nothing to do."""
    reasons: tuple[str, ...]

    def __str__(self) -> str:
        if self.status == "up to date":
            return f"{self.stage} is up to date."
        reasons = list(self.reasons[:MAX_REASONS])
        if more := len(self.reasons) - len(reasons):
            reasons.append(f"{more} more")
        verb = {"run": "runs:", "cached": "is cached:", "maybe": "runs only if"}[self.status]
        conjunction = "or" if self.status == "maybe" else "and"
        return f"{self.stage} {verb} {_join_phrases(reasons, conjunction)}."


def plan_stages() -> list[StagePlan]:
    """Say of every stage, in the order in which they would run, whether it would and why.

    Raises:
        PipelineError: DVC cannot read the project, which is the folder we are in.
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo
    from networkx import dfs_postorder_nodes

    git.check_dvc_files()
    # Asked whether it has a run, the cache of runs would say that it restores it.
    logging.getLogger("dvc.stage.cache").setLevel(logging.WARNING)
    try:
        with Repo() as repo, repo.lock:
            plans: list[StagePlan] = []
            changing_outputs: dict[str, str] = {}
            changed_files = git.list_changes_since_lock()
            for stage in dfs_postorder_nodes(repo.index.graph):
                plan = _plan_stage(repo, stage, changing_outputs, changed_files)
                plans.append(plan)
                if plan.status != "up to date" and plan.stage not in CONSTANT_STAGES:
                    changing_outputs |= {out.fs_path: plan.stage for out in stage.outs}
            return plans
    except DvcException as error:
        raise PipelineError(f"dvc.yaml: {' '.join(str(error).split())}") from error


def describe_corpus_changes(corpus: str) -> str:
    """Say what changed in the folder of a corpus since its manifest; an empty text where nothing did."""
    try:
        return describe_changes(corpus, paths.get_manifest_path(corpus), paths.get_project_root())
    except CorpusError as error:
        return str(error)


def _plan_stage(
    repo: Any, stage: Any, changing_outputs: Mapping[str, str], changed_files: Mapping[Path, str]
) -> StagePlan:
    """Plan one stage.

    Args:
        repo: of DVC.
        stage: of DVC.
        changing_outputs: outputs that may change before its turn, and the stage that writes each.
        changed_files: as of `git.list_changes_since_lock`.
    """
    name = stage.addressing
    writers: dict[str, str] = {}
    reasons: list[str] = []
    if stage.cmd_changed:
        reasons.append(f"its command is now '{stage.cmd}'")
    for dep in stage.deps:
        stages_before = _find_writers(dep, changing_outputs)
        writers |= dict.fromkeys(stages_before, dep.def_path)
        if not stages_before:
            reasons += _describe_changes(dep, changed_files)
    reasons += [
        f"{out.def_path} {_describe_output_problem(out)}" for out in stage.outs if out.status()
    ]
    if not any(entry.hash_info for entry in (*stage.deps, *stage.outs)):
        reasons = ["dvc.lock does not have it"]
    if reasons:
        is_cached = not writers and _has_cached_run(repo, stage)
        return StagePlan(name, "cached" if is_cached else "run", tuple(reasons))
    if writers:
        changes = (f"{writer} changes {path}" for writer, path in sorted(writers.items()))
        return StagePlan(name, "maybe", tuple(changes))
    return StagePlan(name, "up to date", ())


def _find_writers(dep: Any, changing_outputs: Mapping[str, str]) -> list[str]:
    """Return the stages whose changing outputs a dependency has."""
    return [stage for path, stage in changing_outputs.items() if _paths_overlap(path, dep.fs_path)]


def _paths_overlap(first: str, second: str) -> bool:
    """Whether two paths are the same, or one is inside the other."""
    return Path(first).is_relative_to(second) or Path(second).is_relative_to(first)


def _describe_output_problem(out: Any) -> str:
    if not out.exists:
        return "is not here"
    return "is not what it wrote" if out.changed_checksum() else "is not in the cache"


def _describe_changes(dep: Any, changed_files: Mapping[Path, str]) -> Iterator[str]:
    """Say what is not as it was of one dependency: a file, files of a folder, or values of params.yaml."""
    state = dep.status()
    if not state:
        return
    if hasattr(dep, "read_params"):
        before, now = dep.hash_info.value or {}, dep.read_params()
        for key in dep.params:
            yield from _describe_value_changes(key, before.get(key), now.get(key))
    elif not dep.exists:
        yield f"{dep.def_path} is not here"
    elif not dep.hash_info:
        yield f"{dep.def_path} is new to it"
    elif inside := _select_inside(dep.def_path, changed_files):
        yield from inside
    else:
        yield f"{dep.def_path} changed ({dep.hash_info.value[:7]} → {dep.get_hash().value[:7]})"


def _select_inside(folder: str, changed_files: Mapping[Path, str]) -> list[str]:
    """Say which files of a folder changed; none if it is a file itself, or if Git does not know."""
    return [
        f"{path} {'changed' if change == 'changed' else f'is {change}'}"
        for path, change in sorted(changed_files.items())
        if path != Path(folder) and path.is_relative_to(folder)
    ]


def _describe_value_changes(key: str, before: Any, now: Any) -> Iterator[str]:
    """Say which values differ, by dotted key."""
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        for name in [*before, *(name for name in now if name not in before)]:
            yield from _describe_value_changes(f"{key}.{name}", before.get(name), now.get(name))
    elif before != now:
        yield f"{key} is {_format_value(now)}, was {_format_value(before)}"


def _format_value(value: Any) -> str:
    return "not there" if value is None else str(value)


def _has_cached_run(repo: Any, stage: Any) -> bool:
    """Whether DVC ran the stage on just these inputs before, and still has what it wrote; all inputs must be final."""
    from dvc.stage.cache import RunCacheNotFoundError
    from dvc_data.hashfile.hash_info import HashInfo

    if any(not dep.exists for dep in stage.deps):
        return False
    if any(dep.status() for dep in stage.deps):
        stage.save_deps()
        for out in stage.outs:
            out.hash_info = HashInfo()
    try:
        repo.stage_cache.restore(stage, dry=True)
    except RunCacheNotFoundError:
        return False
    return True


def _join_phrases(phrases: list[str], conjunction: str) -> str:
    return (
        phrases[0]
        if len(phrases) == 1
        else ", ".join(phrases[:-1]) + f" {conjunction} {phrases[-1]}"
    )
