"""Hostile files through `fetch` and `ingest`, and the same files through plain pretty_midi, mido and symusic.

    python tools/hostile.py /tmp/hostile

Files are made from a seed by tests/hostile. Every reader works in a process that can be stopped; a crash is a
process that died, a hang one that took more than 10 s of the processor, nonsense a note whose time is negative or no
number. Peak memory is what a file adds to the process that reads it, by the system's own mark.
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
from collections import defaultdict
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
from pipeline.corpus import tables
from pipeline.midi import reader as midi
from pipeline.stages import fetch, ingest

ROOT = Path(__file__).parent.parent
PATIENCE = TaskLimits(cpu_seconds=10, wall_seconds=300.0, memory_bytes=4 * 2**30, num_workers=1)


def ours(data: bytes) -> bool:
    """Read as ingest does; whether there is music."""
    try:
        return len(midi.read_notes(data, "symusic")) > 0
    except MidiError:
        return False


def pretty_midi(data: bytes) -> bool | None:
    """Read with pretty_midi; None for times that are none."""
    from pretty_midi import PrettyMIDI

    notes = [note for track in PrettyMIDI(io.BytesIO(data)).instruments for note in track.notes]
    return _sane([(note.start, note.end) for note in notes])


def mido(data: bytes) -> bool | None:
    """Read with mido, and sum up the times."""
    import mido as library

    at, times = 0.0, []
    for message in library.MidiFile(file=io.BytesIO(data)):
        at += message.time
        if message.type == "note_on":
            times.append((at, at))
    return _sane(times)


def symusic(data: bytes) -> bool | None:
    """Read with symusic, in seconds."""
    from symusic import Score

    score = Score.from_midi(data, ttype="second")
    found = [track.notes.numpy() for track in score.tracks]
    return _sane(
        [
            (t, t + d)
            for its in found
            for t, d in zip(its["time"].tolist(), its["duration"].tolist(), strict=True)
        ]
    )


def _sane(times: list[tuple[float, float]]) -> bool | None:
    """Whether there are notes; None if a time is negative or no number."""
    return (
        None if not all(0 <= start <= end < float("inf") for start, end in times) else bool(times)
    )


READERS: dict[str, Callable[[bytes], bool | None]] = {
    "ours": ours,
    "pretty_midi": pretty_midi,
    "mido": mido,
    "symusic": symusic,
}


@dataclass
class Reader:
    """Reads files in a worker: what came of it, and the memory it took [MB]."""

    name: str

    def __call__(self, path: Path) -> tuple[str, float]:
        """Read one file."""
        data = path.read_bytes()
        before = _memory("VmRSS")
        Path("/proc/self/clear_refs").write_text("5")  # begin the mark of the most memory anew
        try:
            answer = READERS[self.name](data)
            said = "nonsense" if answer is None else "read" if answer else "refused"
        except MemoryError:
            said = "memory"
        except Exception:
            said = "refused"
        return said, (_memory("VmHWM") - before) / 1024


def _memory(mark: str) -> int:
    """Return a mark of this process [kB]."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(mark))


def compare(root: Path, hostile: dict[str, kinds.Hostile]) -> dict[str, Any]:
    """Read every file with every reader."""
    found: dict[str, Any] = {}
    members = sorted(hostile)
    for reader in READERS:
        rows: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
        answers = processes.bounded_map(Reader(reader), [root / name for name in members], PATIENCE)
        for name, answer in zip(members, answers, strict=True):
            row = rows[hostile[name].kind]
            said, peak = (_how(answer.reason), 0.0) if isinstance(answer, TaskFailure) else answer
            row[said] += 1
            row["peak"] = max(row["peak"], peak)
            wrong = hostile[name].music is not None and (said == "read") != hostile[name].music
            row["wrong"] += wrong and said in ("read", "refused")
        found[reader] = rows
    return found


def _how(reason: str) -> str:
    return (
        "hang"
        if "more than 10 s" in reason or "more than 300 s" in reason
        else "memory"
        if "memory" in reason
        else "crash"
    )


def pipeline(root: Path) -> None:
    """Put the whole folder through fetch and ingest, as a user does."""
    params = load_params(ROOT / "params.yaml").model_copy(update={"corpus": "hostile"})
    began = time.monotonic()
    fetch.add_folder("hostile", root)
    fetch.run(params)
    ingest.run(params)
    spent = time.monotonic() - began
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
        f"\nfetch and ingest: {kept} pieces kept, {rejected} rejected, {spent:.1f} s, most memory {peak:,.0f} MB"
    )


def reasons(hostile: dict[str, kinds.Hostile]) -> None:
    """Print, for each kind, how many were rejected and one of the reasons."""
    said = defaultdict(list)
    with paths.REJECTED.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["member"] in hostile:
                said[hostile[row["member"]].kind].append(row["reason"])
    print("\n| kind | rejected | such as |\n|---|---|---|")
    for kind, its in sorted(said.items()):
        print(f"| {kind} | {len(its)} | {sorted(set(its))[0]} |")


def traps(folder: Path, music: bytes) -> Iterator[tuple[str, str, float]]:
    """Put each hostile archive through fetch; the kind, the line a user sees, and the seconds it took."""
    sha256 = hashlib.sha256(music).hexdigest()
    listed = f"member,sha256\na.mid,{sha256}\n"
    (paths.CORPORA / "m.csv").write_text(listed)
    members = {"file": "m.csv", "sha256": hashlib.sha256(listed.encode()).hexdigest()}
    about: dict[str, Any] = {
        "kind": "archive",
        "title": "t",
        "license": "l",
        "source": "s",
        "folder": "m",
        "table": "m.csv",
    }
    about |= {
        "url": "https://localhost/m.zip",
        "sha256": "0" * 64,
        "members": members,
        "accepted_leaks": [],
    }
    with paths.get_manifest_path("m").open("w") as file:
        YAML(typ="safe", pure=True).dump(about, file)
    for trap in places.archives(folder, music):
        began = time.monotonic()
        try:
            fetch.import_archive("m", trap.path)
            said = "TAKEN"
        except PipelineError as error:
            said = str(error).removeprefix(f"{folder}/")
        yield trap.kind, said, time.monotonic() - began


def show(found: dict[str, Any], hostile: dict[str, kinds.Hostile]) -> None:
    """Print one row for each kind, one group of columns for each reader."""
    counts: dict[str, int] = defaultdict(int)
    for each in hostile.values():
        counts[each.kind] += 1
    print("\nread/refused/nonsense/crash/hang/out of memory (judged wrongly), most memory [MB]\n")
    print("| kind | files | " + " | ".join(READERS) + " |\n|---|---|" + "---|" * len(READERS))
    for kind in [*sorted(counts), "all"]:
        cells = []
        for reader in READERS:
            rows = list(found[reader].values()) if kind == "all" else [found[reader][kind]]
            count = [
                int(sum(row[what] for row in rows))
                for what in ("read", "refused", "nonsense", "crash", "hang", "memory")
            ]
            wrong, peak = int(sum(row["wrong"] for row in rows)), max(row["peak"] for row in rows)
            cells.append("/".join(map(str, count)) + f" ({wrong}), {peak:,.0f}")
        print(f"| {kind} | {counts[kind] or len(hostile)} | " + " | ".join(cells) + " |")


def main(folder: Path) -> None:
    """Make all files in a folder and read them in every way."""
    shutil.rmtree(folder, ignore_errors=True)
    root = folder / "music"
    hostile = {f"{each.name}.mid": each for each in kinds.files(0)}
    music = kinds.midi(kinds.track(kinds.NOTE + kinds.END))
    (folder / "project").mkdir(parents=True)
    os.chdir(folder / "project")
    entries = places.tree(root, music)
    for name, each in hostile.items():
        (root / name).write_bytes(each.data)
    print(
        f"{len(hostile)} hostile files, {entries} entries of odd names, links and pipes", flush=True
    )
    pipeline(root)
    reasons(hostile)
    print("\n| archive | what a user sees | s |\n|---|---|---|")
    for kind, said, spent in traps(folder / "archives", music):
        print(
            f"| {kind} | {json.dumps(said, ensure_ascii=False)[1:-1]} | {spent:.1f} |", flush=True
        )
    show(compare(root, hostile), hostile)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
