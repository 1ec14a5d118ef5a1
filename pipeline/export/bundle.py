"""A trained model into the package, with what a user must know of it on its card."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from pipeline.core import paths
from pipeline.corpus import manifest
from pipeline.evaluation.results import Evaluation
from pipeline.models import model_io


def ship(architecture: str, corpus: str) -> Path:
    """Write the model of an architecture to `pipeline/bundled/`, weights as float16; returns where.

    The card gains the corpus, its licence, its manifest's sha256 and the bits per note that `evaluate` found.

    Raises:
        DataError: there is no trained model, or it was not evaluated.
    """
    model = model_io.load_model(paths.model(architecture))
    found = Evaluation.load(paths.evaluation(architecture)).scores
    music = manifest.load_manifest(paths.manifest(corpus))
    origin = {
        **model.provenance,
        "corpus": corpus,
        "music": music.source,
        "licence_of_the_music": music.license,
        "scored_notes": int(found.notes.sum()),
        **{name: round(value, 4) for name, value in found.per_note().items()},
    }
    folder = model_io.BUNDLED / architecture
    model_io.save_model(replace(model, provenance=origin), folder, np.float16)
    return folder
