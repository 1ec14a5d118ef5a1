"""Models that come with the package."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from factories import CARRIED, ROOT, make_quantized_notes, make_tiny_model

from pipeline.core import paths
from pipeline.core.errors import DataError
from pipeline.corpus import tables
from pipeline.evaluation import bits as metrics
from pipeline.evaluation import intervals, performance_events
from pipeline.evaluation.results import Evaluation
from pipeline.export import bundle
from pipeline.models import model_io, scoring
from pipeline.notes import quantize


@pytest.fixture
def project(in_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one trained and evaluated model, and a package without any."""
    monkeypatch.setattr(model_io, "BUNDLED", in_folder / "package")
    model = replace(make_tiny_model(**CARRIED), architecture="small", provenance={"seed": 3})
    model_io.save_model(model, paths.get_model_dir("small"))
    parts = [
        metrics.sum_bits(
            replicate,
            [name],
            [name],
            scoring.score_pieces(model, [make_quantized_notes(replicate, 60)], 1),
        )
        for replicate, name in enumerate(["a.mid", "b.mid", "c.mid"], 1)
    ]
    scores = metrics.concatenate_scores(parts)
    history = [{"epoch": 1.0, "notes": 8.0, "loss": 2.0, **scores.compute_bits_per_note()}]
    Evaluation("small", model.config, model.parameters, 10, [history] * 3, scores).save(
        paths.get_evaluation_path("small")
    )
    paths.CORPORA.mkdir(parents=True)
    (paths.CORPORA / "maestro-sample.yaml").write_bytes(
        (ROOT / "data/corpora/maestro-sample.yaml").read_bytes()
    )
    return in_folder


def test_a_bundled_model_is_half_as_large_and_has_equal_bits(project: Path) -> None:
    folder = bundle.bundle_model("small", "maestro-sample", "given")
    whole = paths.get_model_dir("small")
    assert (folder / model_io.WEIGHTS).stat().st_size < 0.7 * (
        whole / model_io.WEIGHTS
    ).stat().st_size
    notes = [make_quantized_notes(2, 80)]
    bundled_bits, whole_bits = (
        scoring.score_pieces(model_io.load_model(each), notes, 1)[0].mean()
        for each in (folder, whole)
    )
    assert bundled_bits == pytest.approx(whole_bits, abs=2e-3)


def test_its_card_says_what_it_learned_from(project: Path) -> None:
    card = json.loads(
        (bundle.bundle_model("small", "maestro-sample", "given") / model_io.CARD).read_text("utf-8")
    )
    assert "CC BY-NC-SA" in card["provenance"]["licence_of_the_music"]
    assert card["provenance"]["corpus"] == "maestro-sample"
    assert card["provenance"]["seed"] == 3
    scores = Evaluation.load(paths.get_evaluation_path("small")).scores
    estimate = intervals.estimate_mean(scores)
    assert estimate.num_replicates == 3
    assert card["provenance"]["bits_per_note"] == round(estimate.mean, 4)
    assert card["provenance"]["half_width"] == round(estimate.half_width, 4)


def test_its_card_has_nats_per_event_or_says_why_not(project: Path) -> None:
    path = paths.get_evaluation_path("small")
    evaluation = Evaluation.load(path)
    events = performance_events.collect_event_stats([make_quantized_notes(1, 60)])
    replace(evaluation, events=events).save(path)
    origin = model_io.load_model(bundle.bundle_model("small", "maestro-sample", "a")).provenance
    assert origin["nats_per_event"] is None
    assert origin["about_nats_per_event"] == performance_events.NO_VELOCITY
    with_velocity = np.column_stack([evaluation.scores.bits, evaluation.scores.num_notes * 5.0])
    scores = replace(evaluation.scores, bits=with_velocity)
    changed = replace(evaluation, events=events, scores=scores)
    changed.save(path)
    origin = model_io.load_model(bundle.bundle_model("small", "maestro-sample", "b")).provenance
    assert origin["nats_per_event"] == pytest.approx(changed.nats_per_event, abs=1e-4)
    assert origin["events_per_note"] == round(events.num_events / 60, 4)
    figure = performance_events.describe_figure(origin["nats_per_event"])
    assert origin["about_nats_per_event"] == figure


def test_a_bundled_model_comes_before_one_of_the_project(project: Path) -> None:
    bundle.bundle_model("small", "maestro-sample", "given")
    model_io.save_model(model_io.load_model(paths.get_model_dir("small")), Path("models/given"))
    model = model_io.load_model(model_io.find_model("given"))
    assert model.provenance["corpus"] == "maestro-sample"
    assert model_io.load_model(model_io.find_model("small")).provenance == {"seed": 3}
    assert model_io.load_model(model_io.find_model("models/given")).provenance == {"seed": 3}
    with pytest.raises(DataError, match=r"take one of: given \(bundled\), given, small"):
        model_io.find_model("large")


@pytest.mark.usefixtures("ingested")
def test_the_bundled_model_predicts_held_out_music_better_than_unigrams(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The validation piece of the sample is of MAESTRO's validation split too; unigrams take 16.5 bits for it."""
    piece = next(
        row.index for row in tables.read_pieces(ROOT / paths.PIECES) if row.split == "validation"
    )
    (notes,) = tables.read_notes(ROOT / paths.NOTES, [piece])
    bits = scoring.score_pieces(
        model_io.load_model(model_io.BUNDLED / "maestro"), [quantize.quantize(notes)[:3000]], 1
    )[0]
    assert bits[:, :3].sum(axis=1).mean() < 13.0


def test_the_shipped_card_is_small_and_says_what_it_must() -> None:
    folder = model_io.BUNDLED / "maestro"
    assert (folder / model_io.WEIGHTS).stat().st_size <= 2_000_000
    origin = model_io.load_model(folder).provenance
    assert origin["corpus"] == "maestro-v3"
    assert origin["licence_of_the_music"] == "CC BY-NC-SA 4.0"
    assert origin["bits_per_note"] < 12.0
