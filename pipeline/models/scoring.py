"""Score notes with a trained model: what the heads read before every note of a piece, and the bits of the note.

A model is read with the memory that it declares, as in play: a state carried from the first note of a piece on, or the
last T notes, read again for every note.

Shapes: N notes, T window, H width of the hidden vector.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pipeline.core.console import track_progress
from pipeline.models.model_io import TrainedModel
from pipeline.models.numpy.autoregressive_heads import AutoregressiveHeads
from pipeline.models.numpy.heads import Context, RegressionHeads
from pipeline.models.numpy.network import Network
from pipeline.notes.quantize import SCORED_FEATURES, QuantizedNotes

Contexts = Iterator[tuple[int, slice, Context]]
"""Index of a piece, some of its notes, and what the heads read before each of them, hidden [n, H]."""
CHUNK_NOTES = 512
"""Notes read at a time: bounds the memory of a long piece."""
WINDOWS_PER_PIECE = 64
"""Windows read at a time, for each piece of a batch."""


def make_heads(model: TrainedModel) -> RegressionHeads | AutoregressiveHeads:
    """Return the heads of a model for scoring."""
    if model.config.heads == "regression":
        return RegressionHeads(model.weights, model.residual_noise)
    return AutoregressiveHeads(model.config, model.weights)


def count_bits_columns(model: TrainedModel) -> int:
    """Return the number of columns of the bits of a model: 3, 4 with velocity, 5 with pedal."""
    return len(SCORED_FEATURES) + model.config.model_velocity + model.config.model_pedal


def iterate_contexts(
    model: TrainedModel, pieces: Sequence[QuantizedNotes], batch_size: int, label: str = ""
) -> Contexts:
    """Read whole pieces and yield what the heads read before each note but the first.

    Args:
        model: the model.
        pieces: [N, 5] each, N of 2 or more.
        batch_size: pieces read side by side; 64 times as many windows of a model with a window.
        label: name of the work, to show its progress.

    Returns:
        Parts of pieces, in any order.
    """
    network = Network(model.config, model.weights)
    if model.config.stateful:
        contexts = _iterate_stateful(network, pieces, batch_size)
    else:
        contexts = _iterate_windows(
            network, pieces, model.sequence_length, WINDOWS_PER_PIECE * batch_size
        )
    if not label:
        return contexts
    num_notes = sum(max(len(piece) - 1, 0) for piece in pieces)
    return track_progress(contexts, label, num_notes, lambda part: part[1].stop - part[1].start)


def _iterate_stateful(
    network: Network, pieces: Sequence[QuantizedNotes], batch_size: int
) -> Contexts:
    """Read pieces of similar length side by side, carrying the state."""
    order = sorted(range(len(pieces)), key=lambda index: -len(pieces[index]))
    for first in range(0, len(order), batch_size):
        group = order[first : first + batch_size]
        max_length = len(pieces[group[0]])
        padded = np.zeros((len(group), max_length, pieces[group[0]].shape[1]), np.int16)
        for row, index in enumerate(group):
            padded[row, : len(pieces[index])] = pieces[index]
        state = network.initial_state(len(group))
        for begin in range(0, max_length - 1, CHUNK_NOTES):
            end = min(begin + CHUNK_NOTES, max_length - 1)
            context, state = network.forward(padded[:, begin:end], state)
            for row, index in enumerate(group):
                stop = min(end + 1, len(pieces[index]))
                if begin + 1 < stop:
                    rows = np.s_[row, : stop - begin - 1]
                    yield index, slice(begin + 1, stop), context.select(rows)


def _iterate_windows(
    network: Network, pieces: Sequence[QuantizedNotes], sequence_length: int, batch_size: int
) -> Contexts:
    """Read a window for every note; the first notes of a piece have shorter windows."""
    for index, notes in enumerate(pieces):
        for end in range(1, min(sequence_length, len(notes))):
            yield index, slice(end, end + 1), network.forward_window(notes[None, :end])
        for begin in range(sequence_length, len(notes), batch_size):
            ends = np.arange(begin, min(begin + batch_size, len(notes)))
            windows = notes[ends[:, None] - sequence_length + np.arange(sequence_length)]
            yield index, slice(begin, begin + len(ends)), network.forward_window(windows)


def score_pieces(
    model: TrainedModel, pieces: Sequence[QuantizedNotes], batch_size: int, label: str = ""
) -> list[NDArray[np.float64]]:
    """Score pieces.

    Args:
        model: the model.
        pieces: [N, 5] each.
        batch_size: as of `iterate_contexts`; changes speed, not results.
        label: name of the work, to show its progress.

    Returns:
        For each piece the bits of all its notes but the first: [N - 1, 3], columns as `SCORED_FEATURES`, then
        velocity and pedal where the model has them.
    """
    heads = make_heads(model)
    columns = count_bits_columns(model)
    scored = [np.full((max(len(piece) - 1, 0), columns), np.nan) for piece in pieces]
    for index, notes, context in iterate_contexts(model, pieces, batch_size, label):
        bits = heads.bits(context, pieces[index][notes])
        scored[index][notes.start - 1 : notes.stop - 1] = bits
    return scored


def with_fitted_noise(
    model: TrainedModel, pieces: Sequence[QuantizedNotes], batch_size: int = 16
) -> TrainedModel:
    """Return the model with the noise of its regression heads fitted on training pieces [N, 5] each."""
    if model.config.heads != "regression":
        return model
    parts = list(iterate_contexts(model, pieces, batch_size))
    hidden = np.concatenate([context.hidden for _, _, context in parts])
    notes = np.concatenate([pieces[index][part] for index, part, _ in parts])
    heads = RegressionHeads(model.weights, {})
    heads.fit_noise(hidden, notes)
    return replace(model, residual_noise=heads.residual_noise)
