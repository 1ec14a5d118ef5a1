from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from factories import make_music, make_quantized_notes
from hypothesis import given
from hypothesis import strategies as st

from pipeline.ci import leakage
from pipeline.config.schema import IngestConfig, ReplicatesConfig
from pipeline.corpus.bundle import CorpusPiece
from pipeline.corpus.ingest_counts import PieceCollector
from pipeline.corpus.ingest_summary import save_summary
from pipeline.corpus.piece_reader import read_content
from pipeline.corpus.splits import SPLITS
from pipeline.corpus.tables import PieceRow
from pipeline.dataset import replicates
from pipeline.dataset.sharded_notes import ShardedNotes
from pipeline.dataset.windows import WindowDataset
from pipeline.midi import writer
from pipeline.notes.quantize import PITCH
from pipeline.sample_metrics.memorization import find_longest_matches


def make_rows(*given: tuple[str, str, str]) -> list[PieceRow]:
    return [
        PieceRow(k, f"{k}.mid", name, split, 9, 1.0, sha)
        for k, (name, split, sha) in enumerate(given)
    ]


def make_dataset(*given: tuple[str, np.ndarray]) -> WindowDataset:
    """Make windows of pieces, each with its split."""
    pieces = [piece for _, piece in given]
    return WindowDataset(
        notes=ShardedNotes([np.concatenate(pieces)]),
        piece_ends=np.cumsum([len(piece) for piece in pieces]),
        splits=np.array([split for split, _ in given]),
        piece_names=np.array([f"{k}.mid" for k in range(len(given))]),
        compositions=np.array([f"work {k}" for k in range(len(given))]),
        sequence_length=8,
        stride=1,
        max_train_notes=0,
    )


def test_a_composition_or_a_file_on_both_sides_is_told() -> None:
    table = make_rows(
        ("a", "train", "1"), ("b", "train", "2"), ("a", "test", "3"), ("c", "validation", "2")
    )
    assert list(leakage.find_table_leaks(table, ())) == [
        "2.mid (test) is the same composition as 0.mid (train)",
        "3.mid (validation) is the same file as 1.mid (train)",
    ]


def test_what_the_manifest_accepts_and_what_is_held_out_twice_is_no_leak() -> None:
    table = make_rows(
        ("a", "train", "1"), ("a", "test", "2"), ("b", "test", "3"), ("b", "validation", "4")
    )
    assert list(leakage.find_table_leaks(table, ("a",))) == []


def test_other_music_is_no_leak() -> None:
    assert (
        list(
            leakage.find_content_leaks(
                make_dataset(
                    ("train", make_quantized_notes(1, 900)),
                    ("test", make_quantized_notes(2, 900)),
                    ("validation", make_quantized_notes(3, 40)),
                )
            )
        )
        == []
    )


@pytest.mark.parametrize("split", ["validation", "test"])
@pytest.mark.parametrize("semitones", [0, 3])
def test_a_held_out_piece_in_training_is_found_transposed_or_inside_another(
    split: str, semitones: int
) -> None:
    held_out = make_quantized_notes(1, 300)
    copy = held_out.copy()
    copy[:, PITCH] += semitones
    around = np.concatenate(
        [make_quantized_notes(2, 100), copy[40:250], make_quantized_notes(3, 100)]
    )
    (leak,) = leakage.find_content_leaks(
        make_dataset(("train", make_quantized_notes(4, 50)), ("train", around), (split, held_out))
    )
    assert leak.endswith(f"notes in a row of 2.mid ({split}) are in 1.mid (train)")
    assert 210 <= int(leak.split()[0]) < 230


def find_leaks_in_all_pairs(dataset: WindowDataset) -> list[str]:
    """Find what `find_content_leaks` finds, by looking for every held-out piece in all training pieces."""
    training_names, leaks = dataset.select_piece_names("train"), []
    for split in leakage.HELD_OUT_SPLITS:
        names = dataset.select_piece_names(split)
        pieces = dataset.select_pieces(split) if names else []
        (matches,) = find_longest_matches(pieces, dataset.select_pieces("train"))
        for name, notes, match in zip(names, pieces, matches, strict=True):
            if match.num_notes >= leakage.compute_leak_threshold(notes):
                source = training_names[match.piece_index]
                leaks.append(
                    f"{match.num_notes} notes in a row of {name} ({split}) are in {source} (train)"
                )
    return leaks


@given(st.lists(st.tuples(st.sampled_from(SPLITS), st.integers(0, 250), st.integers(1, 250))))
def test_leaks_are_those_of_comparing_all_pairs(parts: list[tuple[str, int, int]]) -> None:
    song = make_quantized_notes(1, 300)
    others = [make_quantized_notes(seed, 20) for seed in range(len(parts))]
    pieces = [
        (split, np.concatenate([song[start : start + count], other]))
        for (split, start, count), other in zip(parts, others, strict=True)
    ]
    dataset = make_dataset(("train", make_quantized_notes(2, 90)), *pieces)
    with mock.patch.object(leakage, "HELD_OUT_NOTES", 300):
        assert list(leakage.find_content_leaks(dataset)) == find_leaks_in_all_pairs(dataset)


def test_a_copy_within_training_is_a_leak_where_replicates_hold_out_other_pieces() -> None:
    song = make_quantized_notes(1, 300)
    pieces = [("train", song), ("train", song.copy()), ("validation", make_quantized_notes(2, 300))]
    dataset = make_dataset(*pieces, ("test", make_quantized_notes(3, 300)))
    seeds = ReplicatesConfig(count=4, scheme="seeds")
    assert leakage.find_replicate_leaks(replicates.make_plan(dataset, seeds)) == []
    folds = ReplicatesConfig(count=4, scheme="cross_validation")
    leaks = leakage.find_replicate_leaks(replicates.make_plan(dataset, folds))
    assert "300 notes in a row of 1.mid (test) are in 0.mid (train)" in leaks
    assert len(leaks) == len(set(leaks))


def test_half_of_a_short_piece_is_enough() -> None:
    short = make_quantized_notes(1, 60)
    (leak,) = leakage.find_content_leaks(
        make_dataset(
            ("train", np.concatenate([make_quantized_notes(2, 50), short[:35]])), ("test", short)
        )
    )
    assert "of 1.mid (test)" in leak
    assert (
        list(
            leakage.find_content_leaks(
                make_dataset(
                    ("train", np.concatenate([make_quantized_notes(2, 50), short[:25]])),
                    ("test", short),
                )
            )
        )
        == []
    )


@pytest.mark.parametrize(("count", "is_leak"), [(5, False), (15, False), (16, True), (20, True)])
def test_a_jingle_shares_notes_by_chance(count: int, is_leak: bool) -> None:
    song = make_quantized_notes(1, 200)
    leaks = list(leakage.find_content_leaks(make_dataset(("train", song), ("test", song[:count]))))
    assert bool(leaks) is is_leak


def test_a_work_that_ingest_found_in_two_splits_is_told(in_folder: Path) -> None:
    collector = PieceCollector()
    config = IngestConfig(reader="symusic", sustain_pedal=False)
    for name, split, notes in (
        ("slow.mid", "test", make_music(1, 300)),
        ("fast.mid", "train", make_music(1, 300)[5:]),
    ):
        writer.write_notes(notes, in_folder / name)
        facts = read_content((in_folder / name).read_bytes(), config).facts
        collector.add_piece(CorpusPiece(name, name, split, "0" * 64), facts)
    path = in_folder / "summary.json"
    assert leakage.find_work_leaks(path, ()) == []
    save_summary(path, collector.summarize("own", []))
    assert leakage.find_work_leaks(path, ()) == [
        "fast.mid (train) is the same work as slow.mid (test)"
    ]
    assert leakage.find_work_leaks(path, ("slow.mid",)) == []
