"""What a model costs, counted and not timed: the multiply-adds of a note.

Counted are matrix products and attention; looking up and elementwise sums are a few hundredths of them.
"""

from collections.abc import Iterable

from pipeline.models.model_io import TrainedModel
from pipeline.notes.note import NUM_PITCHES

HEAD_LAYERS = (
    *("chain", "ahead", "pitch", "step", "duration", "velocity", "pedal"),
    *("dense", "pitch_conv", "copy"),
)
"""Layers that read what the body says, so once a note even where a window is read."""
PITCH_CONVOLUTIONS = ("pitch_conv/input_kernel", "pitch_conv/output_kernel")
"""Kernels that every pitch is multiplied by."""


def count_macs_per_note(model: TrainedModel) -> int:
    """Return the multiply-adds of a note that is played with the state carried, attention in full sight."""
    return _count_macs(model, model.weights) + _count_attention_macs(model, model.config.span)


def count_macs_per_window(model: TrainedModel) -> int:
    """Return the multiply-adds of a note for which the window of T notes is read anew."""
    heads = [name for name in model.weights if name.split("/")[0] in HEAD_LAYERS]
    body = [name for name in model.weights if name not in heads]
    span = min(model.sequence_length, model.config.span)
    num_pairs = span * (2 * model.sequence_length - span + 1) // 2
    attended = _count_attention_macs(model, num_pairs)
    return model.sequence_length * _count_macs(model, body) + _count_macs(model, heads) + attended


def _count_attention_macs(model: TrainedModel, num_pairs: int) -> int:
    """Return the multiply-adds of pairs of notes in all layers of attention: of queries and keys, and of values."""
    layers = zip(model.config.cells, model.config.units, strict=True)
    return sum(2 * num_pairs * units for cell, units in layers if cell == "attention")


def _count_macs(model: TrainedModel, names: Iterable[str]) -> int:
    """Return the multiply-adds of one vector through the kernels among some weights."""
    return sum(
        int(model.weights[name].size) * (NUM_PITCHES if name in PITCH_CONVOLUTIONS else 1)
        for name in names
        if name.endswith("kernel")
    )
