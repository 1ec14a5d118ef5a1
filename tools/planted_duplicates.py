"""Plant near duplicates in a corpus, and count which are found: `python tools/planted_duplicates.py`, seconds.

    python tools/planted_duplicates.py                                 the corpus that was fetched
    python tools/planted_duplicates.py --maestro FILE.zip [--splits validation]

Five copies of every piece are planted: a transcription (3 % of the notes missing, 2 % too many, 1 % an octave off, onsets
with an error of 10 ms), another encoding (96 ticks a beat), a transposed copy, one that is 3 % slower, and the first half
alone. A copy is found if it is a near duplicate of its piece, grouped if it is in the group of its piece, and in one split
if a folder with all files and no names of compositions would put both there.

Then the groups of the corpus alone are compared with its titles. Groups of several titles are listed, to be looked at:
titles of one work are often spelled in several ways. Equal arguments give equal tables, except for the times.
"""

import argparse
import time
from collections.abc import Callable, Iterable, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from pipeline.config import load_params
from pipeline.core import paths
from pipeline.corpus.bundle import CorpusBundle, CorpusPiece
from pipeline.corpus.manifest import ZipManifest, load_manifest
from pipeline.corpus.near_duplicates import (
    Sketches,
    are_near_duplicates,
    group_near_duplicates,
    stack_sketches,
)
from pipeline.corpus.sketches import compute_sketch
from pipeline.corpus.sources import PieceSource, zip_archive
from pipeline.corpus.splits import join_compositions, split_by_hash
from pipeline.midi.reader import read_midi
from pipeline.notes import note
from pipeline.notes.note import Notes

MAESTRO = paths.CORPORA / "maestro-v3.yaml"
RNG = np.random.default_rng(0)


def change(notes: Notes, onset: ArrayLike, pitch: ArrayLike) -> Notes:
    """Return notes [N] with other onsets [N] [s] and pitches [N]."""
    onset, pitch = np.maximum(onset, 0), np.clip(pitch, 0, 127)
    return note.make_notes(onset, notes["duration"], pitch, notes["velocity"])


def transcribe(notes: Notes) -> Notes:
    """Return notes as a transcription of a recording has them."""
    kept = notes[RNG.random(len(notes)) > 0.03]
    pitch = kept["pitch"] + 12 * RNG.choice([-1, 0, 1], len(kept), p=[0.005, 0.99, 0.005])
    heard = change(kept, kept["onset"] + RNG.normal(0, 0.01, len(kept)), pitch)
    extra = heard[RNG.random(len(heard)) < 0.02]
    overtones = change(extra, extra["onset"], extra["pitch"] + 12.0)
    both = np.concatenate([heard, overtones])
    return change(both, both["onset"], both["pitch"])


COPIES: dict[str, Callable[[Notes], Notes]] = {
    "transcription": transcribe,
    "other encoding": lambda notes: change(
        notes, np.round(notes["onset"] * 192) / 192, notes["pitch"]
    ),
    "5 semitones higher": lambda notes: change(notes, notes["onset"], notes["pitch"] + 5.0),
    "3 % slower": lambda notes: change(notes, notes["onset"] * 1.03, notes["pitch"]),
    "first half": lambda notes: notes[: len(notes) // 2],
}


def _open_corpus(maestro: Path | None) -> PieceSource:
    """Return the pieces of MAESTRO, or of the corpus that was fetched, and what reads one."""
    if maestro is None:
        corpus = CorpusBundle(paths.get_corpus_archive(load_params(paths.PARAMS).corpus))
        return corpus.pieces, corpus.read_piece
    manifest = load_manifest(MAESTRO)
    assert isinstance(manifest, ZipManifest)
    return zip_archive.verify_source(manifest, MAESTRO, maestro)


def read_corpus(
    maestro: Path | None, splits: Sequence[str]
) -> tuple[list[CorpusPiece], list[Notes]]:
    """Return the pieces of some splits of a corpus, and their notes."""
    pieces, read_piece = _open_corpus(maestro)
    chosen = [piece for piece in pieces if piece.split in splits]
    return chosen, [read_midi(read_piece(piece), "symusic", False).notes for piece in chosen]


def name_works(sketches: Sketches, groups: Iterable[list[int]]) -> list[int]:
    """Return the first piece of the group of each piece; that of a piece without one is itself."""
    works = list(range(len(sketches)))
    for group in groups:
        for piece in group:
            works[piece] = group[0]
    return works


def print_planted(originals: Sketches, copies: dict[str, Sketches]) -> None:
    """Print how many of the copies are found, grouped and in the split of their piece."""
    sketches = np.concatenate([originals, *copies.values()])
    works = name_works(sketches, group_near_duplicates(sketches))
    names = [f"unknown {piece:07}" for piece in range(len(sketches))]
    splits = split_by_hash(join_compositions(names, list(map(str, works))))
    print("| planted copy | pieces | found | grouped | in one split |\n|---|---|---|---|---|")
    count = len(originals)
    for row, name in enumerate(copies, 1):
        pairs = np.stack([np.arange(count), row * count + np.arange(count)], axis=1)
        num_found = are_near_duplicates(sketches, pairs).sum()
        num_grouped = sum(works[first] == works[second] for first, second in pairs)
        num_together = sum(splits[first] == splits[second] for first, second in pairs)
        print(f"| {name} | {count:,} | {num_found:,} | {num_grouped:,} | {num_together:,} |")


def print_titles(pieces: Sequence[CorpusPiece], sketches: Sketches) -> None:
    """Print what groups and titles have in common, and the groups of several titles."""
    groups = group_near_duplicates(sketches)
    works = name_works(sketches, groups)
    titles = [piece.composition for piece in pieces]
    same_title = [
        pair for pair in combinations(range(len(pieces)), 2) if len({titles[k] for k in pair}) == 1
    ]
    num_grouped = sum(works[first] == works[second] for first, second in same_title)
    print(f"\n{len(pieces):,} pieces: {len(groups)} groups of {sum(map(len, groups)):,} pieces.")
    print(
        f"{num_grouped:,} of {len(same_title):,} pairs of performances with one title are in one group."
    )
    several = [group for group in groups if len({titles[piece] for piece in group}) > 1]
    print(f"{len(several)} groups have several titles:\n")
    for group in several:
        print("- " + " | ".join(sorted({titles[piece] for piece in group})))
    split_groups = [group for group in groups if len({pieces[k].split for k in group}) > 1]
    print(f"\n{len(split_groups)} groups are in several splits of the corpus.")


def main() -> None:
    """Print both tables and the speed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--maestro", type=Path, help="the archive of MAESTRO v3, or a part of it")
    parser.add_argument("--splits", nargs="*", default=["train", "validation", "test"])
    options = parser.parse_args()
    pieces, all_notes = read_corpus(options.maestro, options.splits)
    start = time.process_time()
    originals = stack_sketches(map(compute_sketch, all_notes))
    sketched = time.process_time()
    copies = {
        name: stack_sketches(compute_sketch(copy(notes)) for notes in all_notes)
        for name, copy in COPIES.items()
    }
    print_planted(originals, copies)
    print_titles(pieces, originals)
    grouping = time.process_time()
    group_near_duplicates(np.concatenate([originals, *copies.values()]))
    seconds = time.process_time() - grouping
    print(
        f"\n{len(pieces) / (sketched - start):,.0f} pieces sketched and "
        f"{(1 + len(copies)) * len(pieces) / seconds:,.0f} grouped per CPU second."
    )


if __name__ == "__main__":
    main()
