"""Score notes with a trained model in NumPy: hidden vectors of whole pieces, and bits of every note.

Pieces are read by the memory that the model declares, so that a score is what the player would have felt: `carried`
state from the first note of a piece on, or the `window` of the last T notes, read again for every note.

Shapes: N notes, T window, H width of the hidden vector.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pipeline.core.console import track_progress
from pipeline.models.model_io import TrainedModel
from pipeline.models.numpy.autoregressive_heads import AutoregressiveHeads
from pipeline.models.numpy.heads import Heads, RegressionHeads
from pipeline.models.numpy.layers import Float32Array
from pipeline.models.numpy.network import Network
from pipeline.notes.quantize import QuantizedNotes

CHUNK_NOTES = 512
"""Notes read at a time: bounds the memory of a long piece."""


def make_heads(model: TrainedModel) -> Heads:
    """Return the heads of a model."""
    if model.config.heads == "regression":
        return RegressionHeads(model.weights, model.residual_noise)
    return AutoregressiveHeads(model.config, model.weights)


def hidden_states(
    model: TrainedModel, pieces: Sequence[QuantizedNotes], batch_size: int
) -> Iterator[tuple[int, slice, Float32Array]]:
    """Read whole pieces and give the hidden vector that stands before each note but the first.

    Args:
        model: what reads.
        pieces: codes [N, 4] each, N of 2 or more.
        batch_size: pieces read side by side; 64 times as many windows where its memory is the window.

    Yields:
        Index of a piece, the notes, and the hidden vectors [n, H] from which these notes are told.
    """
    network = Network(model.config, model.weights)
    if model.config.stateful:
        yield from _iterate_stateful(network, pieces, batch_size)
    else:
        for index, codes in enumerate(pieces):
            yield from (
                (index, notes, h)
                for notes, h in _iterate_windows(
                    network, codes, model.sequence_length, 64 * batch_size
                )
            )


def _iterate_stateful(
    network: Network, pieces: Sequence[QuantizedNotes], batch_size: int
) -> Iterator[tuple[int, slice, Float32Array]]:
    """Read pieces of like length side by side, carrying the state."""
    order = sorted(range(len(pieces)), key=lambda i: -len(pieces[i]))
    for first in range(0, len(order), batch_size):
        group = order[first : first + batch_size]
        longest = len(pieces[group[0]])
        padded = np.zeros((len(group), longest, 4), np.int16)
        for row, index in enumerate(group):
            padded[row, : len(pieces[index])] = pieces[index]
        state = network.initial_state(len(group))
        for begin in range(0, longest - 1, CHUNK_NOTES):
            end = min(begin + CHUNK_NOTES, longest - 1)
            hidden, state = network.forward(padded[:, begin:end], state)
            for row, index in enumerate(group):
                stop = min(end + 1, len(pieces[index]))
                if begin + 1 < stop:
                    yield index, slice(begin + 1, stop), hidden[row, : stop - begin - 1]


def _iterate_windows(
    network: Network, notes: QuantizedNotes, sequence_length: int, batch_size: int
) -> Iterator[tuple[slice, Float32Array]]:
    """Read a window for every note; the first notes have what there is before them."""
    for end in range(1, min(sequence_length, len(notes))):
        yield slice(end, end + 1), network.forward_window(notes[None, :end])
    for begin in range(sequence_length, len(notes), batch_size):
        ends = np.arange(begin, min(begin + batch_size, len(notes)))
        windows = notes[ends[:, None] - sequence_length + np.arange(sequence_length)]
        yield slice(begin, begin + len(ends)), network.forward_window(windows)


def score_pieces(
    model: TrainedModel, pieces: Sequence[QuantizedNotes], batch_size: int, label: str = ""
) -> list[NDArray[np.float64]]:
    """Score pieces.

    Args:
        model: what tells the notes.
        pieces: codes [N, 4] each.
        batch_size: as of `hidden_before`; changes speed, not results.
        label: name of the work, where its progress should be shown.

    Returns:
        For each piece the bits of all its notes but the first: [N - 1, 3], columns as `encoding.HEADS`, or [N - 1, 4]
        with those of velocity last.
    """
    heads = make_heads(model)
    columns = 4 if model.config.model_velocity else 3
    scored = [np.full((max(len(codes) - 1, 0), columns), np.nan) for codes in pieces]
    read = hidden_states(model, pieces, batch_size)
    if label:
        read = track_progress(
            read, label, sum(map(len, scored)), lambda part: part[1].stop - part[1].start
        )
    for index, notes, hidden in read:
        scored[index][notes.start - 1 : notes.stop - 1] = heads.bits(hidden, pieces[index][notes])
    return scored


def with_fitted_noise(
    model: TrainedModel, pieces: Sequence[QuantizedNotes], batch_size: int = 16
) -> TrainedModel:
    """Return the model with the spread of its regression heads fitted on training pieces, codes [N, 4] each."""
    if model.config.heads != "regression":
        return model
    found = list(hidden_states(model, pieces, batch_size))
    heads = RegressionHeads(model.weights, {})
    heads.fit_noise(
        np.concatenate([h for _, _, h in found]),
        np.concatenate([pieces[i][notes] for i, notes, _ in found]),
    )
    return replace(model, residual_noise=heads.residual_noise)
