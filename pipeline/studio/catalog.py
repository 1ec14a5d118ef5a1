"""The models that a page may choose: those trained in this project and those that come with the package, by name.

A page sends a name and never a path: a name that is not in this list is refused, whatever it spells.
"""

from dataclasses import dataclass
from pathlib import Path

from pipeline.core import paths
from pipeline.core.errors import DataError
from pipeline.models import model_card, model_io
from pipeline.models.model_io import CARD, BUNDLED, TrainedModel
from pipeline.studio.messages import WishError

FROM_PACKAGE = " (shipped)"


@dataclass(frozen=True)
class Entry:
    """A model on the shelf."""

    name: str
    folder: Path
    about: str
    """One line for people."""


def shelf() -> dict[str, Entry]:
    """Return all models that are here now, by name."""
    found = [(folder.name, folder) for folder in _folders(paths.MODELS)]
    found += [(folder.name + FROM_PACKAGE, folder) for folder in _folders(BUNDLED)]
    return {name: Entry(name, folder, _about(folder)) for name, folder in found}


def choose(name: str) -> tuple[str, TrainedModel]:
    """Read a model by its name on the shelf; the name alone of a shipped one will do where nothing else has it.

    Raises:
        WishError: there is none of that name.
        DataError: its files are damaged.
    """
    here = shelf()
    entry = here.get(name) or here.get(name + FROM_PACKAGE)
    if entry is None:
        raise WishError(f"no model of that name; there are {', '.join(here) or 'none: train one with dvc repro'}")
    return entry.name, model_io.load_model(entry.folder)


def _folders(parent: Path) -> list[Path]:
    return sorted(each.parent for each in parent.glob(f"*/{CARD}"))


def _about(folder: Path) -> str:
    """Say how large a model is, and what it remembers; a card that cannot be read is told of when it is chosen."""
    try:
        said = model_card.read_card(folder / CARD)
    except DataError:
        return "its card cannot be read"
    carried = said.config.memory == "carried"
    memory = "remembers from the first note on" if carried else f"re-reads its last {said.sequence_length} notes"
    return f"{said.parameters:,} weights, {memory}"
