"""Studies: what they run."""

import json
import re
import shlex
from pathlib import Path

import pytest
from factories import ROOT, run_git

from pipeline.config import Params
from pipeline.experiments import study
from pipeline.experiments.study import Factorial, Run, StudyError


@pytest.fixture
def factorial() -> Factorial:
    axes = {
        "input": ["scalar", "embedding"],
        "heads": ["regression", "mixture"],
        "loss_on": ["last", "all"],
    }
    rates = {"last": 0.003, "all": 0.004}
    return Factorial(
        architectures=["baseline", "stacked"],
        embedding_dim=16,
        head_dim=8,
        learning_rates=rates,
        **axes,
    )


def test_a_factorial_is_every_combination_and_each_makes_sense(
    project: Params, factorial: Factorial
) -> None:
    made = study.build_factorial_configs(factorial, project)
    assert len(made) == 16
    one = made["stacked_embedding_mixture_all"]
    assert (one.input, one.heads, one.loss_on, one.stateful) == (
        "embedding",
        "mixture",
        "all",
        True,
    )
    assert one.units == project.model["stacked"].units
    assert one.learning_rate == 0.004
    plain = project.model["baseline"].model_copy(update={"learning_rate": 0.003})
    assert made["baseline_scalar_regression_last"] == plain


def test_a_factorial_needs_a_rate_for_each_objective(factorial: Factorial) -> None:
    values = factorial.model_dump() | {"learning_rates": {"last": 0.003}}
    with pytest.raises(ValueError, match="learning_rates has no rate for loss_on all; add one"):
        Factorial.model_validate(values)


def test_overrides_give_dvc_the_same_blocks(project: Params, factorial: Factorial) -> None:
    """DVC parses overrides with Hydra: the result must be the block."""
    from omegaconf import OmegaConf

    run = Run(
        description="a", params={"train.epochs": 2}, architectures=["wide"], factorial=factorial
    )
    overrides = study.build_overrides(run, project)
    assert overrides[0] == "train.epochs=2"
    assert overrides[-1].startswith("architectures=[wide,baseline_scalar_regression_last,")
    name, _, block = next(
        each for each in overrides if "stacked_embedding_mixture_all" in each
    ).partition("=")
    assert name == "+model.stacked_embedding_mixture_all"
    read = OmegaConf.to_container(OmegaConf.create(f"block: {block.replace(':', ': ')}"))["block"]
    assert (
        read
        == study.build_factorial_configs(factorial, project)[
            "stacked_embedding_mixture_all"
        ].model_dump()
    )


def test_the_studies_of_the_project_can_be_read(
    project: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    for path in Path("studies").glob("*.yaml"):
        for run in study.load_study(path.stem).runs.values():
            assert study.list_architectures(run, project)


def test_a_missing_or_bad_study_is_one_line(in_folder: Path) -> None:
    with pytest.raises(StudyError, match="no such study; there are: tune"):
        study.load_study("maestro")
    (in_folder / "studies").mkdir()
    keys = "title: x\npage: docs/x.md\nmetrics: metrics/studies/x.json\nruns: {}\n"
    (in_folder / "studies/bad.yaml").write_text(f"{keys}runz: {{}}\n")
    with pytest.raises(StudyError, match=r"bad\.yaml: runz: Extra inputs") as error:
        study.load_study("bad")
    assert "\n" not in str(error.value)


def test_a_run_is_compared_only_with_what_ran_before(in_folder: Path) -> None:
    (in_folder / "studies").mkdir()
    text = "title: x\npage: docs/x.md\nmetrics: metrics/studies/x.json\nruns:\n"
    first = "  first: {description: a, params: {}, architectures: [wide], compare_with: [second/wide]}\n"
    second = "  second: {description: a, params: {}, architectures: [wide], compare_with: [second/wide]}\n"
    (in_folder / "studies/good.yaml").write_text(text + second + first)
    assert list(study.load_study("good").runs) == ["second", "first"]
    (in_folder / "studies/bad.yaml").write_text(text + first + second)
    with pytest.raises(
        StudyError, match="run first is against second/wide, which is of no run so far"
    ):
        study.load_study("bad")


def test_the_line_of_a_run_is_what_the_study_runs(project: Params, factorial: Factorial) -> None:
    run = Run(
        description="a",
        params={"train.epochs": 2, "model.wide.units": [160]},
        architectures=["wide", "dense"],
    )
    line = study.format_command_line("x-y", run, project)
    assert shlex.split(line) == study.build_command("x-y", run, project)
    assert (
        line
        == "dvc exp run -n x-y -S train.epochs=2 -S 'model.wide.units=[160]' -S 'architectures=[wide,dense]'"
    )
    assert (
        study.format_command_line("x-y", run.model_copy(update={"factorial": factorial}), project)
        == ""
    )


def test_a_variant_is_an_architecture_with_other_values(project: Params) -> None:
    variant = study.Variant.model_validate({"of": "expressive", "set": {"conv": 4, "span": 512}})
    run = Run(description="a", params={}, architectures=["gated"], variants={"longer": variant})
    assert study.list_architectures(run, project) == ["gated", "longer"]
    config = study.build_variant_config(variant, project)
    assert config.model_dump() == project.model["expressive"].model_dump() | variant.set
    override, last = study.build_overrides(run, project)
    assert override.startswith("+model.longer={input:embedding,")
    assert ",conv:4,span:512," in override
    assert last == "architectures=[gated,longer]"
    assert study.format_command_line("x-y", run, project) == ""


def test_a_variant_of_what_does_not_go_together_is_refused(project: Params) -> None:
    variant = study.Variant.model_validate({"of": "baseline", "set": {"conv": 4}})
    with pytest.raises(ValueError, match="conv"):
        study.build_variant_config(variant, project)


def test_the_rate_of_a_run_is_that_of_each_of_its_architectures(project: Params) -> None:
    run = Run(description="a", params={}, architectures=["wide", "dense"], learning_rate=0.003)
    assert study.build_overrides(run, project) == [
        "model.wide.learning_rate=0.003",
        "model.dense.learning_rate=0.003",
        "architectures=[wide,dense]",
    ]


def test_an_experiment_says_what_code_made_it(in_folder: Path) -> None:
    """Refs as DVC writes them: the commit an experiment started from, cut after two digits, then its name."""
    run_git("init", "-q")
    Path("pipeline").mkdir()
    Path("pipeline/a.py").write_text("1\n")
    for change, name in (("params.yaml", "same"), ("pipeline/a.py", "other")):
        run_git("add", ".")
        run_git("commit", "-qm", "start")
        start = run_git("rev-parse", "HEAD")
        Path(change).write_text(f"{name}\n")
        run_git("add", ".")
        run_git("commit", "-qm", "experiment")
        run_git("update-ref", f"refs/exps/{start[:2]}/{start[2:]}/{name}", "HEAD")
        assert study.find_experiment_commit(name) == run_git("rev-parse", "HEAD")
        assert study.describe_source_commit(name) == start[:7] + (
            "" if name == "same" else " with changes"
        )
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", study.find_source_date(name))
        Path("b").write_text(name)
    assert study.find_experiment_commit("none") == ""
    assert study.find_experiment_commit("ame") == ""
    with pytest.raises(StudyError, match="no experiment ame in Git; run the study again"):
        study.find_source_date("ame")


def test_what_an_experiment_left_is_read_from_its_commit(in_folder: Path) -> None:
    run_git("init", "-q")
    Path("a.json").write_text('{"a": 1}')
    run_git("add", "a.json")
    run_git("commit", "-qm", "a")
    Path("a.json").unlink()
    assert study.read_json_at_commit("HEAD", Path("a.json")) == {"a": 1}
    with pytest.raises(StudyError, match=r"b\.json is not in experiment HEAD"):
        study.read_json_at_commit("HEAD", Path("b.json"))


def list_documented_commands() -> list[list[str]]:
    """Return the commands of docs/experiments.md as a shell would split them."""
    text = (ROOT / "docs/experiments.md").read_text("utf-8").replace("\\\n", " ")
    blocks = re.findall(r"```bash\n(.*?)```", text, re.S)
    return [
        shlex.split(line)
        for block in blocks
        for line in block.splitlines()
        if not line.startswith("#")
    ]


def test_the_path_is_documented_line_by_line(
    project: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    lines = list_documented_commands()
    for name, run in study.load_study("seed-path").runs.items():
        assert study.build_command(f"seed-path-{name}", run, project) in lines, (
            study.format_command_line(f"seed-path-{name}", run, project)
        )


def test_documented_lines_name_values_that_are_there(project: Params) -> None:
    tree = project.model_dump()
    settings = [
        words[place + 1]
        for words in list_documented_commands()
        for place, word in enumerate(words)
        if word == "-S"
    ]
    assert len(settings) > 50
    for each in settings:
        value = tree
        for part in each.partition("=")[0].split("."):
            value = value[part]
        for name in (
            re.findall(r"[a-z]+", each.partition("=")[2])
            if each.startswith("architectures")
            else ()
        ):
            assert name in project.model


def test_figures_of_a_study_are_of_all_models_of_its_runs(
    project: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A study that changed since its run fails; a run that was not made yet is named on the page."""
    monkeypatch.chdir(ROOT)
    for path in Path("studies").glob("*.yaml"):
        about = study.load_study(path.stem)
        if Path(about.metrics).exists():
            rows = json.loads(Path(about.metrics).read_text("utf-8")).values()
            recorded = {(row["run"], row["architecture"]) for row in rows if "run" in row}
            recorded_runs = {
                name: run
                for name, run in about.runs.items()
                if name in {run for run, _ in recorded}
            }
            wanted = {
                (name, each)
                for name, run in recorded_runs.items()
                for each in study.list_architectures(run, project)
            }
            assert recorded == wanted, (
                f"{about.metrics} is not of {path}; run 'music-rnn study {path.stem}'"
            )
            missing = set(about.runs) - set(recorded_runs) if recorded else set()
            assert all(
                name in Path(about.page).read_text("utf-8").partition("##")[0] for name in missing
            )


def test_pages_and_figures_of_studies_have_the_names_of_today(
    project: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their experiments ran with older names of parameters, which are no longer valid."""
    monkeypatch.chdir(ROOT)
    for path in Path("studies").glob("*.yaml"):
        about = study.load_study(path.stem)
        page = Path(about.page).read_text("utf-8")
        rows = json.loads(Path(about.metrics).read_text("utf-8"))
        for name, run in about.runs.items():
            line = study.format_command_line(f"{path.stem}-{name}", run, project)
            assert f"\n## {name}: {run.description}\n" in page
            assert not line or f"```bash\n{line}\n```" in page
        for key, row in rows.items():
            assert key in (row["architecture"], f"{row['architecture']}_{row['run']}")
            assert f"| {row['architecture']} |" in page
            assert {"corpus", "source_commit", "source_date"} <= set(row)
            study_params = about.runs[row["run"]].params
            assert row["corpus"] == study_params.get("corpus", project.corpus)
