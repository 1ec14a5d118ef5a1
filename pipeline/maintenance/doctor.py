"""What a person, or a report of a fault, needs to know of this machine and this project: one screen, with remedies.

The facts that change bytes are said together: at equal versions, processor features, seed and thread count the pipeline
writes equal bytes; where one differs, sums are taken in another order and the last bits of weights differ.
"""

import os
import platform
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.config import Params, load_params
from pipeline.core import extras, paths
from pipeline.core.errors import CorpusError, PipelineError, sanitize_line
from pipeline.corpus import manifest, splits
from pipeline.live import midi_ports
from pipeline.maintenance import repair

if TYPE_CHECKING:
    from pipeline.corpus.tables import PieceRow

PACKAGES = (
    "numpy",
    "symusic",
    "pretty_midi",
    "pyarrow",
    "tensorflow",
    "keras",
    "dvc",
    "python-rtmidi",
    "websockets",
)
PACKAGE_EXTRAS = {
    "tensorflow": "train",
    "keras": "train",
    "dvc": "train",
    "python-rtmidi": "play",
    "websockets": "studio",
}
"""Extra of pyproject.toml that installs a package."""
CPU_FEATURES = ("avx", "avx2", "avx512f", "avx512_bf16", "amx_tile", "fma", "asimd", "sve")
"""Of a processor, those by which numeric libraries choose how to add."""
MAX_PASSES = 20
"""A training that reads every note more often than this knows its corpus by heart."""
MIN_HELD_OUT_PIECES = 10
"""Held-out pieces, below which one piece decides."""


@dataclass(frozen=True)
class Finding:
    """One line of the screen."""

    topic: str
    message: str
    hint: str = ""
    """What to do, where something is amiss."""


def run_checks() -> list[Finding]:
    """Look at everything; what fails is a fact like others."""
    facts = [*_check_machine(), *_check_packages(), *_check_ports()]
    try:
        params = load_params(paths.PARAMS)
    except PipelineError as error:
        return [*facts, Finding("params", str(error), "correct it")]
    looks: Sequence[Callable[[Params], Iterator[Finding]]] = (
        _check_reproducibility,
        _check_corpus,
        _check_dvc_state,
    )
    return [*facts, *(fact for look in looks for fact in _run_check(look, params))]


def _run_check(check: Callable[[Params], Iterator[Finding]], params: Params) -> Iterator[Finding]:
    """Look at one thing; an error is a fact."""
    try:
        yield from check(params)
    except (PipelineError, OSError) as error:
        yield Finding(check.__name__.removeprefix("_check_"), str(error), "see there")
    except ModuleNotFoundError as error:
        package = error.name or ""
        yield Finding(
            check.__name__.removeprefix("_check_"),
            f"package {package} is not installed",
            extras.format_install_command(package),
        )


def _check_machine() -> Iterator[Finding]:
    cores = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    memory = _read_available_memory()
    free = shutil.disk_usage(".").free / 2**30
    yield Finding(
        "machine",
        f"{platform.system()} {platform.machine()}, Python {platform.python_version()}, {cores} cores",
    )
    yield Finding(
        "memory",
        f"{memory:.1f} GB",
        "training needs 2 GB; close other programs" if 0 < memory < 2 else "",
    )
    yield Finding(
        "disk", f"{free:.1f} GB free", "a full run needs 1 GB; free space" if free < 1 else ""
    )


def _read_available_memory() -> float:
    """Return the memory that is available [GB], or 0 where the system does not say."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        return (
            next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable")) / 2**20
        )
    except (OSError, StopIteration):
        return 0.0


def _check_packages() -> Iterator[Finding]:
    found, missing = [], defaultdict(list)
    for name in PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing[PACKAGE_EXTRAS.get(name, "")].append(name)
    yield Finding("installed", ", ".join(found))
    for extra, names in missing.items():
        yield Finding(
            "missing",
            ", ".join(names),
            f"pip install -e '.[{extra}]'" if extra else "pip install -e .",
        )


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


def _check_reproducibility(params: Params) -> Iterator[Finding]:
    flags: list[str] = []
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        flags = next((line.split() for line in lines if line.startswith(("flags", "Features"))), [])
    having = (
        " ".join(name for name in CPU_FEATURES if name in flags)
        or platform.processor()
        or platform.machine()
    )
    yield Finding(
        "equal bytes",
        f"seed {params.seed}, {params.train.num_threads} threads, processor with {having}, versions as above",
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
        known = splits.find_leaks(
            [row.composition for row in rows], [row.split for row in rows], accepted
        )
    except CorpusError as error:
        yield Finding("leaks", "cannot be ruled out", str(error))
        return
    yield Finding(
        "leaks",
        f"{len(known)} composition(s) in several splits, by leave of the manifest"
        if known
        else "none",
    )


def _check_corpus_size(rows: Sequence["PieceRow"], params: Params) -> Iterator[Finding]:
    training = sum(row.num_notes for row in rows if row.split == "train")
    budget = params.train.epochs * params.train.notes_per_epoch
    times = budget / max(1, training)
    yield Finding(
        "training",
        f"a budget of {budget:,} notes reads each of {training:,} {times:,.1f} times",
        "too small to train on for so long: add music, or lower train.notes_per_epoch"
        if times > MAX_PASSES
        else "",
    )
    held = sum(row.split == params.compare.split for row in rows)
    yield Finding(
        "held out",
        f"{held} pieces decide",
        f"below {MIN_HELD_OUT_PIECES}, one piece decides: add music, or take another corpus"
        if held < MIN_HELD_OUT_PIECES
        else "",
    )


def _check_dvc_state(_: Params) -> Iterator[Finding]:
    objects = [path for path in Path(".dvc/cache").rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in objects) / 2**20
    yield Finding(
        "DVC's cache", f"{len(objects):,} files, {size:,.0f} MB; 'music-rnn verify' reads all of it"
    )
    for run in repair.find_dvc_runs():
        yield Finding("running", run)
    torn = repair.DVC_LOCK.exists() and not repair.is_complete_lock(repair.DVC_LOCK.read_bytes())
    yield Finding("dvc.lock", "torn" if torn else "whole", "run 'music-rnn repair'" if torn else "")
    waiting = [path.parent.name for path in paths.get_checkpoint_dir().glob("*/state.npz")]
    yield Finding(
        "unfinished", f"{len(waiting)} trainings" + "".join(f", {name}" for name in waiting[:3])
    )


def print_findings(findings: Sequence[Finding]) -> None:
    """Print the screen; a line that starts with an exclamation mark has a remedy."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=None, show_header=False, pad_edge=False)
    for fact in findings:
        lines = [fact.message, *([f"-> {fact.hint}"] if fact.hint else [])]
        mark = Text("!" if fact.hint else " ", style="yellow")
        shown.add_row(mark, fact.topic, Text("\n".join(map(sanitize_line, lines))))
    Console(highlight=False).print(shown)
