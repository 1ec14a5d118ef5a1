"""Measure the search for near duplicates in a large corpus: `python benchmarks/near_duplicates.py 200000`, a minute.

Sketches are random numbers, of which one in ten is a copy with two thirds of the hashes of another. Real music has more
hashes in common (`tools/planted_duplicates.py` measures on real music), but takes the same memory. Prints the pieces per
CPU second, and the memory of the process beyond what it takes before there are sketches. The second is the peak since the
process began.
"""

import argparse
import resource
import time

import numpy as np

from pipeline.corpus.near_duplicates import Sketches, group_near_duplicates
from pipeline.corpus.sketches import SKETCH_SIZE

COPIES = 10
"""One piece in so many is a copy."""
MAX_RANK = 1 << 27
"""Highest rank of a sketch; that of a piece of 4,000 fingerprints."""


def make_sketches(num_pieces: int) -> Sketches:
    """Return sketches [num_pieces, S]."""
    rng = np.random.default_rng(0)
    sketches = rng.integers(0, 2**32 - 1, (num_pieces, SKETCH_SIZE), np.uint32)
    copies, originals = sketches[::COPIES], sketches[1::COPIES]
    copies[:, SKETCH_SIZE // 3 :] = originals[:, SKETCH_SIZE // 3 :]
    sketches[:, 0] = MAX_RANK
    return sketches


def read_peak_memory() -> int:
    """Return the most memory that this process had [bytes]."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> None:
    """Print one row of a table for each number of pieces."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pieces", type=int, nargs="*", default=[20_000])
    options = parser.parse_args()
    at_start = read_peak_memory()
    print("| pieces | groups | CPU s | pieces per CPU s | sketches MB | all MB |")
    print("|---|---|---|---|---|---|")
    for num_pieces in sorted(num - num % COPIES for num in options.pieces):
        sketches = make_sketches(num_pieces)
        start = time.process_time()
        num_groups = len(group_near_duplicates(sketches))
        seconds = time.process_time() - start
        memory = (read_peak_memory() - at_start) / 1e6
        print(
            f"| {num_pieces:,} | {num_groups:,} | {seconds:.1f} | {num_pieces / seconds:,.0f} "
            f"| {sketches.nbytes / 1e6:,.0f} | {memory:,.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
