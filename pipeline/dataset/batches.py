"""What an epoch of training reads, for each objective.

Shapes: B windows or passages, T notes.
"""

from collections.abc import Iterator

import numpy as np

from pipeline.config import Params
from pipeline.config.recipes import ModelConfig
from pipeline.dataset import windows
from pipeline.dataset.segments import Segment, SegmentSampler
from pipeline.dataset.windows import WindowDataset
from pipeline.notes import active_notes


def of_windows(
    params: Params, block: ModelConfig, data: WindowDataset, epoch: int
) -> Iterator[Segment]:
    """Give the windows of an epoch, each with the one target after it: codes [B, T + 1, 4]."""
    size = params.train.notes_per_epoch
    order = windows.shuffled_order(params.seed, len(data.window_starts), epoch * size, size)
    for begin in range(0, size, params.train.windowed.batch_size):
        notes, target = data.gather(order[begin : begin + params.train.windowed.batch_size])
        codes = np.concatenate([notes, target[:, None]], axis=1)
        left = np.zeros((*codes.shape[:2], 128), np.int16)
        if block.input == "embedding":
            left, _ = active_notes.active_before_each(
                codes, active_notes.no_active_notes(len(codes))
            )
        there = np.zeros((len(codes), data.sequence_length), np.float32)
        there[:, -1] = 1
        yield Segment(codes, left, there, True)


def of_passages(params: Params, data: WindowDataset, epoch: int) -> Iterator[Segment]:
    """Give the segments of the passages of an epoch."""
    return SegmentSampler(data, params.train.stateful, params.seed).sample_epoch(
        epoch, params.train.notes_per_epoch
    )


def epoch(
    params: Params, block: ModelConfig, data: WindowDataset, number: int
) -> Iterator[Segment]:
    """Give the batches of an epoch, numbered from 0, as the objective of a block wants them."""
    if block.loss_on == "last":
        return of_windows(params, block, data, number)
    return of_passages(params, data, number)
