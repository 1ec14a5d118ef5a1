"""The models that a person may choose: those that come with the package and those trained in this project, by name.

A page sends a name and never a path: a name that is not in this list is refused, whatever it spells.
"""

import json
from dataclasses import dataclass
from pathlib import Path

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


@dataclass(frozen=True)
class CatalogEntry:
    """A model that can be chosen."""

    name: str
    folder: Path
    description: str
    """One line for people."""


def list_models() -> dict[str, CatalogEntry]:
    """Return all models that are here now, by name, the bundled ones first."""
    bundled = model_io.list_model_names(model_io.BUNDLED)
    folders = {name: model_io.BUNDLED / name for name in bundled}
    for name in model_io.list_model_names(paths.MODELS):
        suffix = TRAINED_SUFFIX if name in bundled else ""
        folders[name + suffix] = paths.get_model_dir(name)
    return {
        name: CatalogEntry(name, folder, _describe_model(folder))
        for name, folder in folders.items()
    }


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


def _describe_model(folder: Path) -> str:
    """Say how well a model predicts which corpus, its size, and what it remembers.

    A card that cannot be read is told of when it is chosen.
    """
    try:
        card = model_card.read_card(folder / CARD)
    except DataError:
        return "its card cannot be read"
    reach = count_context_notes(card.config, card.sequence_length)
    memory = "remembers from the first note on"
    if reach:
        verb = "hears" if card.config.stateful else "re-reads"
        memory = f"{verb} its last {reach} notes"
    return f"{_describe_result(folder, card)}{card.parameters:,} weights, {memory}"


def _describe_result(folder: Path, card: ModelCard) -> str:
    """Return bits per note and corpus of a model: of its card, or of the evaluation in this project; else nothing.

    They are means over the replicates of its architecture: the one that plays was scored on too few pieces to tell.
    """
    corpus, bits, replicates = (
        card.provenance.get(key) for key in ("corpus", "bits_per_note", "replicates")
    )
    if folder.parent == paths.MODELS:
        try:
            corpus = yaml.load_yaml(paths.PARAMS)["corpus"]
            evaluation = paths.get_evaluation_path(folder.name).read_text("utf-8")
            bits = json.loads(evaluation)["bits_per_note"]
        except (OSError, ValueError, LookupError, TypeError):
            return ""
    if not isinstance(corpus, str) or not isinstance(bits, float):
        return ""
    mean = (
        f" (mean of {replicates} replicates)"
        if isinstance(replicates, int) and replicates > 1
        else ""
    )
    return f"{bits:.3f} bits per note on {corpus}{mean}, "
