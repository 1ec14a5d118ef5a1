"""Retraining end to end, on a laptop, in cron and in CI: repair, restore, plan, run, gate, promote, push.

Each step is a command that a person could type; what CI adds is a machine and a schedule.
"""

import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.ci import gate, leakage, registry
from pipeline.ci.gate import RevisionResults, Verdict
from pipeline.ci.plan import StagePlan, describe_corpus_changes, plan_stages
from pipeline.config import Params
from pipeline.core import files, git, paths
from pipeline.core.errors import PipelineError
from pipeline.corpus import manifest, tables
from pipeline.dataset import replicates, windows
from pipeline.evaluation import intervals
from pipeline.evaluation.bits import PieceScores, select_shared_scores
from pipeline.evaluation.results import Evaluation
from pipeline.maintenance import repair
from pipeline.report.tables import format_markdown_table

PULL = ("dvc", "pull", "--run-cache", "--allow-missing")
CHECKOUT = ("dvc", "checkout", "--allow-missing")
REPRO = ("dvc", "repro")
PUSH = ("dvc", "push", "--run-cache")
UPDATE_README = (sys.executable, "-m", "pipeline", "update-readme")
RESULT_PATHS = (
    "dvc.yaml",
    "dvc.lock",
    "metrics",
    "README.md",
    "MODEL_OPTIMIZATION_ANALYSIS.md",
    "docs",
)
"""What Git is given of a run; models and data are in DVC's cache."""
STAGE_LINE = re.compile(r"^(Running stage|Stage) '(?P<stage>[^']+)'(?P<cached> is cached)?")


class RetrainError(PipelineError):
    """A step failed; what the command said stands above."""


@dataclass
class ReproResult:
    """What one `dvc repro` did."""

    stage_seconds: dict[str, float] = field(default_factory=dict)
    """Of each stage that ran."""
    cached_stages: list[str] = field(default_factory=list)
    """Stages whose outputs came from DVC's run cache."""


def evaluate_gate(base_revision: str, params: Params) -> Verdict:
    """Ask the gate: what the work tree gives, beside what a revision gave.

    Raises:
        DataError: there is nothing to judge, or no such revision.
    """
    before = (
        RevisionResults.load(base_revision) if git.read_text(base_revision, paths.SUMMARY) else None
    )
    plan = replicates.make_plan(windows.load_windows(paths.WINDOWS), params.replicates)
    accepted = manifest.get_accepted_leaks(
        manifest.load_manifest(paths.get_manifest_path(params.corpus))
    )
    leaks = [
        *leakage.find_table_leaks(tables.read_pieces(paths.PIECES), accepted),
        *leakage.find_replicate_leaks(plan),
        *leakage.find_work_leaks(paths.INGEST_SUMMARY, accepted),
    ]
    return gate.judge_candidate(RevisionResults.load(""), before, leaks, params)


def retrain_models(
    base_revision: str, branch: str, params: Params, print_line: Callable[[str], None]
) -> tuple[Verdict, str]:
    """Run everything; what is shown on the way goes to `show`.

    Args:
        base_revision: revision whose results are compared with.
        branch: new branch that takes the results, pushed to `origin`; none is made if it is empty, or if refused.
        params: of the project.
        print_line: prints a line.

    Returns:
        The verdict, and the report in Markdown.

    Raises:
        RetrainError: a step failed.
        PipelineError: DVC is running here already.
    """
    for message in repair.repair_project():
        print_line(message)
    remote = subprocess.run(
        ["dvc", "remote", "default"], capture_output=True, text=True
    ).stdout.strip()
    restore = PULL if remote else CHECKOUT
    if run_command(restore, print_line)[0]:
        print_line(f"{' '.join(restore)}: not all was there; what is missing is made again")
    if changes := describe_corpus_changes(params.corpus):
        print_line(changes)
    stage_plans = plan_stages()
    print_line(
        "\n".join(
            str(stage_plan) for stage_plan in stage_plans if stage_plan.status != "up to date"
        )
        or "Nothing would run."
    )
    repro_result = run_dvc_repro(print_line)
    verdict = evaluate_gate(base_revision, params)
    promote_better_model(verdict, params)
    page = render_report(base_revision, params, verdict, stage_plans, repro_result)
    if Path("README.md").exists():
        run_checked_command(UPDATE_README, print_line)
    if remote:
        run_checked_command(PUSH, print_line)
    if branch and not verdict.refusals:
        push_branch(branch, verdict, print_line)
    return verdict, page


def promote_better_model(verdict: Verdict, params: Params) -> list[Path]:
    """Promote what was judged if it is better, or if it is the first; returns what was written."""
    if not (verdict.promotable or (registry.is_registry_empty() and not verdict.refusals)):
        return []
    return registry.promote_model(verdict.model, params, verdict.paragraph)


def run_dvc_repro(print_line: Callable[[str], None]) -> ReproResult:
    """Run the pipeline, and see which stages ran and how long each took [s]."""
    code, lines = run_command(REPRO, print_line)
    if code:
        raise RetrainError(f"'{' '.join(REPRO)}' failed; what it said is above")
    ran, running, since = ReproResult(), "", 0.0
    for at, line in [*lines, (lines[-1][0] if lines else 0.0, "Stage 'end' is over")]:
        if match := STAGE_LINE.match(line):
            if running:
                ran.stage_seconds[running] = at - since
            running, since = (match["stage"] if line.startswith("Running") else ""), at
            if match["cached"]:
                ran.cached_stages.append(match["stage"])
    return ran


def run_command(
    command: tuple[str, ...], print_line: Callable[[str], None]
) -> tuple[int, list[tuple[float, str]]]:
    """Run a command and show its lines as they come; returns its code, and each line with its time [s]."""
    print_line(f"$ {' '.join(command)}")
    lines = []
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as child:
        assert child.stdout
        for line in child.stdout:
            lines.append((time.monotonic(), line.rstrip()))
            print_line(line.rstrip())
    return child.returncode, lines


def run_checked_command(command: tuple[str, ...], print_line: Callable[[str], None]) -> None:
    """Run a command that must not fail."""
    if run_command(command, print_line)[0]:
        raise RetrainError(f"'{' '.join(command)}' failed; what it said is above")


def render_report(
    base_revision: str,
    params: Params,
    verdict: Verdict,
    plans: list[StagePlan],
    repro_result: ReproResult,
) -> str:
    """Return what happened, in Markdown, the verdict first."""
    done = [[name, f"{seconds:.1f} s"] for name, seconds in repro_result.stage_seconds.items()]
    done += [[name, "cached"] for name in repro_result.cached_stages]
    reasons = [f"- {stage_plan}" for stage_plan in plans if stage_plan.status != "up to date"]
    return (
        "\n\n".join(
            [
                f"## Retrained, against {base_revision}",
                f"**{verdict.paragraph}**",
                format_markdown_table(
                    [
                        ["architecture", "bits", "before", "difference", ""],
                        *_compare_architectures(base_revision, params),
                    ]
                ),
                "### What ran",
                format_markdown_table([["stage", "time"], *done])
                if done
                else "Nothing: all was as it was.",
                "### Why, as foreseen",
                "\n".join(reasons) if reasons else "Nothing had changed.",
            ]
        )
        + "\n"
    )


def _compare_architectures(base_revision: str, params: Params) -> list[list[str]]:
    """Compare every architecture with itself before, corrected for the number of comparisons."""
    read = git.make_json_reader(base_revision)
    shared: dict[str, tuple[PieceScores, PieceScores]] = {}
    rows: dict[str, list[str]] = {}
    for name in params.architectures:
        scores = Evaluation.load(paths.get_evaluation_path(name)).scores
        rows[name] = [name, _format_bits(scores), "–", "–", "new"]
        if before := read(paths.get_evaluation_path(name)):
            shared[name] = select_shared_scores(scores, Evaluation.from_json(before).scores)
            rows[name][-1] = "not comparable"
    estimates = {
        (name, base_revision): intervals.estimate_difference(*pair)
        for name, pair in shared.items()
        if len(pair[0].num_notes)
    }
    for difference in intervals.correct_differences(estimates):
        name = difference.first
        bits = [_format_bits(scores) for scores in shared[name]]
        outcome = gate.assess_difference(difference, params)
        gap = intervals.format_difference(difference.estimate)
        rows[name] = [name, *bits, gap, outcome]
    return list(rows.values())


def _format_bits(scores: PieceScores) -> str:
    return f"{scores.compute_bits_per_note()['bits_per_note']:.3f}"


def push_branch(branch: str, verdict: Verdict, print_line: Callable[[str], None]) -> None:
    """Commit the results on a new branch and push it, for a person to look at."""
    run_checked_command(("git", "switch", "-c", branch), print_line)
    run_checked_command(
        ("git", "add", *(path for path in RESULT_PATHS if Path(path).exists())), print_line
    )
    if subprocess.run(["git", "diff", "--cached", "--quiet"]).returncode == 0:
        print_line("nothing to offer: the results are those that Git has")
        return
    run_checked_command(
        ("git", "commit", "-q", "-m", f"Retrain: {verdict.outcome}", "-m", verdict.paragraph),
        print_line,
    )
    run_checked_command(("git", "push", "-q", "-u", "origin", branch), print_line)


def append_report(report: str, path: Path) -> None:
    """Add the report to a file, such as the summary of a CI job."""
    files.write_text(path, (path.read_text(encoding="utf-8") if path.exists() else "") + report)
