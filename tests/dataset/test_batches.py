"""What an epoch reads, on notes that can be told apart: step and duration number them."""

import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from factories import make_window_dataset

from pipeline.config import Params
from pipeline.config.schema import ModelConfig, ReplicatesConfig
from pipeline.dataset import batches, replicates, windows
from pipeline.dataset.segments import Segment, SegmentSampler
from pipeline.dataset.windows import WindowDataset
from pipeline.notes import active_notes, recall
from pipeline.notes.quantize import DURATION, PITCH, STEP

T = 6


@pytest.fixture
def data() -> WindowDataset:
    """Two training pieces and a held-out one; note n of all has the step n % 30 and the duration n."""
    lengths = [50, 41, 30]
    codes = np.zeros((sum(lengths), 4), np.int16)
    codes[:, PITCH] = np.repeat([60, 61, 99], lengths) - np.arange(sum(lengths)) % 4
    codes[:, STEP], codes[:, DURATION], codes[:, 3] = (
        np.arange(len(codes)) % 30,
        np.arange(len(codes)),
        64,
    )
    pieces = np.split(codes, np.cumsum(lengths)[:-1])
    dataset = make_window_dataset(pieces, ["train", "train", "validation"], sequence_length=T)
    return replicates.make_plan(dataset, ReplicatesConfig(count=1, scheme="seeds")).select(1)


@pytest.fixture
def params(project: Params) -> Params:
    last = project.train.windowed.model_copy(update={"batch_size": 8})
    every = project.train.stateful.model_copy(
        update={"batch_size": 2, "bptt_length": 4, "segments_per_passage": 2, "max_transpose": 3}
    )
    train = project.train.model_copy(
        update={"notes_per_epoch": 36, "windowed": last, "stateful": every}
    )
    return project.model_copy(update={"train": train})


def make_config(project: Params, name: str, **changes: object) -> ModelConfig:
    return ModelConfig.model_validate({**project.model[name].model_dump(), **changes})


def list_note_numbers(parts: list[Segment]) -> np.ndarray:
    """Return which notes each batch holds [N, T + 1]."""
    return np.concatenate([part.notes[..., DURATION] for part in parts])


def test_a_window_is_a_run_of_notes_and_the_one_target_after_it(
    params: Params, data: WindowDataset
) -> None:
    parts = list(batches.window_batches(params, params.model["baseline"], data, 0))
    for part in parts:
        assert part.notes.shape[1:] == (T + 1, 4)
        assert part.mask.shape == (len(part.notes), T)
        assert (part.mask == ([0] * (T - 1) + [1])).all()
        assert part.is_first
    notes = list_note_numbers(parts)
    assert (np.diff(notes, axis=1) == 1).all()
    assert (notes < 91).all()
    assert not ((notes[:, 0] < 50) & (notes[:, -1] >= 50)).any()
    assert np.array_equal(np.concatenate([part.notes for part in parts]), data.notes.gather(notes))


def test_an_epoch_is_as_many_windows_as_the_budget_says_and_the_next_goes_on(
    params: Params, data: WindowDataset
) -> None:
    order = windows.shuffled_order(params.seed, data.num_windows, 0, 72)
    read = [
        list(batches.window_batches(params, params.model["baseline"], data, number))
        for number in (0, 1)
    ]
    assert [len(part.notes) for part in read[0]] == [8, 8, 8, 8, 4]
    assert np.array_equal(
        np.concatenate([list_note_numbers(parts)[:, 0] for parts in read]),
        data.locate_windows(order),
    )
    once = list(batches.window_batches(params, params.model["baseline"], data, 1))
    assert np.array_equal(list_note_numbers(once), list_note_numbers(read[1]))


def test_a_window_begins_in_silence_and_hears_its_own_keys(
    params: Params, data: WindowDataset
) -> None:
    block = make_config(params, "expressive", loss_on="last", stateful=False)
    parts = list(batches.window_batches(params, block, data, 0))
    for part in parts:
        assert not part.active[:, 0].any()
        for codes, active in zip(part.notes, part.active, strict=True):
            assert np.array_equal(
                active,
                active_notes.active_before_each(codes[None], active_notes.no_active_notes(1))[0][0],
            )
    assert all(part.active[:, -1].any() for part in parts)


def test_nothing_sounds_for_a_scalar_input(params: Params, data: WindowDataset) -> None:
    for part in batches.window_batches(params, params.model["baseline"], data, 0):
        assert part.active.shape == (*part.notes.shape[:2], 128)
        assert not part.active.any()


def test_passages_are_those_of_the_recipe_and_the_seed(params: Params, data: WindowDataset) -> None:
    segments = list(batches.segment_batches(params, data, 2))
    sampled = list(SegmentSampler(data, params.train.stateful, params.seed).sample_epoch(2, 36))
    assert sum(part.is_first for part in segments) == 2
    for segment, expected in zip(segments, sampled, strict=True):
        assert np.array_equal(segment.notes, expected.notes)
        assert np.array_equal(segment.mask, expected.mask)


def measure_peak(params: Params, folder: Path, num_pieces: int) -> int:
    """Return the peak memory [B] of writing a corpus, and of an epoch of each kind of batches of it."""
    index = replace(
        make_window_dataset([np.zeros((1000, 4), np.int16)], ["train"], sequence_length=T),
        piece_ends=np.arange(1, num_pieces + 1) * 1000,
        splits=np.full(num_pieces, "train"),
        piece_names=np.full(num_pieces, "a.mid"),
        compositions=np.full(num_pieces, "a"),
    )
    pieces = (np.full((1000, 4), number, np.int16) for number in range(num_pieces))
    path = folder / str(num_pieces) / "index.npz"
    tracemalloc.start()
    try:
        windows.write_windows(index, pieces, path, shard_notes=20_000)
        dataset = windows.load_windows(path)
        for name in ("baseline", "expressive"):
            for epoch in (0, 1):
                assert list(batches.epoch_batches(params, params.model[name], dataset, epoch))
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_peak_memory_does_not_grow_with_the_corpus(params: Params, tmp_path: Path) -> None:
    measure_peak(params, tmp_path, 1)
    peaks = [measure_peak(params, tmp_path, num_pieces) for num_pieces in (4, 200)]
    # 200,000 notes take 1.6 MB, as much as a permutation of their windows; the index of a piece takes about 100 bytes.
    assert peaks[1] - peaks[0] < 200_000


def test_the_objective_says_what_an_epoch_reads(params: Params, data: WindowDataset) -> None:
    last, every = (
        list(batches.epoch_batches(params, params.model[name], data, 0))
        for name in ("baseline", "expressive")
    )
    assert {part.notes.shape[1] for part in last} == {T + 1}
    assert {part.notes.shape[1] for part in every} == {5}
    other = list(batches.epoch_batches(params, params.model["expressive"], data, 1))
    assert not all(np.array_equal(a.notes, b.notes) for a, b in zip(every, other, strict=False))


def test_hints_of_a_window_are_of_its_own_notes(params: Params, data: WindowDataset) -> None:
    changes = {"loss_on": "last", "stateful": False}
    block = make_config(params, "expressive", **changes)
    assert all(part.hints is None for part in batches.window_batches(params, block, data, 0))
    block = make_config(params, "expressive", **changes, recall=True)
    for part in batches.window_batches(params, block, data, 0):
        assert np.array_equal(part.hints, recall.compute_hints(part.notes[:, :-1]))


def test_passages_have_hints_for_a_model_with_recall(params: Params, data: WindowDataset) -> None:
    for has_recall in (False, True):
        block = make_config(params, "expressive", recall=has_recall)
        parts = list(batches.epoch_batches(params, block, data, 0))
        assert parts
        assert all((part.hints is not None) == has_recall for part in parts)
