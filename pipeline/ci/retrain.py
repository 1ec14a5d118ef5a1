"""Retraining end to end, the same on a laptop, in cron and in CI: repair, restore, explain, run, judge, keep, offer.

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
from pipeline.ci.gate import Results, Verdict
from pipeline.ci.plan import Outlook, explain
from pipeline.config import Params
from pipeline.core import files, git, paths
from pipeline.core.errors import PipelineError
from pipeline.corpus import manifest, tables
from pipeline.dataset import windows
from pipeline.evaluation.results import Evaluation
from pipeline.maintenance import repair
from pipeline.report.tables import table

RESTORE = ("dvc", "pull", "--run-cache", "--allow-missing")
CHECKOUT = ("dvc", "checkout", "--allow-missing")
REPRO = ("dvc", "repro")
KEEP = ("dvc", "push", "--run-cache")
README = (sys.executable, "-m", "pipeline", "readme")
RESULTS = ("dvc.yaml", "dvc.lock", "metrics", "README.md", "MODEL_OPTIMIZATION_ANALYSIS.md", "docs")
"""What Git is given of a run; models and data are in DVC's cache."""
STARTED = re.compile(r"^(Running stage|Stage) '(?P<stage>[^']+)'(?P<cached> is cached)?")


class RetrainError(PipelineError):
    """A step failed; what the command said stands above."""


@dataclass
class Ran:
    """What one `dvc repro` did."""

    seconds: dict[str, float] = field(default_factory=dict)
    """Of each stage that ran."""
    restored: list[str] = field(default_factory=list)
    """Stages whose outputs came from the cache of runs."""


def judge(base: str, params: Params) -> Verdict:
    """Ask the gate: what the work tree gives, beside what a revision gave.

    Raises:
        DataError: there is nothing to judge, or no such revision.
    """
    before = Results.of(base) if git.text(base, paths.SUMMARY) else None
    data = windows.load_windows(paths.WINDOWS)
    accepted = manifest.get_accepted_leaks(manifest.load_manifest(paths.manifest(params.corpus)))
    found = [*leakage.listed(tables.read_pieces(paths.PIECES), accepted), *leakage.heard(data)]
    return gate.judge(Results.of(""), before, found, params)


def retrain(base: str, branch: str, params: Params, show: Callable[[str], None]) -> tuple[Verdict, str]:
    """Run everything; what is shown on the way goes to `show`.

    Args:
        base: revision whose results are compared with.
        branch: new branch that takes the results, pushed to `origin`; none is made if it is empty, or if refused.
        params: of the project.
        show: prints a line.

    Returns:
        The verdict, and the report in Markdown.

    Raises:
        RetrainError: a step failed.
        PipelineError: DVC is running here already.
    """
    for mended in repair.repair():
        show(mended)
    remote = subprocess.run(["dvc", "remote", "default"], capture_output=True, text=True).stdout.strip()
    restore = RESTORE if remote else CHECKOUT
    if step(restore, show)[0]:
        show(f"{' '.join(restore)}: not all was there; what is missing is made again")
    outlooks = explain()
    show("\n".join(str(each) for each in outlooks if each.fate != "rests") or "Nothing would run.")
    ran = repro(show)
    verdict = judge(base, params)
    promote(verdict, params)
    page = report(base, params, verdict, outlooks, ran)
    if Path("README.md").exists():
        must(README, show)
    if remote:
        must(KEEP, show)
    if branch and not verdict.refusals:
        offer(branch, verdict, show)
    return verdict, page


def promote(verdict: Verdict, params: Params) -> list[Path]:
    """Promote what was judged if it is better, or if it is the first; returns what was written."""
    if not (verdict.offers or (registry.empty() and not verdict.refusals)):
        return []
    return registry.promote(verdict.model, params, verdict.paragraph)


def repro(show: Callable[[str], None]) -> Ran:
    """Run the pipeline, and see which stages ran and how long each took [s]."""
    code, lines = step(REPRO, show)
    if code:
        raise RetrainError(f"'{' '.join(REPRO)}' failed; what it said is above")
    ran, running, since = Ran(), "", 0.0
    for at, line in [*lines, (lines[-1][0] if lines else 0.0, "Stage 'end' is over")]:
        if match := STARTED.match(line):
            if running:
                ran.seconds[running] = at - since
            running, since = (match["stage"] if line.startswith("Running") else ""), at
            if match["cached"]:
                ran.restored.append(match["stage"])
    return ran


def step(command: tuple[str, ...], show: Callable[[str], None]) -> tuple[int, list[tuple[float, str]]]:
    """Run a command and show its lines as they come; returns its code, and each line with its time [s]."""
    show(f"$ {' '.join(command)}")
    lines = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as child:
        assert child.stdout
        for line in child.stdout:
            lines.append((time.monotonic(), line.rstrip()))
            show(line.rstrip())
    return child.returncode, lines


def must(command: tuple[str, ...], show: Callable[[str], None]) -> None:
    """Run a command that must not fail."""
    if step(command, show)[0]:
        raise RetrainError(f"'{' '.join(command)}' failed; what it said is above")


def report(base: str, params: Params, verdict: Verdict, outlooks: list[Outlook], ran: Ran) -> str:
    """Return what happened, in Markdown, the verdict first."""
    done = [[name, f"{seconds:.1f} s"] for name, seconds in ran.seconds.items()]
    done += [[name, "from the cache of runs"] for name in ran.restored]
    why = [f"- {each}" for each in outlooks if each.fate != "rests"]
    return (
        "\n\n".join(
            [
                f"## Retrained, against {base}",
                f"**{verdict.paragraph}**",
                table([["architecture", "bits", "before", "difference", ""], *_rows(base, params)]),
                "### What ran",
                table([["stage", "time"], *done]) if done else "Nothing: all was as it was.",
                "### Why, as foreseen",
                "\n".join(why) if why else "Nothing had changed.",
            ]
        )
        + "\n"
    )


def _rows(base: str, params: Params) -> list[list[str]]:
    """Compare every architecture with itself before."""
    rows, read = [], git.reader(base)
    for name in params.architectures:
        now = Evaluation.load(paths.evaluation(name)).scores
        facts = read(paths.evaluation(name))
        ours, theirs = gate.common(now, Evaluation.of(facts).scores) if facts else (now, now)
        bits = f"{ours.per_note()['bits_per_note']:.3f}" if len(ours.notes) else "–"
        if not facts or not len(ours.notes):
            rows.append([name, bits, "–", "–", "new"])
        else:
            word, gap = gate.weigh(ours, theirs, params)
            rows.append([name, bits, f"{theirs.per_note()['bits_per_note']:.3f}", gap, word])
    return rows


def offer(branch: str, verdict: Verdict, show: Callable[[str], None]) -> None:
    """Commit the results on a new branch and push it, for a person to look at."""
    must(("git", "switch", "-c", branch), show)
    must(("git", "add", *(path for path in RESULTS if Path(path).exists())), show)
    if subprocess.run(["git", "diff", "--cached", "--quiet"]).returncode == 0:
        show("nothing to offer: the results are those that Git has")
        return
    must(("git", "commit", "-q", "-m", f"Retrain: {verdict.word}", "-m", verdict.paragraph), show)
    must(("git", "push", "-q", "-u", "origin", branch), show)


def write(page: str, at: Path) -> None:
    """Add the report to a file, such as the summary of a CI job."""
    files.write_text(at, (at.read_text(encoding="utf-8") if at.exists() else "") + page)
