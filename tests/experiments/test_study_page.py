"""What a study found, on its page."""

from dataclasses import replace

from experiments.test_study_results import found_of

from pipeline.experiments import study_page
from pipeline.experiments.study import Run, Study
from pipeline.experiments.study_results import RunFindings


def study(*runs: str) -> Study:
    one = Run(description="any", params={}, architectures=["baseline"])
    return Study(
        title="Title",
        page="docs/a.md",
        metrics="metrics/studies/a.json",
        runs=dict.fromkeys(runs, one),
    )


def tables(found: dict[str, RunFindings]) -> list[str]:
    return [
        line
        for line in study_page.render_study_page(study(*found), found).splitlines()
        if line.startswith("| ")
    ]


def test_the_page_has_every_model_and_floor_the_fewest_bits_first() -> None:
    lines = tables({"axes": found_of("baseline", "better")})
    assert [line.split(" | ")[0] for line in lines[1:]] == [
        "| better",
        "| baseline",
        "| unigram (floor)",
    ]
    assert "-0.500 [-0.500, -0.500]" in lines[1]
    assert "+0.000" in lines[3]
    assert "2.50×" in lines[1]
    assert len({line.count("|") for line in lines}) == 1


def test_the_page_says_how_and_by_what_code_a_run_was_made() -> None:
    text = study_page.render_study_page(study("axes"), {"axes": found_of("baseline")})
    assert "`music-rnn study a`" in text
    assert "```bash\ndvc exp run -n test\n```" in text
    assert "Code of commit 0123456." in text
    assert "64 target notes seen in training" in text


def test_a_run_against_another_has_a_table_of_differences() -> None:
    start = found_of("baseline")
    lines = tables(
        {"start": start, "longer": found_of("baseline", "better", against=("start/baseline",))}
    )
    assert lines[-3:] == [
        "| model | against start/baseline |",
        "| baseline | +0.000 [+0.000, +0.000] |",
        "| better | -0.500 [-0.500, -0.500] |",
    ]


def test_a_curve_is_shown_of_one_model_that_trained_long() -> None:
    long = found_of("baseline")
    assert "Validation while it trained" not in study_page.render_study_page(
        study("long"), {"long": long}
    )
    one = long.evaluations[0]
    long = replace(
        long, evaluations=[replace(one, history=one.history * study_page.MIN_CURVE_EPOCHS)]
    )
    assert "Validation while it trained" in study_page.render_study_page(
        study("long"), {"long": long}
    )


def test_a_run_that_is_not_there_is_named() -> None:
    found = {"start": found_of("baseline")}
    assert "Not run yet: longer, far." in study_page.render_study_page(
        study("start", "longer", "far"), found
    )
    assert "Not run yet" not in study_page.render_study_page(study("start"), found)
