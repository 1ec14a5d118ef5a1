"""The plan of each stage against what DVC then does, with stages that take no time."""

import shutil
from pathlib import Path

import pytest
import toy_project as toy

from pipeline.ci.plan import StagePlan, plan_stages
from pipeline.core.errors import PipelineError

# Libraries of DVC raise deprecation warnings about each other, which this project cannot fix.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings(
        "ignore::DeprecationWarning:dvc", "ignore::DeprecationWarning:networkx"
    ),
]
BRANCH = {"train@dense", "evaluate@dense", "sample_metrics@dense", "compare", "benchmark"}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A toy project in which all stages have run; it is the current folder."""
    folder = Path(shutil.copytree(toy.make_finished(), tmp_path / "project", symlinks=True))
    toy.commit(folder, "results")
    monkeypatch.chdir(folder)
    return folder


def plan_by_stage() -> dict[str, StagePlan]:
    return {each.stage: each for each in plan_stages()}


def check_plans(plans: dict[str, StagePlan], shown: str) -> set[str]:
    """Compare the plan with what DVC says it did, and return the stages that ran."""
    ran = toy.list_run_stages(shown)
    assert {name for name, each in plans.items() if each.status == "run"} <= ran
    assert ran <= {name for name, each in plans.items() if each.status in ("run", "maybe")}
    restored = {
        line.split("'")[1] for line in shown.splitlines() if "is cached - skipping run" in line
    }
    assert {name for name, each in plans.items() if each.status == "cached"} <= restored
    assert restored <= {name for name, each in plans.items() if each.status in ("cached", "maybe")}
    return ran


def change_project(folder: Path, kind: str) -> None:
    if kind == "param":
        toy.edit(folder, "model.dense.units", [16])
    elif kind == "code of a stage":
        (folder / "code/train.py").write_text("# a comment that changes nothing\n")
    elif kind == "shared module":
        (folder / "code/shared.py").write_text("# shared by all\n")
    elif kind == "file of a package":
        (folder / "code/package/b.py").write_text("# changed\n")
        (folder / "code/package/c.py").write_text("# another file\n")
        (folder / "code/package/a.py").unlink()
    elif kind == "corpus":
        with (folder / "data/corpora/tiny.yaml").open("a") as file:
            file.write("# another version\n")


@pytest.mark.parametrize(
    ("kind", "surely", "ran", "message"),
    [
        ("nothing", set(), set(), ""),
        (
            "param",
            {"check", "train@dense"},
            {"check", *BRANCH},
            "train@dense runs: model.dense.units is [16], was [8].",
        ),
        (
            "code of a stage",
            {"train@baseline", "train@dense"},
            {"train@baseline", "train@dense"},
            "code/train.py changed (",
        ),
        (
            "file of a package",
            {"windows"},
            {"windows"},
            "windows runs: code/package/a.py is gone, code/package/b.py changed and code/package/c.py is new.",
        ),
        ("shared module", None, None, "benchmark runs: code/shared.py changed ("),
        (
            "corpus",
            {"fetch"},
            {"fetch", "ingest"},
            "ingest runs only if fetch changes data/raw/tiny.zip.",
        ),
    ],
)
def test_the_plan_is_what_dvc_does(
    project: Path, kind: str, surely: set[str] | None, ran: set[str] | None, message: str
) -> None:
    change_project(project, kind)
    plans = plan_by_stage()
    everything = set(plans)
    assert {name for name, each in plans.items() if each.status == "run"} == (
        everything if surely is None else surely
    )
    assert message in "\n".join(map(str, plans.values()))
    shown = toy.run(project, "dvc", "repro").stdout
    assert check_plans(plans, shown) == (everything if ran is None else ran)
    assert {each.status for each in plan_stages()} == {"up to date"}


def test_results_in_the_cache_are_planned_as_cached(project: Path) -> None:
    toy.edit(project, "model.dense.units", [16])
    toy.run(project, "dvc", "repro", "-q")
    toy.edit(project, "model.dense.units", [8])
    plans = plan_by_stage()
    assert str(plans["train@dense"]) == "train@dense is cached: model.dense.units is [8], was [16]."
    check_plans(plans, toy.run(project, "dvc", "repro").stdout)


def test_a_lost_output_is_restored_and_what_follows_is_up_to_date(
    project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(project / "models/dense")
    plans = plan_by_stage()
    assert str(plans["train@dense"]) == "train@dense is cached: models/dense is not here."
    assert capfd.readouterr() == ("", "")
    assert check_plans(plans, toy.run(project, "dvc", "repro").stdout) == set()


def test_a_new_architecture_and_a_new_command_are_named(project: Path) -> None:
    toy.edit(project, "architectures", ["baseline", "dense", "wide"])
    text = (project / "dvc.yaml").read_text()
    (project / "dvc.yaml").write_text(text.replace("toy.py windows", "./toy.py windows"))
    plans = plan_by_stage()
    assert (
        str(plans["windows"]) == "windows runs: its command is now 'exec python ./toy.py windows'."
    )
    assert str(plans["train@wide"]) == "train@wide runs: dvc.lock does not have it."
    assert "architectures is ['baseline', 'dense', 'wide'], was ['baseline', 'dense']" in str(
        plans["compare"]
    )
    check_plans(plans, toy.run(project, "dvc", "repro").stdout)


def test_an_output_that_was_edited_is_named(project: Path) -> None:
    (project / "metrics/benchmark.json").write_text("{}")
    assert (
        str(plan_by_stage()["benchmark"])
        == "benchmark runs: metrics/benchmark.json is not what it wrote."
    )


def test_before_the_first_run_all_of_it_runs(project: Path) -> None:
    (project / "dvc.lock").unlink()
    shutil.rmtree(project / ".dvc/cache/runs")
    plans = plan_stages()
    assert {each.status for each in plans} == {"run"}
    assert str(plans[0]) == "check runs: dvc.lock does not have it."


def test_many_reasons_are_counted() -> None:
    assert (
        str(StagePlan("a", "run", ("1", "2", "3", "4", "5", "6")))
        == "a runs: 1, 2, 3, 4 and 2 more."
    )
    assert (
        str(StagePlan("a", "maybe", ("b changes c", "d changes e")))
        == "a runs only if b changes c or d changes e."
    )
    assert str(StagePlan("a", "up to date", ())) == "a is up to date."


def test_a_folder_without_a_project_is_one_line(in_folder: Path) -> None:
    with pytest.raises(PipelineError, match="you are not inside of a DVC repository"):
        plan_stages()


def test_a_folder_that_changed_since_its_manifest_is_said_before_all_else(project: Path) -> None:
    (project / "nowhere").mkdir()
    for name in ("a.mid", "b.mid"):
        (project / "nowhere" / name).write_bytes(b"music")
    first, rest = toy.music_rnn(project, "plan").stdout.split("\n", 1)
    assert first == (
        "corpus tiny: nowhere changed since data/corpora/tiny.yaml: 1 new (b.mid), 1 changed (a.mid); "
        "run 'music-rnn add-corpus tiny'"
    )
    assert rest == "Nothing would run: every stage is up to date.\n"


@pytest.mark.parametrize("name", ["dvc.yaml", "dvc.lock"])
def test_conflict_markers_are_named_with_their_file(project: Path, name: str) -> None:
    text = (project / name).read_text()
    (project / name).write_text(f"<<<<<<< HEAD\n{text}=======\n>>>>>>> other\n")
    with pytest.raises(PipelineError, match=f"{name}: conflict markers of Git at line 1"):
        plan_stages()
