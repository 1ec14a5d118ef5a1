"""A model is tested on held-out pieces, and facts that its card lacks are reported."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from factories import ROOT, make_quantized_notes, make_tiny_model

from pipeline.config import Params
from pipeline.config.schema import ReplicatesConfig
from pipeline.core import paths
from pipeline.core.errors import DataError
from pipeline.dataset import replicates
from pipeline.dataset.sharded_notes import ShardedNotes
from pipeline.dataset.windows import WindowDataset
from pipeline.experiments import listen_pieces
from pipeline.models import model_io
from pipeline.models.model_io import TrainedModel

SHA256 = "5" * 64
SPLITS = {"Maestro_1.mid": "test", "Maestro_8.mid": "validation", "Maestro_2.mid": "train"}


def make_dataset() -> WindowDataset:
    notes = [make_quantized_notes(seed, 50) for seed in range(len(SPLITS))]
    return WindowDataset(
        notes=ShardedNotes([np.concatenate(notes)]),
        piece_ends=np.cumsum([50] * len(notes)),
        splits=np.array(list(SPLITS.values())),
        piece_names=np.array(list(SPLITS)),
        compositions=np.array(list(SPLITS)),
        sequence_length=6,
        stride=1,
        max_train_notes=0,
    )


def make_model(**provenance: object) -> TrainedModel:
    return replace(make_tiny_model(), provenance=provenance)


@pytest.fixture
def in_project(project: Params, monkeypatch: pytest.MonkeyPatch) -> Params:
    """The parameters of the checkout, and a work folder with its manifests."""
    monkeypatch.setattr(paths, "CORPORA", ROOT / paths.CORPORA)
    return project


def find_doubt(model: TrainedModel, params: Params) -> str:
    contestant, doubt = listen_pieces.make_contestant("mine", model, make_dataset(), SHA256, params)
    assert list(contestant.pieces) == ["Maestro_8.mid"]
    return doubt


def make_replicate(number: int, scheme: str) -> TrainedModel:
    return make_model(windows_sha256=SHA256, replicate=number, replicates=3, scheme=scheme)


def test_a_model_of_official_splits_has_the_pieces_of_the_split_that_decides(
    in_project: Params,
) -> None:
    assert find_doubt(make_replicate(2, "seeds"), in_project) == ""


def test_each_replicate_of_a_cross_validation_has_the_pieces_of_its_own_fold(
    in_project: Params,
) -> None:
    dataset = make_dataset()
    pieces = []
    for number in (1, 2, 3):
        contestant, doubt = listen_pieces.make_contestant(
            "mine", make_replicate(number, "cross_validation"), dataset, SHA256, in_project
        )
        config = ReplicatesConfig(count=3, scheme="cross_validation")
        trained_on = replicates.make_plan(dataset, config).select(number)
        assert doubt == ""
        assert not set(contestant.pieces) & set(trained_on.select_piece_names("train"))
        assert not set(contestant.pieces) & set(trained_on.select_piece_names("validation"))
        pieces += contestant.pieces
    assert sorted(pieces) == sorted(SPLITS)


def test_a_model_of_other_windows_may_know_the_pieces(in_project: Params) -> None:
    doubt = find_doubt(make_model(windows_sha256="6" * 64), in_project)
    assert "its card names no corpus" in doubt and "dvc repro" in doubt
    doubt = find_doubt(make_model(corpus=in_project.corpus), in_project)
    assert f"other windows of {in_project.corpus}" in doubt


def test_the_bundled_model_knows_the_corpus_that_has_these_files(in_project: Params) -> None:
    doubt = find_doubt(model_io.load_model(model_io.BUNDLED / "maestro"), in_project)
    assert "trained on maestro-v3, which has 1 of these 1 files" in doubt
    assert "split validation" in doubt


def test_a_corpus_without_these_files_is_no_doubt_but_said(
    in_project: Params, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths, "CORPORA", tmp_path)
    for name, digit in ((in_project.corpus, "a"), ("jazz", "b")):
        text = (
            "kind: folder\ntitle: t\nlicense: CC0\nsource: s\nroot: r\nsplit_by: hash\n"
            f"files:\n  Maestro_8.mid: {digit * 64}\ncompositions: {{}}\nsplits: {{}}\n"
        )
        (tmp_path / f"{name}.yaml").write_text(text)
    assert "has none of these 1 files" in find_doubt(make_model(corpus="jazz"), in_project)


def test_a_corpus_without_a_manifest_here_is_not_known(in_project: Params) -> None:
    assert "is not known: " in find_doubt(make_model(corpus="gone"), in_project)


def test_a_model_that_reads_notes_otherwise_is_refused(in_project: Params) -> None:
    with pytest.raises(DataError, match=r"was trained with ingest\.sustain_pedal true"):
        find_doubt(make_model(sustain_pedal=True), in_project)
