"""The artifact and its card; test_retrain.py tests that a run makes both and that a tag gives them."""

from pathlib import Path

import pytest
from factories import ROOT, make_busy
from ruamel.yaml import YAML

from pipeline.ci import registry
from pipeline.config import Params
from pipeline.core.errors import DataError

TEXT = (ROOT / "dvc.yaml").read_text("utf-8")
KNOWN = {
    "bits per note": "11.800 [11.7, 11.9]",
    "licence of the music": "CC BY-NC-SA 4.0: non-commercial",
}


def parse_yaml(text: str) -> dict:
    return dict(YAML(typ="safe", pure=True).load(text))


def test_the_artifact_is_added_and_all_else_stays() -> None:
    made = registry.add_artifact(TEXT, "expressive", KNOWN)
    artifact = parse_yaml(made)["artifacts"]["recommended"]
    assert (artifact["path"], artifact["type"]) == ("models/expressive", "model")
    assert artifact["meta"] == {
        "bits_per_note": KNOWN["bits per note"],
        "licence_of_the_music": KNOWN["licence of the music"],
    }
    before = registry.ARTIFACTS_BLOCK.sub("", TEXT).rstrip("\n")
    assert made.startswith(before)
    assert {**parse_yaml(made), "artifacts": 0} == {**parse_yaml(TEXT), "artifacts": 0}


def test_a_registry_is_empty_until_a_model_is_promoted(in_folder: Path) -> None:
    (in_folder / "dvc.yaml").write_text(registry.ARTIFACTS_BLOCK.sub("", TEXT))
    assert registry.is_registry_empty()
    (in_folder / "dvc.yaml").write_text(registry.add_artifact(TEXT, "wide", KNOWN))
    assert not registry.is_registry_empty()


def test_a_later_promotion_takes_the_place_of_the_one_before() -> None:
    once = registry.add_artifact(TEXT, "expressive", KNOWN)
    again = registry.add_artifact(once + "\nvars: []\n", "wide", {})
    assert again.count("artifacts:") == 1
    assert parse_yaml(again)["artifacts"]["recommended"]["path"] == "models/wide"
    assert parse_yaml(again)["vars"] == []
    assert registry.add_artifact(once, "expressive", KNOWN) == once


def test_the_card_has_a_row_for_each_fact_and_the_verdict() -> None:
    page = registry.render_card("expressive", KNOWN, "better: by far.")
    assert page.startswith("# recommended: expressive\n")
    assert all(f"| {name} | {value} |" in page for name, value in KNOWN.items())
    assert page.endswith("The gate said: better: by far.\n")


def test_the_same_values_in_another_order_have_one_digest() -> None:
    assert registry._hash_values({"a": 1, "b": [2]}) == registry._hash_values({"b": [2], "a": 1})
    assert registry._hash_values({"a": 1}) != registry._hash_values({"a": 2})


def test_a_model_that_was_not_trained_is_one_line(in_folder: Path, project: Params) -> None:
    with pytest.raises(DataError, match=r"dvc.lock has no model 'wide'; run 'dvc repro'"):
        registry.collect_provenance("wide", project)


def test_a_ratio_of_a_busy_machine_is_words_on_the_card() -> None:
    ratio = {"median": 2.0, "min": 1.8, "max": 2.1}
    assert registry._format_ratio(ratio, "baseline") == "2.00× baseline"
    assert registry._format_ratio(make_busy(ratio), "baseline") == "not measured: busy"
