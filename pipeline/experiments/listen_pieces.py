"""The pieces that a model may be tested on: those that it was not trained on, as far as its model card shows."""

from collections.abc import Mapping
from pathlib import Path

from pipeline.config import Params
from pipeline.config.schema import ReplicatesConfig
from pipeline.core import paths
from pipeline.core.errors import CorpusError, DataError
from pipeline.corpus import manifest
from pipeline.corpus.manifest import RemoteManifest, SdistManifest, ZipManifest
from pipeline.dataset import replicates
from pipeline.dataset.replicates import HeldOutData
from pipeline.dataset.windows import WindowDataset
from pipeline.experiments.listen import Contestant
from pipeline.models.model_io import TrainedModel
from pipeline.notes.quantize import QuantizedNotes


def make_contestant(
    name: str, model: TrainedModel, dataset: WindowDataset, windows_sha256: str, params: Params
) -> tuple[Contestant, str]:
    """Return a model with the pieces to test it on, and a warning where it may know them.

    Args:
        name: of the model, as a person named it.
        model: the model.
        dataset: all pieces of the corpus.
        windows_sha256: of the file of the dataset; the card of a model has that of the file it was trained on.
        params: the parameters of the project.

    Raises:
        DataError: its notes were read in another way than those of the corpus.
    """
    if model.sustain_pedal != params.ingest.sustain_pedal:
        raise DataError(
            f"{name}: was trained with ingest.sustain_pedal {_format_bool(model.sustain_pedal)}, and {paths.WINDOWS} "
            "is read otherwise; change it in params.yaml and run 'dvc repro windows'"
        )
    held_out = find_held_out(model, dataset, windows_sha256, params.compare.split)
    if held_out:
        return Contestant(model, name_pieces(held_out)), ""
    pieces = name_pieces(HeldOutData(dataset, params.compare.split))
    return Contestant(model, pieces), describe_doubt(name, model, list(pieces), params)


def _format_bool(value: bool) -> str:
    return str(value).lower()


def find_held_out(
    model: TrainedModel, dataset: WindowDataset, windows_sha256: str, split: str
) -> HeldOutData | None:
    """Return what a model that was trained on these windows was not trained on; nothing of another model.

    Its card has the replicate and the scheme by which it was trained, which may be others than those of params.yaml.
    """
    card = model.provenance
    if card.get("windows_sha256") != windows_sha256:
        return None
    config = ReplicatesConfig(count=card["replicates"], scheme=card["scheme"])
    plan = replicates.make_plan(dataset, config)
    return HeldOutData(plan.select(card["replicate"]), plan.get_deciding_split(split))


def name_pieces(data: HeldOutData) -> dict[str, QuantizedNotes]:
    """Return the notes [N, 5] of held-out pieces, by name."""
    names = data.dataset.select_piece_names(data.split)
    return dict(zip(names, data.select_pieces(), strict=True))


def describe_doubt(name: str, model: TrainedModel, pieces: list[str], params: Params) -> str:
    """Return what is known of whether a model that was trained elsewhere knows pieces of this corpus."""
    split = params.compare.split
    trained_on = model.provenance.get("corpus")
    if not isinstance(trained_on, str):
        return (
            f"{name}: was trained on other windows than {paths.WINDOWS}, and its card names no corpus: "
            f"it may know the pieces of split {split}; train it again with 'dvc repro'"
        )
    if trained_on == params.corpus:
        return f"{name}: was trained on other windows of {trained_on}; it may know pieces if the splits were others"
    try:
        known = set(read_checksums(paths.get_manifest_path(trained_on)).values())
        own = read_checksums(paths.get_manifest_path(params.corpus))
    except CorpusError as error:
        return f"{name}: was trained on {trained_on}; whether that has the pieces is not known: {error}"
    num_shared = sum(own.get(piece) in known for piece in pieces)
    if not num_shared:
        return f"{name}: was trained on {trained_on}, which has none of these {len(pieces)} files"
    return (
        f"{name}: was trained on {trained_on}, which has {num_shared} of these {len(pieces)} files; its card does not "
        f"list splits, so this test relies on {params.corpus}, which has them in split {split}"
    )


def read_checksums(path: Path) -> Mapping[str, str]:
    """Return the sha256 of each file of a corpus by its name, from its manifest.

    Raises:
        CorpusError: the manifest, or the table beside it, cannot be read.
    """
    corpus = manifest.load_manifest(path)
    if isinstance(corpus, SdistManifest):
        return {piece.member: piece.sha256 for piece in corpus.pieces}
    if isinstance(corpus, ZipManifest):
        return manifest.read_member_list(path, corpus.members)
    if isinstance(corpus, RemoteManifest):
        return manifest.read_member_list(path, corpus.index)
    return corpus.files
