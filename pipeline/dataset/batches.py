"""The batches of an epoch of training, for each objective.

Shapes: B windows or passages, T notes.
"""

from collections.abc import Iterator

import numpy as np

from pipeline.config import Params
from pipeline.config.schema import ModelConfig
from pipeline.dataset import windows
from pipeline.dataset.segments import Segment, SegmentSampler
from pipeline.dataset.windows import WindowDataset
from pipeline.notes import active_notes, recall
from pipeline.notes.note import NUM_PITCHES


def window_batches(
    params: Params, config: ModelConfig, data: WindowDataset, epoch: int
) -> Iterator[Segment]:
    """Yield the windows of an epoch, each with the one target after it: notes [B, T + 1, 4]."""
    num_windows = params.train.notes_per_epoch
    first = epoch * num_windows
    drawn = windows.draw_batches(
        params.seed, data.num_windows, first, num_windows, params.train.windowed.batch_size
    )
    for window_numbers in drawn:
        notes = data.gather(window_numbers)
        active = np.zeros((*notes.shape[:2], NUM_PITCHES), np.int16)
        if config.input == "embedding":
            silence = active_notes.no_active_notes(len(notes))
            active, _ = active_notes.active_before_each(notes, silence)
        mask = np.zeros((len(notes), data.sequence_length), np.float32)
        mask[:, -1] = 1
        hints = recall.compute_hints(notes[:, :-1]) if config.recall else None
        yield Segment(notes, active, mask, is_first=True, hints=hints)


def segment_batches(
    params: Params, data: WindowDataset, epoch: int, has_hints: bool = False
) -> Iterator[Segment]:
    """Yield the segments of the passages of an epoch, with or without hints."""
    sampler = SegmentSampler(data, params.train.stateful, params.seed, has_hints)
    return sampler.sample_epoch(epoch, params.train.notes_per_epoch)


def epoch_batches(
    params: Params, config: ModelConfig, data: WindowDataset, epoch: int
) -> Iterator[Segment]:
    """Yield the batches of an epoch, numbered from 0, for the objective of a model config."""
    if config.loss_on == "last":
        return window_batches(params, config, data, epoch)
    return segment_batches(params, data, epoch, config.recall)
