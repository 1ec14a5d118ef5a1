"""Read damaged and malicious files with `fetch` and `ingest`, and with pretty_midi, mido and symusic alone.

    python tools/hostile.py /tmp/hostile

tests/hostile generates the files from a seed. Every reader works in a process with limits. A crash is a process that
died; a hang is more than 10 s of CPU time; an invalid result is a note whose time is negative or not a number. Peak
memory is what a file adds to the process that reads it, as the system reports it.
"""

import csv
import hashlib
import io
import json
import os
import resource
import shutil
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "hostile"))

import kinds  # type: ignore[import-not-found]
import places  # type: ignore[import-not-found]
from ruamel.yaml import YAML

from pipeline.config import load_params
from pipeline.core import paths, processes
from pipeline.core.errors import MidiError, PipelineError
from pipeline.core.processes import TaskFailure, TaskLimits
from pipeline.corpus import add_folder, tables
from pipeline.midi import reader as midi
from pipeline.stages import fetch, ingest

ROOT = Path(__file__).parent.parent
LIMITS = TaskLimits(cpu_seconds=10, wall_seconds=300.0, memory_bytes=4 * 2**30, num_workers=1)


def read_with_pipeline(data: bytes) -> bool:
    """Read as ingest does; return whether there are notes."""
    try:
        return len(midi.read_notes(data, "symusic")) > 0
    except MidiError:
        return False


def read_with_pretty_midi(data: bytes) -> bool | None:
    """Read with pretty_midi; return None for invalid times."""
    from pretty_midi import PrettyMIDI

    notes = [note for track in PrettyMIDI(io.BytesIO(data)).instruments for note in track.notes]
    return _check_times([(note.start, note.end) for note in notes])


def read_with_mido(data: bytes) -> bool | None:
    """Read with mido, and sum the delta times."""
    import mido

    seconds, times = 0.0, []
    for message in mido.MidiFile(file=io.BytesIO(data)):
        seconds += message.time
        if message.type == "note_on":
            times.append((seconds, seconds))
    return _check_times(times)


def read_with_symusic(data: bytes) -> bool | None:
    """Read with symusic, in seconds."""
    from symusic import Score

    score = Score.from_midi(data, ttype="second")
    times: list[tuple[float, float]] = []
    for track in score.tracks:
        notes = track.notes.numpy()
        starts, ends = notes["time"], notes["time"] + notes["duration"]
        times += zip(starts.tolist(), ends.tolist(), strict=True)
    return _check_times(times)


def _check_times(times: list[tuple[float, float]]) -> bool | None:
    """Return whether there are notes; None if a time is negative or not a number."""
    if all(0 <= start <= end < float("inf") for start, end in times):
        return bool(times)
    return None


OUTCOMES = ("read", "refused", "invalid", "crash", "hang", "memory")
READERS: dict[str, Callable[[bytes], bool | None]] = {
    "ours": read_with_pipeline,
    "pretty_midi": read_with_pretty_midi,
    "mido": read_with_mido,
    "symusic": read_with_symusic,
}


@dataclass
class MeasuredReader:
    """Reads files in a worker; returns the outcome and the memory that it took [MB]."""

    name: str

    def __call__(self, path: Path) -> tuple[str, float]:
        """Read one file."""
        data = path.read_bytes()
        before = _read_memory("VmRSS")
        Path("/proc/self/clear_refs").write_text("5")  # resets VmHWM
        try:
            has_notes = READERS[self.name](data)
            outcome = "invalid" if has_notes is None else "read" if has_notes else "refused"
        except MemoryError:
            outcome = "memory"
        except Exception:
            outcome = "refused"
        return outcome, (_read_memory("VmHWM") - before) / 1024


def _read_memory(field: str) -> int:
    """Return a memory field of this process [kB]."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field))


def compare_readers(root: Path, hostile: dict[str, kinds.Hostile]) -> dict[str, Any]:
    """Read every file with every reader; return counts by reader and kind."""
    counts: dict[str, Any] = {}
    members = sorted(hostile)
    for reader in READERS:
        rows: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
        answers = processes.bounded_map(
            MeasuredReader(reader), [root / name for name in members], LIMITS
        )
        for name, answer in zip(members, answers, strict=True):
            row = rows[hostile[name].kind]
            if isinstance(answer, TaskFailure):
                outcome, peak = _classify_failure(answer.reason), 0.0
            else:
                outcome, peak = answer
            row[outcome] += 1
            row["peak"] = max(row["peak"], peak)
            wrong = hostile[name].music is not None and ((outcome == "read") != hostile[name].music)
            row["wrong"] += wrong and outcome in ("read", "refused")
        counts[reader] = rows
    return counts


def _classify_failure(reason: str) -> str:
    if "more than 10 s" in reason or "more than 300 s" in reason:
        return "hang"
    return "memory" if "memory" in reason else "crash"


def run_fetch_and_ingest(root: Path) -> None:
    """Run fetch and ingest on the whole folder, as a user does."""
    params = load_params(ROOT / "params.yaml").model_copy(update={"corpus": "hostile"})
    start = time.monotonic()
    add_folder.add_folder("hostile", root, params.ingest, params.windows.sequence_length)
    fetch.run(params)
    ingest.run(params)
    seconds = time.monotonic() - start
    peak = (
        max(
            resource.getrusage(who).ru_maxrss
            for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        )
        / 1024
    )
    rejected = len(paths.REJECTED.read_text("utf-8").splitlines()) - 1
    kept = len(tables.read_pieces(paths.PIECES))
    print(
        f"\nfetch and ingest: {kept} pieces kept, {rejected} rejected, {seconds:.1f} s, peak memory {peak:,.0f} MB"
    )


def print_reasons(hostile: dict[str, kinds.Hostile]) -> None:
    """Print for each kind how many files were rejected, and one of the reasons."""
    reasons = defaultdict(list)
    with paths.REJECTED.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["member"] in hostile:
                reasons[hostile[row["member"]].kind].append(row["reason"])
    print("\n| kind | rejected | example |\n|---|---|---|")
    for kind, kind_reasons in sorted(reasons.items()):
        print(f"| {kind} | {len(kind_reasons)} | {min(kind_reasons)} |")


def fetch_archives(folder: Path, music: bytes) -> Iterator[tuple[str, str, float]]:
    """Fetch each malicious archive; yield the kind, the message and the seconds it took."""
    sha256 = hashlib.sha256(music).hexdigest()
    table = f"member,sha256\na.mid,{sha256}\n"
    (paths.CORPORA / "m.csv").write_text(table)
    members = {"file": "m.csv", "sha256": hashlib.sha256(table.encode()).hexdigest()}
    manifest: dict[str, Any] = {
        "kind": "archive",
        "title": "t",
        "license": "l",
        "source": "s",
        "folder": "m",
        "table": "m.csv",
    }
    manifest |= {
        "url": "https://localhost/m.zip",
        "sha256": "0" * 64,
        "members": members,
        "accepted_leaks": [],
    }
    with paths.get_manifest_path("m").open("w") as file:
        YAML(typ="safe", pure=True).dump(manifest, file)
    for archive in places.archives(folder, music):
        start = time.monotonic()
        try:
            fetch.import_archive("m", archive.path)
            message = "ACCEPTED"
        except PipelineError as error:
            message = str(error).removeprefix(f"{folder}/")
        yield archive.kind, message, time.monotonic() - start


def print_comparison(counts: dict[str, Any], hostile: dict[str, kinds.Hostile]) -> None:
    """Print a row for each kind and a column for each reader."""
    num_files = Counter(file.kind for file in hostile.values())
    print(
        "\nread/refused/invalid/crash/hang/out of memory (classified wrongly), peak memory [MB]\n"
    )
    print("| kind | files | " + " | ".join(READERS) + " |\n|---|---|" + "---|" * len(READERS))
    for kind in [*sorted(num_files), "all"]:
        cells = []
        for reader in READERS:
            rows = list(counts[reader].values()) if kind == "all" else [counts[reader][kind]]
            totals = [int(sum(row[outcome] for row in rows)) for outcome in OUTCOMES]
            wrong, peak = int(sum(row["wrong"] for row in rows)), max(row["peak"] for row in rows)
            cells.append("/".join(map(str, totals)) + f" ({wrong}), {peak:,.0f}")
        print(f"| {kind} | {num_files[kind] or len(hostile)} | " + " | ".join(cells) + " |")


def main(folder: Path) -> None:
    """Generate all files in a folder and read them with every reader."""
    shutil.rmtree(folder, ignore_errors=True)
    root = folder / "music"
    hostile = {f"{file.name}.mid": file for file in kinds.files(0)}
    music = kinds.midi(kinds.track(kinds.NOTE + kinds.END))
    (folder / "project").mkdir(parents=True)
    os.chdir(folder / "project")
    entries = places.tree(root, music)
    for name, file in hostile.items():
        (root / name).write_bytes(file.data)
    print(
        f"{len(hostile)} hostile files, {entries} entries with unusual names, links and pipes",
        flush=True,
    )
    run_fetch_and_ingest(root)
    print_reasons(hostile)
    print("\n| archive | message | s |\n|---|---|---|")
    for kind, message, seconds in fetch_archives(folder / "archives", music):
        escaped = json.dumps(message, ensure_ascii=False)[1:-1]
        print(f"| {kind} | {escaped} | {seconds:.1f} |", flush=True)
    print_comparison(compare_readers(root, hostile), hostile)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
