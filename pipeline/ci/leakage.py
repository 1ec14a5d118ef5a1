"""Is a held-out piece in the training music? The tables are asked, then the notes themselves, and what ingest found.

Shapes: N notes of a piece.
"""

from collections.abc import Collection, Iterator
from pathlib import Path

from pipeline.corpus import ingest_summary
from pipeline.corpus.splits import SPLITS
from pipeline.corpus.tables import PieceRow
from pipeline.dataset.replicates import ReplicatePlan
from pipeline.dataset.windows import WindowDataset
from pipeline.notes.quantize import QuantizedNotes
from pipeline.sample_metrics.memorization import find_longest_matches

MAX_LEAK_NOTES = 200
"""Notes in a row that are a leak in a piece of any length."""
MIN_LEAK_NOTES = 16
"""Notes in a row; any two pieces in a key share fewer by chance."""
HELD_OUT_SPLITS = [split for split in SPLITS if split != "train"]


def find_table_leaks(rows: Collection[PieceRow], accepted: Collection[str]) -> Iterator[str]:
    """Say which compositions and files are in training and held out as well, by the table of pieces.

    Args:
        rows: the table.
        accepted: compositions that the manifest lets be in several splits.
    """
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
        names = dataset.select_piece_names(split)
        if not names:
            continue
        pieces = dataset.select_pieces(split)
        (copies,) = find_longest_matches(pieces, dataset.select_pieces("train"))
        for name, notes, copy in zip(names, pieces, copies, strict=True):
            if copy.num_notes >= compute_leak_threshold(notes):
                source = training_names[copy.piece_index]
                yield f"{copy.num_notes} notes in a row of {name} ({split}) are in {source} (train)"


def compute_leak_threshold(notes: QuantizedNotes) -> int:
    """Return how many notes of codes [N, 4] make a leak: fewer are shared by scales, trills and chance."""
    return min(MAX_LEAK_NOTES, max(len(notes) // 2, MIN_LEAK_NOTES))
