"""One reading of held-out pieces: bits of every note, and what each head said of some of them.

Reading is what takes time, so all that is asked of the hidden vectors is asked at once.

Shapes: N notes, K targets, H width of the hidden vector.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.core.console import track_progress
from pipeline.evaluation import calibration
from pipeline.evaluation.calibration import CalibrationStats
from pipeline.models import scoring
from pipeline.models.model_io import TrainedModel
from pipeline.models.numpy.network import Network
from pipeline.notes.quantize import FEATURE_COLUMNS, SCORED_FEATURES, VELOCITY, QuantizedNotes

MAX_CALIBRATION_NOTES = 20_000
"""Notes at most whose whole distributions are looked at, evenly spread."""
CHUNK = 256
"""Distributions held at once."""
CONTEXT_LENGTHS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
"""Numbers of notes heard before a target."""
CONTEXT_TARGETS = 256
"""Targets told after each of them, evenly spread."""

HEAD_COLUMNS = {**FEATURE_COLUMNS, "velocity": VELOCITY}


def evaluate_pieces(
    model: TrainedModel, pieces: Sequence[QuantizedNotes], batch_size: int, label: str = ""
) -> tuple[list[NDArray[np.float64]], dict[str, CalibrationStats]]:
    """Score pieces as `scoring.bits` does, and judge the distributions of every so many notes.

    Args:
        model: what tells the notes.
        pieces: codes [N, 4] each.
        batch_size: pieces read side by side.
        label: name of the work, where its progress should be shown.

    Returns:
        Bits [N - 1, 3 or 4] of each piece, and what was judged of each head, at most `JUDGED` notes.
    """
    heads = scoring.make_heads(model)
    scored = [
        np.empty((max(len(codes) - 1, 0), 4 if model.config.model_velocity else 3))
        for codes in pieces
    ]
    every = -(-sum(map(len, scored)) // MAX_CALIBRATION_NOTES)
    parts: dict[tuple[int, int], dict[str, CalibrationStats]] = {}
    heard = scoring.hidden_states(model, pieces, batch_size)
    if label:
        heard = track_progress(
            heard, label, sum(map(len, scored)), lambda part: part[1].stop - part[1].start
        )
    for index, notes, hidden in heard:
        codes = pieces[index][notes]
        scored[index][notes.start - 1 : notes.stop - 1] = heads.bits(hidden, codes)
        some = np.flatnonzero(np.arange(notes.start, notes.stop) % every == 0)
        for rows in np.array_split(some, -(-len(some) // CHUNK)) if len(some) else []:
            said = heads.distributions(hidden[rows], codes[rows])
            parts[index, notes.start + int(rows[0])] = {
                name: calibration.score_distributions(masses, codes[rows, HEAD_COLUMNS[name]])
                for name, masses in said.items()
            }
    # In the order of the music, whatever the order of reading.
    chosen = [parts[place] for place in sorted(parts)]
    return scored, {
        name: calibration.concatenate_stats([part[name] for part in chosen]) for name in chosen[0]
    }


def compute_bits_by_context(
    model: TrainedModel, pieces: Sequence[QuantizedNotes]
) -> list[tuple[int, int, dict[str, float]]]:
    """Return the bits of the same notes told after 1, 2, 4, … 256 notes heard.

    How bits fall along a piece would mix up what a model has heard with how pieces begin; here nothing differs but what
    was heard. A model whose memory is a window forgets all before it.

    Args:
        model: what tells the notes.
        pieces: codes [N, 4] each, N of 2 or more.

    Returns:
        Rows of notes heard, targets, and mean bits of each head that counts.

    Source: Khandelwal et al., "Sharp nearby, fuzzy far away: how neural language models use context", ACL 2018,
    section 4, which cuts the context of the same targets.
    """
    longest = max(len(codes) for codes in pieces) - 1
    lengths = [heard for heard in CONTEXT_LENGTHS if heard <= longest]
    places = [
        (index, at) for index, codes in enumerate(pieces) for at in range(lengths[-1], len(codes))
    ]
    chosen = [
        places[k] for k in np.unique(np.linspace(0, len(places) - 1, CONTEXT_TARGETS).astype(int))
    ]
    targets = np.stack([pieces[index][at] for index, at in chosen])
    network, heads = Network(model.config, model.weights), scoring.make_heads(model)
    rows = []
    for length in lengths:
        reach = min(length, model.sequence_length) if not model.config.stateful else length
        heard = np.stack([pieces[index][at - reach : at] for index, at in chosen])
        hidden = np.concatenate(
            [network.forward_window(part) for part in np.array_split(heard, -(-len(heard) // 64))]
        )
        mean = heads.bits(hidden, targets)[:, : len(SCORED_FEATURES)].mean(axis=0)
        rows.append(
            (length, len(chosen), dict(zip(SCORED_FEATURES, map(float, mean), strict=True)))
        )
    return rows
