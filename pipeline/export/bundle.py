"""A trained model into the package, with what a user must know of it on its card."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.core import paths
from pipeline.corpus import manifest
from pipeline.evaluation import intervals, performance_events
from pipeline.evaluation.results import Evaluation
from pipeline.models import model_io


def bundle_model(architecture: str, corpus: str, name: str) -> Path:
    """Write the model of an architecture to `pipeline/bundled/NAME`, weights as float16; returns where.

    The card gains the corpus, its licence and the bits per note that `evaluate` found: the mean over all replicates, with
    half the width of its interval, since the replicate that plays was scored on too few pieces.

    Raises:
        DataError: there is no trained model, or it was not evaluated.
    """
    model = model_io.load_model(paths.get_model_dir(architecture))
    evaluation = Evaluation.load(paths.get_evaluation_path(architecture))
    scores = evaluation.scores
    music = manifest.load_manifest(paths.get_manifest_path(corpus))
    origin = {
        **model.provenance,
        "corpus": corpus,
        "music": music.source,
        "licence_of_the_music": music.license,
        "scored_notes": int(scores.num_notes.sum()),
        **{name: round(value, 4) for name, value in scores.compute_bits_per_note().items()},
        "half_width": intervals.round_figure(intervals.estimate_mean(scores).half_width),
        **_describe_events(evaluation),
    }
    folder = model_io.BUNDLED / name
    model_io.save_model(replace(model, provenance=origin), folder, np.float16)
    return folder


def _describe_events(evaluation: Evaluation) -> dict[str, Any]:
    """Return the figure in nats per event, with what it is; nothing of an evaluation without events."""
    if evaluation.events is None:
        return {}
    nats = evaluation.nats_per_event
    return {
        "nats_per_event": None if nats is None else round(nats, 4),
        "events_per_note": round(evaluation.events.events_per_note, 4),
        "about_nats_per_event": performance_events.describe_figure(nats),
    }
