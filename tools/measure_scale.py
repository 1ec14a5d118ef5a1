"""Measure what each stage costs on a corpus that is many times as long: `python tools/measure_scale.py --copies 1 4`.

The pieces of `data/notes` are written several times, transposed and stretched, to a temporary project. Each stage runs
there in a process of its own, with one replicate of one architecture. Prints tables in Markdown: CPU seconds, peak memory
of the largest process, and bytes on disk of each stage; then all of them per million notes, and for a larger corpus.
`--page docs/scale-costs.md` writes them there. Notes that are trained on and notes that are scored have a fixed budget,
so that stages differ by what they read. Ingest is not measured: it reads MIDI files, which copies of notes are not.
"""

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from pipeline.core import checksums, paths
from pipeline.corpus import ingest_summary, tables
from pipeline.corpus.tables import NotesWriter, PieceRow
from pipeline.notes.note import NUM_PITCHES, Notes

ROOT = Path(__file__).parent.parent
STAGES = ("windows", "ngrams", "train", "evaluate", "generate", "sample_metrics", "two_sample")
CORPUS_STAGES = ("windows", "ngrams")
"""Stages of the corpus; the others are of one architecture."""
WRITE_NOTES = "write notes"
"""The step that writes the Parquet tables of a corpus."""
MAX_SEMITONES, MAX_STRETCH = 5, 0.05
"""How far a copy is transposed, and by which share it is longer or shorter."""
MILLION = 1_000_000
LAUNCHER = """
import json, os, re, subprocess, sys, time
from pathlib import Path

def list_processes(pid):
    children = Path(f'/proc/{pid}/task/{pid}/children').read_text().split()
    return [pid, *(process for child in children for process in list_processes(int(child)))]

def read_anonymous(pid):
    match = re.search(r'RssAnon:\\s+(\\d+)', Path(f'/proc/{pid}/status').read_text())
    return int(match[1]) if match else 0

process = subprocess.Popen(sys.argv[1:], stdout=sys.stderr)
anonymous, ended = 0, 0
while not ended:
    try:
        anonymous = max(anonymous, *map(read_anonymous, list_processes(process.pid)), 0)
    except OSError:
        pass  # one of them has ended
    time.sleep(0.02)
    ended, status, usage = os.wait4(process.pid, os.WNOHANG)
seconds = usage.ru_utime + usage.ru_stime
print(json.dumps([os.waitstatus_to_exitcode(status), seconds, usage.ru_maxrss, anonymous]))
"""
"""Starts a command from a small process: Linux counts the memory of the process that starts one as part of its peak.

It reads the memory of each process, without pages of files, 50 times a second.
"""
QUICK: dict[str, Any] = {
    "sample_metrics": {"num_samples": 2, "num_notes": 40},
    "two_sample": {"num_prompts": 4, "num_notes": 40},
    "generate": {"num_samples": 1, "num_notes": 20},
}
"""Few samples, to see that the program works."""


@dataclass(frozen=True)
class Cost:
    """What one stage took on one corpus."""

    stage: str
    num_notes: int
    """Of the corpus."""
    cpu_seconds: float
    """Of the stage and its processes."""
    peak_bytes: int
    """Resident memory of its largest process."""
    anonymous_bytes: int
    """The same without pages of files, which the system takes back when it needs memory."""
    disk_bytes: int
    """By which its outputs made the project larger."""


def change_notes(notes: Notes, copy: int) -> Notes:
    """Return notes [N] as the copy of a number has them: transposed and stretched, copy 0 unchanged."""
    semitones = (copy * 7 + MAX_SEMITONES) % (2 * MAX_SEMITONES + 1) - MAX_SEMITONES
    stretch = 1 + MAX_STRETCH * ((copy * 3 + 4) % 9 - 4) / 4
    lowest, highest = int(notes["pitch"].min()), int(notes["pitch"].max())
    semitones = max(-lowest, min(semitones, NUM_PITCHES - 1 - highest))
    changed = notes.copy()
    changed["pitch"] = notes["pitch"].astype(int) + semitones
    changed["onset"] *= stretch
    changed["duration"] *= stretch
    return changed


def write_corpus(source: str, num_copies: int) -> None:
    """Write the tables of a corpus, so many times as long as that of the project `source`, in the current folder."""
    rows = tables.read_pieces(Path(source) / paths.PIECES)
    paths.NOTES.parent.mkdir(parents=True)
    with NotesWriter(paths.NOTES) as writer:
        for row, notes in _iterate_copies(Path(source), rows, num_copies):
            writer.write_piece(row.index, notes)
    copied_rows = (
        replace(row, index=index, member=f"{copy}/{row.member}")
        for index, (copy, row) in enumerate(itertools.product(range(num_copies), rows))
    )
    tables.write_pieces(paths.PIECES, copied_rows)
    summary = ingest_summary.load_summary(Path(source) / paths.INGEST_SUMMARY)
    ingest_summary.save_summary(paths.INGEST_SUMMARY, summary)
    checksums.write_checksums(paths.NOTES.parent)


def _iterate_copies(
    source: Path, rows: Sequence[PieceRow], num_copies: int
) -> Iterator[tuple[PieceRow, Notes]]:
    """Yield all pieces of all copies, one after the other; no more than one is in memory."""
    for copy in range(num_copies):
        pieces = tables.read_notes(source / paths.NOTES, [row.index for row in rows])
        for number, (row, notes) in enumerate(zip(rows, pieces, strict=True)):
            yield replace(row, index=copy * len(rows) + number), change_notes(notes, copy)


def write_params(project: Path, settings: dict[str, Any]) -> None:
    """Write params.yaml in the current folder: that of a project with other values."""
    yaml = YAML()
    tree = yaml.load((project / paths.PARAMS).read_text("utf-8"))
    for name, value in settings.items():
        if isinstance(value, dict):
            tree[name].update(value)
        else:
            tree[name] = value
    with paths.PARAMS.open("w", encoding="utf-8") as file:
        yaml.dump(tree, file)


def measure_corpus(
    project: Path, num_copies: int, settings: dict[str, Any], left_out: Sequence[str] = ()
) -> list[Cost]:
    """Return the costs of stages on a corpus so many times as long as that of a project; of all but those left out.

    They run in a folder of their own, which is removed again.
    """
    rows = tables.read_pieces(project / paths.PIECES)
    num_notes = num_copies * sum(row.num_notes for row in rows)
    script = f"import measure_scale; measure_scale.write_corpus({str(project)!r}, {num_copies})"
    steps = {WRITE_NOTES: ["-c", script]}
    for stage in STAGES:
        if stage in left_out:
            continue
        architecture = [] if stage in CORPUS_STAGES else settings["architectures"]
        steps[stage] = ["-m", f"pipeline.stages.{stage}", *architecture]
    costs = []
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            write_params(project, settings)
            for stage, arguments in steps.items():
                size = _measure_size(Path(folder))
                cpu_seconds, peak_bytes, anonymous_bytes = measure_process(arguments)
                disk_bytes = _measure_size(Path(folder)) - size
                cost = Cost(stage, num_notes, cpu_seconds, peak_bytes, anonymous_bytes, disk_bytes)
                costs.append(cost)
        finally:
            os.chdir(ROOT)
    return costs


def measure_process(arguments: Sequence[str]) -> tuple[float, int, int]:
    """Run Python; return CPU seconds, peak resident bytes and those without pages of files, of its processes too.

    Raises:
        SystemExit: it failed; the message is the end of its log.
    """
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tools'}"}
    command = [sys.executable, *arguments]
    result = subprocess.run(
        [sys.executable, "-c", LAUNCHER, *command], env=environment, capture_output=True, text=True
    )
    return_code, cpu_seconds, *kilobytes = json.loads(result.stdout)
    if return_code:
        raise SystemExit(f"python {' '.join(arguments)} failed:\n{result.stderr[-2000:]}")
    peak_bytes, anonymous_bytes = (1024 * value for value in kilobytes)
    return cpu_seconds, peak_bytes, anonymous_bytes


def _measure_size(folder: Path) -> int:
    """Return the bytes of all files of a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def format_costs(costs: Sequence[Cost]) -> str:
    """Return the table of all measurements, in Markdown."""
    lines = [
        "| notes | stage | CPU [s] | peak memory [MB] | without pages of files [MB] | disk [MB] |",
        "|---:|---|---:|---:|---:|---:|",
    ]
    for cost in costs:
        sizes = (cost.peak_bytes, cost.anonymous_bytes, cost.disk_bytes)
        peak, anonymous, disk = (size / MILLION for size in sizes)
        lines.append(
            f"| {cost.num_notes:,} | {cost.stage} | {cost.cpu_seconds:,.1f} | {peak:,.0f} | {anonymous:,.0f} | {disk:,.1f} |"
        )
    return "\n".join(lines)


def format_extrapolation(costs: Sequence[Cost], num_notes: int) -> str:
    """Return the table of costs per million notes, and their sum for a corpus of so many notes, in Markdown.

    The line runs through the shortest and the longest corpus: what it has at no note is the fixed part.
    """
    lines = [
        f"| stage | CPU [s] of {num_notes / MILLION:,.0f} million notes | memory without pages of files [MB] | disk [MB] |",
        "|---|---|---|---|",
    ]
    for stage in dict.fromkeys(cost.stage for cost in costs):
        of_stage = [cost for cost in costs if cost.stage == stage]
        first, last = of_stage[0], of_stage[-1]
        cells = [
            _format_line(first.num_notes, last.num_notes, values, num_notes)
            for values in (
                (first.cpu_seconds, last.cpu_seconds),
                (first.anonymous_bytes / MILLION, last.anonymous_bytes / MILLION),
                (first.disk_bytes / MILLION, last.disk_bytes / MILLION),
            )
        ]
        lines.append(f"| {stage} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _format_line(first: int, last: int, values: tuple[float, float], num_notes: int) -> str:
    """Return the arithmetic of a value of a longer corpus, by those of two corpora; a value that falls does not grow."""
    if values[1] < values[0]:
        return f"does not grow: {values[0]:,.0f}"
    slope = (values[1] - values[0]) / (last - first) * MILLION
    fixed = values[0] - slope * first / MILLION
    millions = num_notes / MILLION
    return f"{fixed:,.2f} + {slope:,.3f} × {millions:,.0f} = {fixed + slope * millions:,.0f}"


def make_report(costs: Sequence[Cost], settings: dict[str, Any], extrapolate_notes: int) -> str:
    """Return the page: what was run, and both tables."""
    _, start_bytes, _ = measure_process(["-c", "import pipeline.training.trainer"])
    architecture = settings["architectures"][0]
    trained, scored = settings["train"]["notes_per_epoch"], settings["compare"]["max_notes"]
    parts = [
        "# What each stage costs",
        f"Written by `tools/measure_scale.py`: copies of the pieces of `data/notes`, one replicate of `{architecture}`, "
        f"{trained:,} notes to train on, {scored:,} held-out notes to score. CPU seconds and peak memory are of the stage "
        "and its processes, memory of the largest one. Peak memory has the pages of the memory-mapped windows, 8 bytes a note; "
        "the system takes them back when it needs memory. "
        f"A process that has imported TensorFlow, and done nothing, has {start_bytes / MILLION:,.0f} MB.",
        format_costs(costs),
    ]
    if len({cost.num_notes for cost in costs}) > 1:
        parts += [
            "A line through the shortest and the longest corpus: fixed part + part per million notes × million notes. "
            "A cost that is smaller for the longest corpus does not grow.",
            format_extrapolation(costs, extrapolate_notes),
        ]
    return "\n\n".join(parts) + "\n"


def main() -> None:
    """Measure, and print the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--project", type=Path, default=ROOT, help="folder with data/notes")
    parser.add_argument("--copies", type=int, nargs="+", default=[1, 4, 16, 64])
    parser.add_argument("--architecture", default="expressive")
    parser.add_argument("--train-notes", type=int, default=8192)
    parser.add_argument("--held-out-notes", type=int, default=20_000)
    parser.add_argument("--extrapolate-notes", type=int, default=6_000 * MILLION)
    parser.add_argument(
        "--ngrams-copies",
        type=int,
        help="most copies on which ngrams is measured, since it takes long",
    )
    parser.add_argument("--quick", action="store_true", help="few samples")
    parser.add_argument("--page", type=Path, help="file to write")
    arguments = parser.parse_args()
    settings = {
        "architectures": [arguments.architecture],
        "replicates": {"count": 1, "scheme": "seeds"},
        "train": {"epochs": 1, "notes_per_epoch": arguments.train_notes},
        "compare": {"max_notes": arguments.held_out_notes},
        **(QUICK if arguments.quick else {}),
    }
    page = arguments.page.absolute() if arguments.page else None
    costs: list[Cost] = []
    for num_copies in sorted(set(arguments.copies)):
        too_long = arguments.ngrams_copies and num_copies > arguments.ngrams_copies
        left_out = ["ngrams"] if too_long else []
        costs += measure_corpus(arguments.project.absolute(), num_copies, settings, left_out)
        print(format_costs(costs), file=sys.stderr, flush=True)
    report = make_report(costs, settings, arguments.extrapolate_notes)
    print(report)
    if page:
        page.write_text(report, encoding="utf-8")


if __name__ == "__main__":
    main()
