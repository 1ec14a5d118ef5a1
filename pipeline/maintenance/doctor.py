"""Checks of this machine and this project, one line each, with a remedy where something is wrong.

Versions, processor features, seed and thread count stand together: where all are equal, the pipeline writes equal bytes;
where one differs, sums are taken in another order and the last bits of weights differ.
"""

import os
import platform
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil

from pipeline.config import Params, load_params
from pipeline.core import extras, git, parallel, path_encoding, paths, threads, yaml
from pipeline.core.errors import CorpusError, DataError, PipelineError, sanitize_line
from pipeline.corpus import ingest_summary, manifest, splits
from pipeline.corpus.sources.folder_changes import describe_changes
from pipeline.dataset import replicates
from pipeline.dataset.replicates import ReplicatePlan
from pipeline.dataset.sharded_notes import ShardedNotes
from pipeline.dataset.windows import WindowDataset
from pipeline.live import midi_ports
from pipeline.maintenance import repair

if TYPE_CHECKING:
    from pipeline.corpus.tables import PieceRow

PACKAGES = (
    "numpy",
    "scipy",
    "symusic",
    "pretty_midi",
    "pyarrow",
    "tensorflow",
    "keras",
    "dvc",
    "rtmidi2",
    "websockets",
)
VERSIONS = Path("versions.yaml")
"""Versions of the libraries that can change a figure."""
PARAMS_HINT = f"correct it; 'git checkout {paths.PARAMS}' takes back all changes"
CPU_FEATURES = ("avx", "avx2", "avx512f", "avx512_bf16", "amx_tile", "fma", "asimd", "sve")
"""Of a processor, those by which numeric libraries choose how to add."""
MAX_PASSES = 20
"""Passes over the training notes above which a model overfits them."""
SUMMARY_TOPICS = ("merged", "notes left out", "files left out", "damage skipped", "same works")
"""Lines of the summary of ingest that are shown although nothing is amiss."""
MIN_HELD_OUT_COMPOSITIONS = 10
"""Held-out compositions below which a single one decides the ranking."""
MEMORY_OF_TRAINING = 1.0
"""Of one replicate [GB]; TensorFlow takes 0.7."""


@dataclass(frozen=True)
class Finding:
    """One line of the screen."""

    topic: str
    message: str
    hint: str = ""
    """What to do, where something is amiss."""
    is_failure: bool = False
    """Whether nothing of the project runs until it is mended."""


def run_checks() -> list[Finding]:
    """Look at the machine, and at the project if there is one here."""
    in_project = os.path.lexists(paths.PARAMS)
    findings = [
        *_check_machine(in_project),
        *_check_packages(in_project),
        *_check_threads(),
        *_check_ports(),
    ]
    if not in_project:
        return [
            *findings,
            Finding(
                "project",
                f"no {paths.PARAMS} in this folder; play, generate, score and studio need none",
            ),
        ]
    try:
        params = load_params(paths.PARAMS)
    except PipelineError as error:
        return [*findings, Finding("params", str(error), PARAMS_HINT, is_failure=True)]
    checks: Sequence[Callable[[Params], Iterator[Finding]]] = (
        _check_memory,
        _check_versions,
        _check_reproducibility,
        _check_corpus,
        _check_music,
        _check_project_path,
        _check_dvc_state,
    )
    return [*findings, *(finding for check in checks for finding in _run_check(check, params))]


def _run_check(check: Callable[[Params], Iterator[Finding]], params: Params) -> Iterator[Finding]:
    """Look at one thing; an error is a finding."""
    topic = check.__name__.removeprefix("_check_").replace("_", " ")
    try:
        yield from check(params)
    except PipelineError as error:
        yield Finding(topic, str(error), "correct the file, or restore it from Git", True)
    except OSError as error:
        yield Finding(
            topic, f"{error.filename}: {error.strerror}", "make it readable for you", True
        )
    except ModuleNotFoundError as error:
        explanation = extras.explain_missing_module(error)
        package = (error.name or "").partition(".")[0]
        yield Finding(topic, str(explanation), extras.format_install_command(package))


def _check_machine(in_project: bool) -> Iterator[Finding]:
    cores = parallel.count_cores()
    memory = psutil.virtual_memory().available / 2**30
    free = shutil.disk_usage(".").free / 2**30
    yield Finding(
        "machine",
        f"{platform.system()} {platform.machine()}, Python {platform.python_version()}, {cores} cores",
    )
    yield Finding("memory", f"{memory:.1f} GB available")
    yield Finding(
        "disk",
        f"{free:.1f} GB free",
        "a full run needs 1 GB; free space" if in_project and free < 1 else "",
    )


def _check_memory(params: Params) -> Iterator[Finding]:
    """Say where memory is too small for as many replicates as train at once."""
    num_processes = min(parallel.count_cores(), params.replicates.count)
    needed = 1 + num_processes * MEMORY_OF_TRAINING
    if psutil.virtual_memory().available < needed * 2**30:
        message = f"{num_processes} replicates train at once, which takes {needed:.0f} GB"
        yield Finding("training memory", message, "close other programs")


def _check_packages(in_project: bool) -> Iterator[Finding]:
    """Say what is installed; outside a project nothing is missing that only the pipeline needs."""
    installed: list[str] = []
    missing: dict[str, list[str]] = defaultdict(list)
    for name in PACKAGES:
        try:
            installed.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing[extras.format_install_command(name)].append(name)
    yield Finding("installed", ", ".join(installed))
    for command, names in missing.items():
        is_needed = in_project or "train" not in command
        purpose = "" if is_needed else " (only the pipeline needs them)"
        yield Finding("missing", ", ".join(names) + purpose, command if is_needed else "")


def _check_threads() -> Iterator[Finding]:
    """Say how many threads numpy uses, and which settings of the user give way to that."""
    message = f"{threads.read_blas_threads()} for playing and scoring"
    if threads.OVERRIDDEN:
        settings = ", ".join(f"{name}={value}" for name, value in threads.OVERRIDDEN.items())
        message += f"; overridden: {settings} of your environment"
    yield Finding("threads", message)


def _check_ports() -> Iterator[Finding]:
    try:
        names = [
            *midi_ports.list_port_names(midi_ports.OUT),
            *midi_ports.list_port_names(midi_ports.IN),
        ]
    except PipelineError as error:
        yield Finding("MIDI ports", "none", str(error))
        return
    yield Finding(
        "MIDI ports",
        ", ".join(names) or "none",
        "" if names else "to play live, start a synthesizer",
    )


def _check_versions(_: Params) -> Iterator[Finding]:
    """Compare installed libraries with those of the committed figures."""
    differing = []
    for name, text in _read_versions().items():
        allowed = str(text).split()
        try:
            installed = version(name)
        except PackageNotFoundError:
            continue
        if installed not in allowed:
            differing.append(f"{name} {installed}, not {' or '.join(allowed)}")
    message = (
        f"differ from {VERSIONS}: {'; '.join(differing)}" if differing else f"as in {VERSIONS}"
    )
    remedy = "figures may differ from the committed ones; pip install -r requirements.lock"
    yield Finding("versions", message, remedy if differing else "")


def _read_versions() -> dict[str, Any]:
    """Return the versions of each library that the committed figures were made with.

    Raises:
        DataError: the file is missing or damaged.
    """
    try:
        versions = yaml.load_yaml(VERSIONS)
    except (OSError, yaml.YamlError) as error:
        raise DataError(f"{VERSIONS}: cannot be read ({error})") from error
    if not isinstance(versions, dict):
        raise DataError(f"{VERSIONS}: holds no versions")
    return versions


def _check_reproducibility(params: Params) -> Iterator[Finding]:
    flags: list[str] = []
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        flags = next((line.split() for line in lines if line.startswith(("flags", "Features"))), [])
    features = (
        " ".join(name for name in CPU_FEATURES if name in flags)
        or platform.processor()
        or platform.machine()
    )
    yield Finding(
        "equal bytes",
        f"seed {params.seed}, {params.train.num_threads} thread(s) in training, processor with {features}, versions as above",
    )


def _check_corpus(params: Params) -> Iterator[Finding]:
    if not paths.PIECES.exists():
        yield Finding("corpus", f"{params.corpus}: not read yet", "run 'dvc repro ingest'")
        return
    from pipeline.corpus import tables  # needs pyarrow, of the extra `train`

    rows = tables.read_pieces(paths.PIECES)
    reasons = [
        line.partition(",")[2] for line in paths.REJECTED.read_text("utf-8").splitlines()[1:]
    ]
    copies = sum("duplicate of" in reason for reason in reasons)
    counts = "; ".join(
        _format_split_counts(split, [row for row in rows if row.split == split])
        for split in splits.SPLITS
    )
    yield Finding("corpus", f"{params.corpus}: {counts}")
    yield Finding(
        "left out",
        f"{copies} copies, {len(reasons) - copies} unreadable files; {paths.REJECTED} says why",
    )
    yield from _check_leaks(rows, params.corpus)
    yield from _check_corpus_size(rows, params)


def _format_split_counts(split: str, rows: Sequence["PieceRow"]) -> str:
    return f"{split} {len(rows):,} pieces, {sum(row.num_notes for row in rows):,} notes"


def _check_leaks(rows: Sequence["PieceRow"], corpus: str) -> Iterator[Finding]:
    try:
        accepted = manifest.get_accepted_leaks(
            manifest.load_manifest(paths.get_manifest_path(corpus))
        )
        leaks = splits.find_leaks(
            [row.composition for row in rows], [row.split for row in rows], accepted
        )
    except CorpusError as error:
        yield Finding("leaks", "cannot be ruled out", str(error))
        return
    yield Finding(
        "leaks",
        f"{len(leaks)} composition(s) in several splits, by leave of the manifest"
        if leaks
        else "no composition in several splits",
    )


def _check_corpus_size(rows: Sequence["PieceRow"], params: Params) -> Iterator[Finding]:
    plan = _plan_replicates(rows, params)
    is_training = plan.select(1).splits == "train"
    training = sum(row.num_notes for row, used in zip(rows, is_training, strict=True) if used)
    budget = params.train.epochs * params.train.notes_per_epoch
    times = budget / max(1, training)
    yield Finding(
        "training",
        f"a budget of {budget:,} notes reads each of {training:,} {times:,.1f} times",
        "too small to train on for so long: add music, or lower train.notes_per_epoch"
        if times > MAX_PASSES
        else "",
    )
    compositions = _count_deciding_compositions(plan, params.compare.split)
    yield Finding(
        "held out",
        f"{compositions} compositions decide; {_describe_scheme(plan)}",
        f"below {MIN_HELD_OUT_COMPOSITIONS}, one composition decides: add music, or take another corpus"
        if compositions < MIN_HELD_OUT_COMPOSITIONS
        else "",
    )


def _plan_replicates(rows: Sequence["PieceRow"], params: Params) -> ReplicatePlan:
    """Return the replicates, by the table of pieces alone: the plan reads no note."""
    dataset = WindowDataset(
        notes=ShardedNotes([]),
        piece_ends=np.cumsum([row.num_notes for row in rows]),
        splits=np.array([row.split for row in rows]),
        piece_names=np.array([row.member for row in rows]),
        compositions=np.array([row.composition for row in rows]),
        sequence_length=params.windows.sequence_length,
        stride=params.windows.stride,
        max_train_notes=params.windows.max_train_notes,
    )
    return replicates.make_plan(dataset, params.replicates)


def _count_deciding_compositions(plan: ReplicatePlan, split: str) -> int:
    """Return how many compositions some replicate holds out to decide."""
    deciding = plan.get_deciding_split(split)
    datasets = [plan.select(number) for number in range(1, plan.count + 1)]
    return len({name for each in datasets for name in each.select_compositions(deciding)})


def _describe_scheme(plan: ReplicatePlan) -> str:
    """Say what the replicates of an architecture differ in."""
    if plan.scheme == "cross_validation":
        return f"each is held out by one of {plan.count} replicates"
    return f"{plan.count} replicate(s), each of another seed"


def _check_music(params: Params) -> Iterator[Finding]:
    """Say what ingest left out, what is amiss with what it took, and whether the folder of the corpus changed."""
    manifest_path = paths.get_manifest_path(params.corpus)
    if changes := describe_changes(params.corpus, manifest_path, paths.get_project_root()):
        message, separator, hint = changes.rpartition("; ")
        yield Finding("folder", message or hint, hint if separator else "")
    if not paths.INGEST_SUMMARY.exists():
        return
    summary = ingest_summary.load_summary(paths.INGEST_SUMMARY)
    accepted = manifest.load_accepted_leaks(manifest_path)
    length = params.windows.sequence_length
    for line in ingest_summary.describe_summary(summary, length, accepted):
        if line.hint or line.topic in SUMMARY_TOPICS:
            yield Finding(line.topic, line.message, line.hint)


def _check_project_path(_params: Params) -> Iterator[Finding]:
    """Say where DVC cannot run experiments in a temporary copy of the project."""
    problem = path_encoding.find_cache_path_problem()
    if problem:
        message, _, hint = problem.partition("; ")
        yield Finding("path", message, hint)


def _check_dvc_state(_: Params) -> Iterator[Finding]:
    objects = [path for path in Path(".dvc/cache").rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in objects) / 2**20
    yield Finding(
        "DVC's cache", f"{len(objects):,} files, {size:,.0f} MB; 'music-rnn verify' reads all of it"
    )
    for run in repair.find_dvc_runs():
        yield Finding("running", run)
    git.check_dvc_files()
    torn = git.DVC_LOCK.exists() and not repair.is_complete_lock(git.DVC_LOCK.read_bytes())
    yield Finding(
        "dvc.lock",
        "torn" if torn else "whole",
        "run 'music-rnn repair'" if torn else "",
        is_failure=torn,
    )
    waiting = [path.parent.name for path in paths.get_checkpoint_dir().glob("*/state.npz")]
    yield Finding(
        "unfinished", f"{len(waiting)} trainings" + "".join(f", {name}" for name in waiting[:3])
    )


def print_findings(findings: Sequence[Finding]) -> None:
    """Print the screen: `!` marks a finding with a remedy, `x` one that stops the project."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=None, show_header=False, pad_edge=False)
    for finding in findings:
        lines = [finding.message, *([f"-> {finding.hint}"] if finding.hint else [])]
        mark = Text("!", style="yellow") if finding.hint else Text(" ")
        if finding.is_failure:
            mark = Text("x", style="red")
        shown.add_row(mark, finding.topic, Text("\n".join(map(sanitize_line, lines))))
    Console(highlight=False).print(shown)
