"""Measure the speed of both MIDI readers: `python benchmarks/readers.py data/raw/maestro-sample.zip`.

Prints the median over rounds of the ratio pretty_midi / symusic in CPU time, with minimum and maximum.
"""

import sys
from functools import partial
from pathlib import Path

from pipeline.benchmark import timing
from pipeline.corpus.bundle import CorpusBundle
from pipeline.midi.reader import Reader, read_notes

ROUNDS = 5


def main(archive: Path) -> None:
    """Read every file of a corpus with both readers in turn."""
    corpus = CorpusBundle(archive)
    files = [corpus.read_piece(piece) for piece in corpus.pieces]
    readers: tuple[Reader, ...] = ("pretty_midi", "symusic")
    work: dict[str, tuple[timing.Step, int]] = {
        reader: (partial(read_all, files, reader), 1) for reader in readers
    }
    with timing.pin_to_cores(1):
        timings = timing.time_in_turn(work, ROUNDS, "read", [("pretty_midi", "symusic")])
    ratios = timing.list_ratios(timings["pretty_midi"], timings["symusic"])
    figure = timing.summarize_rounds(ratios, ROUNDS, 1)
    print(
        f"{len(files)} files, {ROUNDS} rounds: CPU time of pretty_midi / symusic: "
        f"{timing.format_figure(figure, '.0f')}"
    )


def read_all(files: list[bytes], reader: Reader) -> None:
    for data in files:
        read_notes(data, reader)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
