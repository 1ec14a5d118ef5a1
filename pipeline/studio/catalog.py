"""The models that a page may choose: those trained in this project and those that come with the package, by name.

A page sends a name and never a path: a name that is not in this list is refused, whatever it spells.
"""

from dataclasses import dataclass
from pathlib import Path

from pipeline.core import paths
from pipeline.core.errors import DataError
from pipeline.models import model_card, model_io
from pipeline.models.model_io import BUNDLED, CARD, TrainedModel
from pipeline.studio.messages import ClientError

BUNDLED_SUFFIX = " (shipped)"


@dataclass(frozen=True)
class CatalogEntry:
    """A model on the shelf."""

    name: str
    folder: Path
    description: str
    """One line for people."""


def list_models() -> dict[str, CatalogEntry]:
    """Return all models that are here now, by name."""
    found = [(folder.name, folder) for folder in _find_model_folders(paths.MODELS)]
    found += [(folder.name + BUNDLED_SUFFIX, folder) for folder in _find_model_folders(BUNDLED)]
    return {name: CatalogEntry(name, folder, _describe_model(folder)) for name, folder in found}


def load_by_name(name: str) -> tuple[str, TrainedModel]:
    """Read a model by its name on the shelf; the name alone of a shipped one will do where nothing else has it.

    Raises:
        WishError: there is none of that name.
        DataError: its files are damaged.
    """
    here = list_models()
    entry = here.get(name) or here.get(name + BUNDLED_SUFFIX)
    if entry is None:
        raise ClientError(
            f"no model of that name; there are {', '.join(here) or 'none: train one with dvc repro'}"
        )
    return entry.name, model_io.load_model(entry.folder)


def _find_model_folders(parent: Path) -> list[Path]:
    return sorted(each.parent for each in parent.glob(f"*/{CARD}"))


def _describe_model(folder: Path) -> str:
    """Say how large a model is, and what it remembers; a card that cannot be read is told of when it is chosen."""
    try:
        said = model_card.read_card(folder / CARD)
    except DataError:
        return "its card cannot be read"
    carried = said.config.stateful
    memory = (
        "remembers from the first note on"
        if carried
        else f"re-reads its last {said.sequence_length} notes"
    )
    return f"{said.parameters:,} weights, {memory}"
