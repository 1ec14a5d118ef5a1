"""Measure how many MIDI files stage ingest reads per CPU second, end to end, beside symusic alone.

    python benchmarks/ingest.py                       the corpus that was fetched
    python benchmarks/ingest.py --code ../before      paired with the code of another checkout

The CPU time is that of all processes of the stage: its start, reading, the search for copies and the tables. Ingest runs
in a copy of the project that has the corpus only. Each round runs everything once; the table has the best round, since
other work on the machine can only add time. The ratio is ingest's time to symusic's: it depends less on the machine.
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from symusic import Score

from pipeline.config import load_params
from pipeline.core import paths
from pipeline.corpus.bundle import CorpusBundle

ROOT = Path(__file__).parent.parent


def read_child_seconds() -> float:
    """Return the CPU time of all children that have ended, with their own [s]."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def measure_ingest(code: Path, project: Path) -> float:
    """Return the CPU time of stage ingest of a checkout [s]."""
    start = read_child_seconds()
    subprocess.run(
        [sys.executable, "-m", "pipeline.stages.ingest"],
        cwd=project,
        env=os.environ | {"PYTHONPATH": str(code)},
        stderr=subprocess.DEVNULL,
        check=True,
    )
    return read_child_seconds() - start


def measure_symusic(contents: list[bytes]) -> float:
    """Return the CPU time that symusic takes to parse all files [s]."""
    start = time.process_time()
    for data in contents:
        Score.from_midi(data, ttype="tick")
    return time.process_time() - start


def copy_project(folder: Path, archive: Path) -> None:
    """Copy what stage ingest reads."""
    for path in (paths.PARAMS, Path("versions.yaml"), archive):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, folder / path)
    shutil.copytree(paths.CORPORA, folder / paths.CORPORA)


def main() -> None:
    """Print a table of the best rounds, and whether all checkouts wrote equal bytes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--code", type=Path, nargs="*", default=[], help="other checkouts")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    archive = paths.get_corpus_archive(load_params(paths.PARAMS).corpus)
    corpus = CorpusBundle(archive)
    contents = [corpus.read_piece(piece) for piece in corpus.pieces]
    seconds: dict[str, list[float]] = {}
    checksums = set()
    with tempfile.TemporaryDirectory() as folder:
        copy_project(Path(folder), archive)
        for _ in range(options.rounds):
            seconds.setdefault("symusic alone", []).append(measure_symusic(contents))
            for code in [*options.code, ROOT]:
                name = f"ingest ({code.resolve()})"
                seconds.setdefault(name, []).append(measure_ingest(code.resolve(), Path(folder)))
                checksums.add((Path(folder) / paths.NOTES.parent / "SHA256SUMS").read_text())
    base = min(seconds["symusic alone"])
    print(f"| {archive.stem}, {len(contents):,} files | CPU s | files per CPU s | ratio |")
    print("|---|---|---|---|")
    for name, values in seconds.items():
        best = min(values)
        print(f"| {name} | {best:.2f} | {len(contents) / best:,.0f} | {best / base:.1f} |")
    print("\nequal bytes" if len(checksums) == 1 else "\nthe checkouts wrote other bytes")


if __name__ == "__main__":
    main()
