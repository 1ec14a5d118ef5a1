"""Read very many small files as stage ingest does on a Dask cluster, and show that neither its speed nor its memory changes.

    python tools/many_files.py --files 20000
    python tools/many_files.py --files 20000 --kills 10     kills workers at random moments; the checksum must be the same
    python tools/many_files.py --files 2000 --limits        what the process with limits costs an item

Each worker makes the bytes of a file when it is to read it, from the number in its name, so that no file is on a disk. All
else is that of the stage: the limits of each file, batches, the store of finished ones, the search for copies and the
tables, in a temporary folder. A row has the files read so far, the CPU time of all processes since the row before, and
the memory of the largest process of each kind: the one that writes, the Dask workers, and the processes that read. The
CPU time of a killed process is lost to the table.

With `--limits` the same files, and items that cost nothing, are read in this process and in one process with limits. A
row has the CPU time of an item, the least of three rounds, without the start of the process.
"""

import argparse
import contextlib
import os
import random
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import psutil
import pyarrow.parquet as pq
from synthetic_reader import SyntheticReader

from pipeline.config.schema import IngestConfig
from pipeline.core import paths
from pipeline.core.checksums import CHECKSUM_FILE, hash_file
from pipeline.core.processes import TaskLimits, bounded_map
from pipeline.corpus import read_corpus, tables
from pipeline.corpus.bundle import CorpusPiece
from pipeline.stages import ingest

Item = TypeVar("Item")
CONFIG = IngestConfig(reader="symusic", sustain_pedal=False, instruments="all")


@dataclass
class ProcessUse:
    """CPU time of all processes since they started [s], and memory of the largest of each kind [MB]."""

    cpu_seconds: float
    writer_mb: float
    worker_mb: float
    reader_mb: float


def measure_processes() -> ProcessUse:
    """Look at this process, the workers that it started, and what these started."""
    writer = psutil.Process()
    workers = list_workers()
    readers = [child for worker in workers for child in list_children(worker)]
    living = [writer, *writer.children(recursive=True)]
    return ProcessUse(
        sum(read_cpu_seconds(process) for process in living),
        *(max(map(read_memory_mb, group), default=0.0) for group in ([writer], workers, readers)),
    )


def read_cpu_seconds(process: psutil.Process) -> float:
    """Return the CPU time of a process [s]; 0 if it has just ended."""
    try:
        return float(sum(process.cpu_times()[:2]))
    except psutil.NoSuchProcess:
        return 0.0


def read_memory_mb(process: psutil.Process) -> float:
    """Return the memory of a process [MB]; 0 if it has just ended."""
    try:
        return float(process.memory_info().rss / 1e6)
    except psutil.NoSuchProcess:
        return 0.0


def list_children(process: psutil.Process) -> list[psutil.Process]:
    """Return the children of a process; none if it has just ended."""
    try:
        return list(process.children())
    except psutil.NoSuchProcess:
        return []


def list_workers() -> list[psutil.Process]:
    """Return the Dask workers: those children of this process that have children."""
    return [child for child in psutil.Process().children() if list_children(child)]


def kill_workers(results: Iterator[Item], moments: set[int]) -> Iterator[Item]:
    """Pass results on, and kill a worker when so many have come."""
    for number, result in enumerate(results):
        if number in moments and (workers := list_workers()):
            workers[number % len(workers)].kill()
            print(f"killed a worker after {number:,} files", flush=True)
        yield result


def print_rows(results: Iterator[Item], every: int) -> Iterator[Item]:
    """Pass results on and print a row after every so many."""
    print("| files | s | files per s | files per CPU s | writer MB | worker MB | reader MB |")
    print("|---|---|---|---|---|---|---|", flush=True)
    began = row_began = time.monotonic()
    cpu_before = 0.0
    for number, result in enumerate(results, 1):
        yield result
        if number % every:
            continue
        now, use = time.monotonic(), measure_processes()
        rates = every / (now - row_began), every / (use.cpu_seconds - cpu_before)
        memory = f"{use.writer_mb:,.0f} | {use.worker_mb:,.0f} | {use.reader_mb:,.0f}"
        row = f"| {number:,} | {now - began:,.0f} | {rates[0]:,.0f} | {rates[1]:,.0f} | {memory} |"
        print(row, flush=True)
        row_began, cpu_before = now, use.cpu_seconds


def measure_item_ms(run: Callable[[Sequence[Any]], Iterable[Any]], items: Sequence[Any]) -> float:
    """Return the CPU time of an item [ms], the least of three rounds: what twice as many items take more."""
    rounds = []
    for _ in range(3):
        once = measure_cpu_seconds(run, items)
        twice = measure_cpu_seconds(run, [*items, *items])
        rounds.append((twice - once) / len(items) * 1000)
    return min(rounds)


def measure_cpu_seconds(
    run: Callable[[Sequence[Any]], Iterable[Any]], items: Sequence[Any]
) -> float:
    """Return the CPU time of this process and of its children that ended, for all items [s]."""
    before = sum(os.times()[:4])
    for _ in run(items):
        pass
    return sum(os.times()[:4]) - before


def print_cost_of_limits(reader: SyntheticReader, pieces: Sequence[CorpusPiece]) -> None:
    """Print the CPU time of an item in this process, and in one process with limits."""
    print("| item | in this process, ms | in a process with limits, ms |")
    print("|---|---|---|", flush=True)
    trivial = range(10 * len(pieces))
    name = f"file of {reader.num_notes} notes"
    for label, func, items in (("an integer", str, trivial), (name, reader, pieces)):
        alone = measure_item_ms(partial(map, func), items)
        limited = measure_item_ms(partial(bounded_map, func, limits=TaskLimits()), items)
        print(f"| {label} | {alone:.3f} | {limited:.3f} |", flush=True)


def main() -> None:
    """Read the files, and check that all parts can be read."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--notes", type=int, default=100, help="notes of each file")
    parser.add_argument("--every", type=int, default=2000, help="files of a row")
    parser.add_argument("--kills", type=int, default=0, help="workers killed")
    parser.add_argument("--limits", action="store_true", help="measure the process with limits")
    options = parser.parse_args()
    read_corpus.MIN_CLUSTER_FILES = 1
    members = (f"{number:08}.mid" for number in range(options.files))
    pieces = [CorpusPiece(member, member, "train", "0" * 64) for member in members]
    reader = SyntheticReader(Path(), CONFIG, num_notes=options.notes)
    if options.limits:
        print_cost_of_limits(reader, pieces)
        return
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        results = read_corpus.read_pieces(reader, pieces, "many")
        moments = set(random.Random(0).sample(range(options.files), options.kills))
        results = print_rows(kill_workers(results, moments), options.every)
        began = time.monotonic()
        ingest.write_tables("many", zip(pieces, results, strict=True))
        print(f"\n{time.monotonic() - began:,.0f} s with the start and the end of the cluster")
        print("sha256 of SHA256SUMS:", hash_file(paths.NOTES.parent / CHECKSUM_FILE))
        rows = tables.read_pieces(paths.PIECES)
        parts = sorted(paths.NOTES.iterdir())
        num_notes = sum(pq.read_metadata(part).num_rows for part in parts)
        print(f"{len(rows):,} pieces, {num_notes:,} notes in {len(parts):,} parts")
        assert num_notes == sum(map(len, tables.read_notes(paths.NOTES, range(len(rows)))))


if __name__ == "__main__":
    main()
