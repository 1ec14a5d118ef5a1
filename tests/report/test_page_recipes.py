"""The page's recipe beside the best one."""

import json
from pathlib import Path

from pipeline.core import paths
from pipeline.report import page_recipes

PAGE = {"run": "page", "architecture": "dense", "bits_per_note": 17.5}
BEST = {"learning_rate": 0.004, "bits_per_note": 17.0, "is_at_edge": False}
TUNED = {
    "search": {},
    "best": {"dense": BEST},
    "dense_rate-0.004": {**PAGE, "run": "rate-0.004", "bits_per_note": 17.0},
    "dense_page": PAGE,
    "hybrid_page": {**PAGE, "architecture": "hybrid"},
}


def test_each_architecture_of_the_page_has_both_figures() -> None:
    header, *rows = page_recipes.tabulate_page_recipes(TUNED)
    assert header[1:3] == ["as the page says", "at its best here"]
    assert rows == [["dense", "17.500", "17.000", "-0.500", "0.004"]]


def test_without_a_study_there_is_no_table(in_folder: Path) -> None:
    assert page_recipes.load_page_recipes() == []
    paths.STUDIES.mkdir(parents=True)
    (paths.STUDIES / "tune.json").write_text(json.dumps(TUNED))
    assert len(page_recipes.load_page_recipes()) == 2
