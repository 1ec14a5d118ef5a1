"""What a model costs, counted and not timed: the multiply-adds of a note.

Counted are matrix products and attention; looking up and elementwise sums are a few hundredths of them.
"""

from collections.abc import Iterable

from pipeline.models.model_io import TrainedModel
from pipeline.models.numpy.residual_blocks import ATTENTION_SPAN

HEAD_LAYERS = ("chain", "ahead", "pitch", "step", "duration", "velocity", "dense")
"""Layers that read what the body says, so once a note even where a window is read."""


def count_macs_per_note(model: TrainedModel) -> int:
    """Return the multiply-adds of a note that is played with the state carried, attention in full sight."""
    attended = (
        sum(2 * ATTENTION_SPAN * units for units in model.config.units)
        if model.config.cell == "attention"
        else 0
    )
    return _count_macs(model, model.weights) + attended


def count_macs_per_window(model: TrainedModel) -> int:
    """Return the multiply-adds of a note for which the window of T notes is read anew."""
    heads = [name for name in model.weights if name.split("/")[0] in HEAD_LAYERS]
    body = [name for name in model.weights if name not in heads]
    pairs = (
        min(model.sequence_length, ATTENTION_SPAN)
        * (2 * model.sequence_length - min(model.sequence_length, ATTENTION_SPAN) + 1)
        // 2
    )
    attended = (
        sum(2 * pairs * units for units in model.config.units)
        if model.config.cell == "attention"
        else 0
    )
    return model.sequence_length * _count_macs(model, body) + _count_macs(model, heads) + attended


def _count_macs(model: TrainedModel, names: Iterable[str]) -> int:
    """Return the multiply-adds of one vector through the kernels among some weights."""
    return sum(int(model.weights[name].size) for name in names if name.endswith("kernel"))
