"""Is a held-out piece in the training music? The tables are asked, then the notes themselves, and what ingest found.

Shapes: N notes of a piece.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

from pipeline.ci.copy_candidates import find_candidates
from pipeline.corpus import ingest_summary
from pipeline.corpus.splits import SPLITS
from pipeline.corpus.tables import PieceRow
from pipeline.dataset.replicates import ReplicatePlan
from pipeline.dataset.windows import WindowDataset
from pipeline.notes.piece_batches import iterate_batches
from pipeline.notes.quantize import QuantizedNotes
from pipeline.sample_metrics.memorization import Match, find_longest_matches

MAX_LEAK_NOTES = 200
"""Notes in a row that are a leak in a piece of any length."""
MIN_LEAK_NOTES = 16
"""Notes in a row; any two pieces in a key share fewer by chance."""
HELD_OUT_NOTES = 1 << 24
"""Held-out notes looked for at a time, about: bounds the memory. Training music is read once for each so many."""
HELD_OUT_SPLITS = [split for split in SPLITS if split != "train"]


def find_table_leaks(rows: Collection[PieceRow], accepted: Collection[str]) -> Iterator[str]:
    """Say which compositions and files are in training and held out as well, by the table of pieces.

    Args:
        rows: the table.
        accepted: compositions that the manifest lets be in several splits.
    """
    accepted = frozenset(accepted)
    for label, key in (("composition", "composition"), ("file", "sha256")):
        training = {getattr(row, key): row.member for row in rows if row.split == "train"}
        for row in rows:
            if (
                row.split != "train"
                and getattr(row, key) in training
                and row.composition not in accepted
            ):
                yield f"{row.member} ({row.split}) is the same {label} as {training[getattr(row, key)]} (train)"


def find_work_leaks(summary_path: Path, accepted: Collection[str]) -> list[str]:
    """Say which works have files in several splits, by what ingest found; none where an older ingest did not look."""
    if not summary_path.exists():
        return []
    summary = ingest_summary.load_summary(summary_path)
    return ingest_summary.find_near_duplicate_leaks(summary, accepted)


def find_replicate_leaks(plan: ReplicatePlan) -> list[str]:
    """Say which held-out pieces of any replicate are in its training pieces; seeds share the splits of the corpus."""
    numbers = range(1, plan.count + 1) if plan.scheme == "cross_validation" else [1]
    leaks = [leak for number in numbers for leak in find_content_leaks(plan.select(number))]
    return list(dict.fromkeys(leaks))


def find_content_leaks(dataset: WindowDataset) -> Iterator[str]:
    """Say which held-out pieces have a passage of 200 notes, or half of their notes, in a training piece.

    Intervals are compared, so that neither a transposed nor a re-timed copy hides.
    """
    training_names = dataset.select_piece_names("train")
    for split in HELD_OUT_SPLITS:
        names = iter(dataset.select_piece_names(split))
        pieces = dataset.select_pieces(split) if (dataset.splits == split).any() else ()
        for batch in iterate_batches(pieces, HELD_OUT_NOTES):
            copies = _find_copies(batch, dataset.select_pieces("train"))
            for name, copy in zip(islice(names, len(batch)), copies, strict=True):
                if copy is not None:
                    source = training_names[copy.piece_index]
                    yield f"{copy.num_notes} notes in a row of {name} ({split}) are in {source} (train)"


def _find_copies(
    held_out: Sequence[QuantizedNotes], training: Sequence[QuantizedNotes]
) -> Iterator[Match | None]:
    """Yield the longest match of each held-out piece [n, 5] in training pieces, if it is long enough to be a leak."""
    thresholds = [compute_leak_threshold(notes) for notes in held_out]
    candidates = find_candidates(held_out, thresholds, training)
    for notes, threshold, numbers in zip(held_out, thresholds, candidates, strict=True):
        ((match,),) = find_longest_matches([notes], (training[number] for number in numbers))
        is_leak = match.num_notes >= threshold
        yield replace(match, piece_index=numbers[match.piece_index]) if is_leak else None


def compute_leak_threshold(notes: QuantizedNotes) -> int:
    """Return how many notes of quantized notes [N, 5] make a leak: fewer are shared by scales, trills and chance."""
    return min(MAX_LEAK_NOTES, max(len(notes) // 2, MIN_LEAK_NOTES))
