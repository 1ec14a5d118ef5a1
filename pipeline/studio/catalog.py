"""The models that a person may choose: those that come with the package and those trained in this project, by name.

A page sends a name and never a path: a name that is not in this list is refused, whatever it spells.
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from pipeline.core import paths, yaml
from pipeline.core.errors import DataError
from pipeline.core.suggestions import suggest_name
from pipeline.generation.engine import count_context_notes
from pipeline.models import model_card, model_io
from pipeline.models.model_card import ModelCard
from pipeline.models.model_io import CARD, TrainedModel
from pipeline.studio.messages import ClientError

TRAINED_SUFFIX = " (trained here)"
"""Of a model of this project that has the name of a bundled one."""
MEMORY_WORDS = ((12, "a motif"), (64, "a phrase"), (math.inf, "a section"))
"""Most notes that a musician calls by a word, and the word."""


@dataclass(frozen=True)
class CatalogEntry:
    """A model that can be chosen."""

    name: str
    folder: Path
    description: str
    """One line for people."""
    label: str
    """Its name, with corpus and bits if they are known."""
    bits: float
    """Bits per note, infinite if they are not known."""
    is_bundled: bool


class Result(NamedTuple):
    """How well a model predicts the notes of a corpus.

    The bits are the mean over the replicates of its architecture: the one that plays was scored on too few pieces.
    """

    bits: float
    corpus: str
    replicates: object
    """Their count, as the card has it."""


def list_models() -> dict[str, CatalogEntry]:
    """Return all models that are here now, by name: the bundled ones first, then those trained here, best first.

    Bits on different corpora cannot be compared, so a model that was trained here never stands before a bundled one.
    """
    bundled = model_io.list_model_names(model_io.BUNDLED)
    folders = {name: model_io.BUNDLED / name for name in bundled}
    for name in model_io.list_model_names(paths.MODELS):
        suffix = TRAINED_SUFFIX if name in bundled else ""
        folders[name + suffix] = paths.get_model_dir(name)
    entries = [_make_entry(name, folder) for name, folder in folders.items()]
    entries.sort(key=lambda entry: (not entry.is_bundled, entry.bits, entry.name))
    return {entry.name: entry for entry in entries}


def load_by_name(name: str) -> tuple[str, TrainedModel]:
    """Read a model by its name in the catalog.

    Raises:
        ClientError: there is none of that name.
        DataError: its files are damaged.
    """
    models = list_models()
    entry = models.get(name)
    if entry is None:
        raise ClientError(
            f"no model of that name; there are {', '.join(models)}{suggest_name(name, models)}"
        )
    return entry.name, model_io.load_model(entry.folder)


def _make_entry(name: str, folder: Path) -> CatalogEntry:
    """Return the entry of a model; a card that cannot be read is refused only when the model is chosen."""
    is_bundled = folder.parent == model_io.BUNDLED
    try:
        card = model_card.read_card(folder / CARD)
    except DataError:
        return CatalogEntry(name, folder, "its card cannot be read", name, math.inf, is_bundled)
    result = _read_result(folder, card)
    description = _describe_model(card, result)
    if result is None:
        return CatalogEntry(name, folder, description, name, math.inf, is_bundled)
    label = f"{name}: {result.bits:.2f} bits, {result.corpus}"
    return CatalogEntry(name, folder, description, label, result.bits, is_bundled)


def _describe_model(card: ModelCard, result: Result | None) -> str:
    """Say how well a model predicts which corpus, its size, and what it remembers."""
    facts = [f"{card.parameters:,} weights", _describe_memory(card)]
    if result:
        several = isinstance(result.replicates, int) and result.replicates > 1
        mean = f" (mean of {result.replicates} replicates)" if several else ""
        facts.insert(0, f"{result.bits:.3f} bits per note on {result.corpus}{mean}")
    return ", ".join(facts)


def _describe_memory(card: ModelCard) -> str:
    """Say what a model remembers of the music, in notes and in a musician's word for so many."""
    notes = count_context_notes(card.config, card.sequence_length)
    if not notes:
        return "remembers all music since the first note"
    word = next(word for limit, word in MEMORY_WORDS if notes <= limit)
    return f"remembers the last {notes} notes: {word}"


def _read_result(folder: Path, card: ModelCard) -> Result | None:
    """Return the result of a model, of its card or of the evaluation in this project; None if there is none."""
    corpus, bits, replicates = (
        card.provenance.get(key) for key in ("corpus", "bits_per_note", "replicates")
    )
    if folder.parent == paths.MODELS:
        try:
            corpus = yaml.load_yaml(paths.PARAMS)["corpus"]
            evaluation = paths.get_evaluation_path(folder.name).read_text("utf-8")
            bits = json.loads(evaluation)["bits_per_note"]
        except (OSError, ValueError, LookupError, TypeError):
            return None
    if not isinstance(corpus, str) or not isinstance(bits, float):
        return None
    return Result(bits, corpus, replicates)
