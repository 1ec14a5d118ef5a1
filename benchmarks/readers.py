"""Measure the speed of both MIDI readers: `python benchmarks/readers.py data/raw/maestro-sample.zip`.

Prints the median over rounds of the ratio pretty_midi / symusic, with minimum and maximum.
"""

import statistics
import sys
import time
from pathlib import Path

from pipeline.corpus.bundle import CorpusBundle
from pipeline.midi.reader import read_notes

ROUNDS = 5


def main(archive: Path) -> None:
    """Read every file of a corpus with both readers in turn."""
    corpus = CorpusBundle(archive)
    files = [corpus.read_piece(piece) for piece in corpus.pieces]
    ratios = []
    for _ in range(ROUNDS):
        seconds = {}
        for reader in ("pretty_midi", "symusic"):
            start = time.perf_counter()
            for data in files:
                read_notes(data, reader)
            seconds[reader] = time.perf_counter() - start
        ratios.append(seconds["pretty_midi"] / seconds["symusic"])
    print(
        f"{len(files)} files, {ROUNDS} rounds: pretty_midi takes {statistics.median(ratios):.0f} times as long as "
        f"symusic ({min(ratios):.0f} to {max(ratios):.0f})"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
