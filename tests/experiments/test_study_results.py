"""What a study found, in its figures."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from factories import CARRIED, make_quantized_notes, make_tiny_model, run_git

from pipeline.config import Params
from pipeline.core import paths
from pipeline.evaluation import bits as metrics
from pipeline.evaluation.results import Evaluation
from pipeline.experiments import study_results
from pipeline.experiments.study import Run, StudyError
from pipeline.experiments.study_results import RunFindings
from pipeline.models import scoring


def make_evaluation(name: str, shift: float) -> Evaluation:
    """Evaluate a tiny model on made-up pieces, each note `shift` bits worse."""
    model = make_tiny_model(**CARRIED)
    pieces = [make_quantized_notes(seed, 40 + seed) for seed in range(25)]
    bits = [each + shift / 3 for each in scoring.score_pieces(model, pieces, 4)]
    names = [f"{number}.mid" for number in range(25)]
    scores = metrics.concatenate_scores(
        [metrics.sum_bits(replicate, names, names, bits) for replicate in (1, 2)]
    )
    history = [{"epoch": 1.0, "notes": 64.0, "loss": 2.0, **scores.compute_bits_per_note()}]
    return Evaluation(name, model.config, model.parameters, 10, [history] * 2, scores)


@pytest.fixture
def findings() -> RunFindings:
    return make_findings("baseline", "better")


def make_findings(*names: str, shift: float = 0.0, against: tuple[str, ...] = ()) -> RunFindings:
    """Make a run: each model half a bit better than the one before."""
    made = [make_evaluation(name, shift - number / 2) for number, name in enumerate(names)]
    timings = {"train": {name: {"median": 1.0 + 1.5 * number} for number, name in enumerate(names)}}
    run = Run(
        description="some of them", params={}, architectures=list(names), compare_with=list(against)
    )
    return RunFindings(
        run=run,
        evaluations=made,
        ngram_scores={"unigram": made[0].scores},
        benchmark=timings,
        source_commit="0123456",
        source_date="2026-11-27",
        corpus="maestro-v3",
        command_line="dvc exp run -n test",
    )


def test_figures_are_of_the_form_that_programs_read(findings: RunFindings) -> None:
    records = json.loads(study_results.serialize_findings({"axes": findings}))
    row = records["better"]
    assert row["bits_per_note"] == pytest.approx(
        records["baseline"]["bits_per_note"] - 0.5, abs=2e-4
    )
    assert row["interval"][0] < row["bits_per_note"] < row["interval"][1]
    assert {
        "pitch",
        "step",
        "duration",
        "parameters",
        "input",
        "heads",
        "loss_on",
        "cell",
    } <= set(row)
    provenance = [row[key] for key in ("source_commit", "source_date", "corpus")]
    assert provenance == ["0123456", "2026-11-27", "maestro-v3"]


def test_a_name_in_two_runs_is_kept_apart(findings: RunFindings) -> None:
    records = json.loads(study_results.serialize_findings({"axes": findings, "long": findings}))
    assert set(records) == {"baseline", "better", "baseline_long", "better_long"}
    assert [records[name]["run"] for name in ("baseline", "baseline_long")] == ["axes", "long"]
    assert records["better_long"]["architecture"] == "better"


def test_a_difference_is_of_what_is_named() -> None:
    """Half a bit between two models of a run, and three quarters more between the runs."""
    runs = {
        "start": make_findings("baseline"),
        "longer": make_findings("baseline", "better", shift=-0.75, against=("start/baseline",)),
    }
    gaps = study_results.compute_differences(runs, "longer")
    assert list(gaps["baseline"]) == ["start/baseline"]
    assert gaps["baseline"]["start/baseline"].interval == pytest.approx((-0.75, -0.75, -0.75))
    assert gaps["better"]["longer/baseline"].interval == pytest.approx((-0.5, -0.5, -0.5))
    assert gaps["better"]["start/baseline"].interval == pytest.approx((-1.25, -1.25, -1.25))
    differences = json.loads(study_results.serialize_findings(runs))["better"]["against"]
    assert differences == {"longer/baseline": [-0.5] * 3, "start/baseline": [-1.25] * 3}


def test_a_run_without_the_baseline_is_compared_with_what_it_names() -> None:
    runs = {
        "long": make_findings("expressive"),
        "transformer": make_findings("transformer", against=("long/expressive",)),
    }
    assert study_results.compute_differences(runs, "long") == {"expressive": {}}
    assert list(study_results.compute_differences(runs, "transformer")["transformer"]) == [
        "long/expressive"
    ]


def test_results_from_before_replicates_are_read(in_folder: Path) -> None:
    """An experiment of an older commit has passages of pieces, and one history."""
    values = {
        "architecture": "baseline",
        "config": make_tiny_model().config.model_dump(),
        "parameters": 9,
        "bytes": 10,
        "history": [["epoch", "notes"], [1.0, 8.0], [2.0, 16.0]],
        "rows": [["a", 5, 2.0, 3.0, 4.0], ["a", 5, 2.0, 3.0, 4.0], ["b", 10, 1.0, 1.0, 1.0]],
    }
    row = json.loads(
        study_results.serialize_findings(
            {"axes": replace(make_findings("baseline"), evaluations=[Evaluation.from_json(values)])}
        )
    )["baseline"]
    assert (row["bits_per_note"], row["scored_notes"]) == (1.05, 20)
    assert (row["target_notes"], row["replicates"]) == (16, 1)


def test_what_one_composition_leaves_unknown_is_null() -> None:
    findings = make_findings("baseline")
    only = findings.evaluations[0]
    only = replace(only, scores=only.scores.select(only.scores.piece_names == "3.mid"))
    findings = replace(findings, evaluations=[only], ngram_scores={})
    row = json.loads(study_results.serialize_findings({"axes": findings}))["baseline"]
    assert row["interval"] == [None, None]


def test_what_cannot_be_compared_is_one_line(findings: RunFindings) -> None:
    fewer = findings.evaluations[0].scores
    fewer = replace(fewer, num_notes=fewer.num_notes - 1)
    short = replace(findings, evaluations=[replace(findings.evaluations[0], scores=fewer)])
    runs = {"short": short, "longer": make_findings("better", against=("short/baseline",))}
    with pytest.raises(
        StudyError,
        match=r"longer is against short/baseline, but .* their num_notes differ; score both again",
    ):
        study_results.compute_differences(runs, "longer")
    runs = {"axes": make_findings("baseline", against=("axes/gone",))}
    with pytest.raises(StudyError, match="no gone in the run"):
        study_results.compute_differences(runs, "axes")


def test_a_run_is_read_from_its_experiment_with_where_it_is_from(
    in_folder: Path, project: Params
) -> None:
    run_git("init", "-q")
    run_git("commit", "-q", "--allow-empty", "-m", "start", "--date=2026-01-02T03:04:05")
    start = run_git("rev-parse", "HEAD")
    one = make_evaluation("wide", 0.0)
    one.save(paths.get_evaluation_path("wide"))
    paths.NGRAMS.write_text(json.dumps({"unigram": {"rows": one.scores.to_rows()}}))
    paths.BENCHMARK.write_text(json.dumps({"train": {"wide": {"median": 1.0}}}))
    paths.PARAMS.write_text("corpus: band\nseed: 1\n")
    for path in (paths.get_sample_metrics_path("wide"), paths.get_two_sample_path("wide")):
        path.parent.mkdir(parents=True)
        path.write_text('{"notes": 200}')
    run_git("add", ".")
    run_git("commit", "-q", "-m", "experiment")
    run_git("update-ref", f"refs/exps/{start[:2]}/{start[2:]}/path-start", "HEAD")
    run = Run(description="any", params={"corpus": "band"}, architectures=["wide"])
    findings = study_results.load_run("path-start", run, project)
    assert (findings.corpus, findings.source_commit) == ("band", start[:7])
    assert findings.source_date == run_git("show", "--no-patch", "--format=%cs", start)
    assert findings.get_scores("wide").to_rows() == one.scores.to_rows()
    assert findings.command_line.startswith("dvc exp run -n path-start -S corpus=band")
    assert findings.sample_metrics == findings.two_sample == {"wide": {"notes": 200}}
