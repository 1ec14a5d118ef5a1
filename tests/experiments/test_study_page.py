"""What a study found, on its page."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from experiments.test_study_results import make_findings
from factories import ROOT, make_busy
from report.conftest import make_continuation_comparison, make_two_sample_test
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.core import git, yaml
from pipeline.experiments import study_page, study_results
from pipeline.experiments.study import Run, Study, StudyError
from pipeline.experiments.study_results import RunFindings


def make_study(*runs: str) -> Study:
    one = Run(description="any", params={}, architectures=["baseline"])
    return Study(
        title="Title",
        page="docs/a.md",
        metrics="metrics/studies/a.json",
        runs=dict.fromkeys(runs, one),
    )


def render_tables(findings: dict[str, RunFindings]) -> list[str]:
    return [
        line
        for line in study_page.render_study_page(make_study(*findings), findings).splitlines()
        if line.startswith("| ")
    ]


def test_the_page_has_every_model_and_ngram_model_the_fewest_bits_first() -> None:
    lines = render_tables({"axes": make_findings("baseline", "better")})
    assert [line.split(" | ")[0] for line in lines[1:]] == [
        "| better",
        "| baseline",
        "| unigram (n-gram)",
    ]
    assert "-0.500 [-0.500, -0.500]" in lines[1]
    assert "+0.000" in lines[3]
    assert "2.50×" in lines[1]
    assert len({line.count("|") for line in lines}) == 1


def test_the_page_says_how_and_by_what_code_a_run_was_made() -> None:
    text = study_page.render_study_page(make_study("axes"), {"axes": make_findings("baseline")})
    assert "`music-rnn study a`" in text
    assert "```bash\ndvc exp run -n test\n```" in text
    assert "Corpus maestro-v3. Code of commit 0123456 of 2026-11-27." in text
    assert "held-out notes scored (25 pieces, 2 replicates); 64 target notes seen" in text


def test_a_run_against_another_has_a_table_of_differences() -> None:
    start = make_findings("baseline")
    lines = render_tables(
        {"start": start, "longer": make_findings("baseline", "better", against=("start/baseline",))}
    )
    assert lines[-3:] == [
        "| model | against start/baseline |",
        "| baseline | +0.000 [+0.000, +0.000] |",
        "| better | -0.500 [-0.500, -0.500] |",
    ]


def test_a_curve_is_shown_of_one_model_that_trained_long() -> None:
    long = make_findings("baseline")
    assert "Validation while it trained" not in study_page.render_study_page(
        make_study("long"), {"long": long}
    )
    one = long.evaluations[0]
    long = replace(
        long, evaluations=[replace(one, histories=[one.histories[0] * study_page.MIN_CURVE_EPOCHS])]
    )
    assert "Validation while it trained" in study_page.render_study_page(
        make_study("long"), {"long": long}
    )


def test_samples_of_one_model_are_shown_beside_real_music() -> None:
    metrics = {
        name: {"continuations": make_continuation_comparison()} for name in ("baseline", "better")
    }
    title = "| measure | baseline | real | baseline less real | real less real |"
    assert title not in render_tables({"long": make_findings("baseline")})
    alone = replace(make_findings("baseline"), sample_metrics={"baseline": metrics["baseline"]})
    lines = render_tables({"long": alone})
    first = lines.index(title) + 1
    assert lines[first].startswith(
        "| runs of 6 intervals heard within 256 notes [share] | 0.0134 |"
    )
    several = replace(make_findings("baseline", "better"), sample_metrics=metrics)
    assert title not in render_tables({"long": several})


def test_what_tells_samples_from_music_is_shown_with_both_means() -> None:
    findings = replace(
        make_findings("baseline"), two_sample={"baseline": make_two_sample_test(0.86)}
    )
    text = study_page.render_study_page(make_study("long"), {"long": findings})
    assert (
        "98 prompts of 10 compositions, 200 notes each, folds by composition: AUC 0.86 [0.81, 0.91], "
        "real against real 0.51 [0.42, 0.60]." in text
    )
    lines = text.splitlines()
    first = lines.index("| baseline has | AUC of this alone | baseline | real |")
    words = "more keys struck again while they sound"
    assert lines[first + 2] == f"| {words} | 0.90 | 0.1 | 0 |"
    unmeasured = replace(findings, two_sample={"baseline": {}})
    assert "two-sample" not in study_page.render_study_page(
        make_study("long"), {"long": unmeasured}
    )


def test_a_run_that_is_not_there_is_named() -> None:
    findings = {"start": make_findings("baseline")}
    assert "Not run yet: longer, far." in study_page.render_study_page(
        make_study("start", "longer", "far"), findings
    )
    assert "Not run yet" not in study_page.render_study_page(make_study("start"), findings)


def test_results_of_more_models_are_replaced_only_by_force(in_folder: Path) -> None:
    plan = make_study("start", "longer")
    full = {"start": make_findings("baseline", "better"), "longer": make_findings("baseline")}
    written = study_page.write_study_results(plan, full)
    before = [path.read_bytes() for path in written]
    fewer_runs = {"start": full["start"]}
    fewer_models = {"start": make_findings("better"), "longer": full["longer"]}
    for poorer, lost in (
        ({}, "start/baseline, start/better, longer/baseline"),
        (fewer_runs, "longer/baseline"),
        (fewer_models, "start/baseline"),
    ):
        with pytest.raises(StudyError, match=rf"a\.json: has results of {lost}, .*--force"):
            study_page.write_study_results(plan, poorer)
        assert [path.read_bytes() for path in written] == before
    study_page.write_study_results(plan, fewer_runs, force=True)
    assert [path.read_bytes() for path in written] != before
    study_page.write_study_results(plan, full)
    assert [path.read_bytes() for path in written] == before


@pytest.mark.parametrize(
    "path", sorted((ROOT / "studies").glob("*.yaml")), ids=lambda path: path.stem
)
def test_a_committed_page_has_the_words_of_its_study(path: Path) -> None:
    plan = Study.model_validate(yaml.load_yaml(path))
    titles = re.findall(r"^##? (.+)$", (ROOT / plan.page).read_text("utf-8"), re.M)
    runs = [f"{name}: {run.description}" for name, run in plan.runs.items()]
    assert titles == [plan.title, *runs]


def test_a_torn_file_of_results_is_not_replaced(in_folder: Path) -> None:
    path = Path("metrics/studies/a.json")
    path.parent.mkdir(parents=True)
    path.write_text('{"baseline": {"run"')
    with pytest.raises(StudyError, match=r"a\.json: cannot be read .*; take it from Git again"):
        study_page.write_study_results(make_study("start"), {"start": make_findings("baseline")})
    assert path.read_text() == '{"baseline": {"run"'


def test_showing_a_study_writes_nothing(in_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(git, "list_experiments", list)
    for name in ("params.yaml", "studies/maestro.yaml", "docs/results-maestro.md"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_bytes((ROOT / name).read_bytes())
    before = {path: path.read_bytes() for path in Path().rglob("*.*") if path.is_file()}
    shown = CliRunner().invoke(app, ["study", "maestro", "--no-run"])
    assert shown.exit_code == 0
    assert (
        "no experiment of study maestro is here: its page is docs/results-maestro.md"
        in shown.output
    )
    assert {path: path.read_bytes() for path in Path().rglob("*.*") if path.is_file()} == before


def test_a_time_of_a_busy_machine_is_words_on_the_page() -> None:
    findings = make_findings("baseline", "better")
    busy = replace(findings, benchmark=make_busy(findings.benchmark))
    (line, *_) = render_tables({"axes": busy})[1:]
    assert line.endswith("| not measured: busy |")
    rows = json.loads(study_results.serialize_findings({"axes": busy}))
    assert rows["better"]["training_time_per_note"] is None
