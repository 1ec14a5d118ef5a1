"""Figures on the pages that are constants of the code or values of params.yaml."""

import pytest
from factories import ROOT

from pipeline.config import load_params
from pipeline.core import cluster, paths
from pipeline.core.processes import TaskLimits
from pipeline.corpus import archives, near_duplicates, read_corpus, sketches
from pipeline.experiments import listen_score, tune
from pipeline.sample_metrics import passage_features

LIMITS = TaskLimits()
PARAMS = load_params(ROOT / paths.PARAMS)
FIGURES = {
    "docs/scale.md": [
        f"a corpus of {read_corpus.MIN_CLUSTER_FILES:,} files or more",
        f"batches of {cluster.BATCH_SIZE} ",
        f"{LIMITS.cpu_seconds} s of CPU time",
        f"{LIMITS.wall_seconds / 60:.0f} minutes of wall time",
        f"{LIMITS.memory_bytes / 2**30:.0f} GB of memory",
        f"at most {archives.MAX_MEMBERS:,} files",
        f"`--nthreads {read_corpus.REMOTE_THREADS}`",
    ],
    "docs/near-duplicates.md": [
        f"runs of {sketches.NUM_INTERVALS} intervals",
        f"within {1000 * sketches.CHORD_SECONDS:.0f} ms",
        f"the {sketches.NUM_HASHES} fingerprints",
        f"{4 * sketches.SKETCH_SIZE} bytes for any piece",
        f"the next {near_duplicates.NUM_NEIGHBORS} pieces",
        f"shares {near_duplicates.MIN_SHARED_FRACTION:.0%}".replace("%", " %"),
        f"at least {near_duplicates.MIN_SHARED} hashes",
    ],
    "docs/two-sample-test.md": [
        f"`two_sample.num_prompts` prompts ({PARAMS.two_sample.num_prompts})",
        f"`generate.prompt_notes` notes ({PARAMS.generate.prompt_notes})",
        f"`two_sample.num_notes` notes ({PARAMS.two_sample.num_notes})",
        f"{len(passage_features.PASSAGE_FEATURES)} numbers of a passage",
    ],
    "docs/experiments.md": [f"({tune.LEARNING_RATES[0]} to {tune.LEARNING_RATES[-1]}, "],
}
EACH_FIGURE = pytest.mark.parametrize(
    ("page", "figure"), [(page, figure) for page, figures in FIGURES.items() for figure in figures]
)


@EACH_FIGURE
def test_a_figure_on_a_page_is_that_of_the_code(page: str, figure: str) -> None:
    assert figure in " ".join((ROOT / page).read_text("utf-8").split())


@pytest.mark.parametrize(("count", "right"), [(20, 15), (100, 61)])
def test_the_page_has_the_right_answers_that_a_listener_needs(count: int, right: int) -> None:
    text = (ROOT / "docs/listening.md").read_text("utf-8")
    assert f"{right} right answers of {count}" in text or f"{right} of {count}" in text
    assert listen_score.Score(None, None, count, right).verdict == "heard as a model"
    assert listen_score.Score(None, None, count, right - 1).verdict != "heard as a model"
