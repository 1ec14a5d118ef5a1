"""A project of toy stages: the shape, the files and the figures of the real one, without TensorFlow, in seconds.

Its stages depend on files in `code/`, as real ones do on modules. The more units a model has, the fewer its bits, so
that a test decides what gets better: `python toy.py STAGE [ARCHITECTURE]` is what DVC runs.
"""

import atexit
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from ruamel.yaml import YAML

if TYPE_CHECKING:
    from pipeline.dataset.windows import WindowDataset

ROOT = Path(__file__).parent.parent
ARCHITECTURES = ("baseline", "dense")
STAGES = {
    "check": ("params.yaml", "", "data/check.txt: {persist: true}"),
    "fetch": (
        "data/check.txt, 'data/corpora/${corpus}.yaml'",
        "corpus",
        "'data/raw/${corpus}.zip'",
    ),
    "ingest": ("'data/raw/${corpus}.zip'", "ingest", "data/notes"),
    "windows": ("data/notes, code/package", "windows", "data/windows"),
    "train": (
        "data/windows",
        "seed, replicates, train, 'model.${item.arch}'",
        "'models/${item.arch}'",
    ),
    "evaluate": (
        "data/windows, 'models/${item.arch}'",
        "replicates, compare",
        "metrics/evaluate/${item.arch}.json: {cache: false}",
    ),
    "sample_metrics": (
        "'models/${item.arch}'",
        "generate",
        "metrics/sample_metrics/${item.arch}.json: {cache: false}",
    ),
    "compare": (
        "data/windows, metrics/evaluate",
        "architectures",
        "metrics/summary.json: {cache: false}",
    ),
    "benchmark": ("data/windows, models", "benchmark", "metrics/benchmark.json: {cache: false}"),
}
"""What each reads, the values it reads, and what it writes."""
MANIFEST = f"""kind: folder
title: toy music
licence: CC0
source: this test
root: nowhere
split_by: hash
files:
  a.mid: {"a" * 64}
compositions: {{}}
splits: {{}}
"""
LOG, SECONDS = "TOY_LOG", "TOY_SECONDS"
"""Environment variables: a file that gets a line when a stage begins and when it has ended; how long a training takes [s]."""
ME = {"NAME": "a test", "EMAIL": "test@localhost"}


def render_dvc_yaml() -> str:
    """Return `dvc.yaml`."""
    lines = ["stages:"]
    for name, (deps, params, out) in STAGES.items():
        each = "item.arch" in out
        lines += [f"  {name}:", *(["    matrix: {arch: '${architectures}'}"] if each else [])]
        lines += [f"    cmd: exec python toy.py {name}{' ${item.arch}' if each else ''}"]
        lines += [
            f"    deps: [{deps}, code/{name}.py, code/shared.py]",
            f"    params: [{params}]",
            "    metrics:" if name == "compare" else "    outs:",
            f"    - {out}",
        ]
    return "\n".join(lines) + "\n"


def make(folder: Path) -> Path:
    """Make the project as a Git repository with one commit, not yet run."""
    tree = YAML().load((ROOT / "params.yaml").read_text("utf-8"))
    tree |= {"corpus": "tiny", "architectures": list(ARCHITECTURES)}
    tree["replicates"] = {"count": 1, "scheme": "seeds"}
    for name in ARCHITECTURES:
        tree["model"][name]["units"] = [8]
    (folder / "code/package").mkdir(parents=True)
    for name in ("a", "b"):
        (folder / f"code/package/{name}.py").write_text(f"# {name}\n")
    for name in (*STAGES, "shared"):
        (folder / f"code/{name}.py").write_text(f"# {name}\n")
    (folder / "data/corpora").mkdir(parents=True)
    (folder / "data/corpora/tiny.yaml").write_text(MANIFEST)
    (folder / "dvc.yaml").write_text(render_dvc_yaml())
    shutil.copy(__file__, folder / "toy.py")
    shutil.copy(ROOT / ".gitignore", folder)
    with (folder / "params.yaml").open("w") as out:
        YAML().dump(tree, out)
    run(folder, "git", "init", "-q", "-b", "main")
    run(folder, "dvc", "init", "-q")
    shutil.copy(ROOT / ".dvc/config", folder / ".dvc/config")
    return commit(folder, "a toy")


def commit(folder: Path, why: str) -> Path:
    run(folder, "git", "add", "-A")
    run(folder, "git", "commit", "-q", "-m", why)
    return folder


def build_environment() -> dict[str, str]:
    """Return the environment of commands: programs of the environment that runs this test, and an author for Git."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    who = {
        f"GIT_{role}_{what}": value
        for role in ("AUTHOR", "COMMITTER")
        for what, value in ME.items()
    }
    return {**os.environ, **who, "PATH": path, "DVC_NO_ANALYTICS": "1", "PYTHONPATH": str(ROOT)}


def run(
    folder: Path, *command: str, check: bool = True, out: IO[str] | int = subprocess.PIPE
) -> subprocess.CompletedProcess[str]:
    """Run a command of the environment that runs this test; what it says goes to `out` if that is a file."""
    done = subprocess.run(
        command, cwd=folder, env=build_environment(), stdout=out, stderr=out, text=True, check=False
    )
    assert not check or done.returncode == 0, (
        f"{command}: {(done.stdout or '')[-3000:]}{(done.stderr or '')[-3000:]}"
    )
    return done


def music_rnn(
    folder: Path, *arguments: str, check: bool = True
) -> subprocess.CompletedProcess[str]:
    """Run a command of the project."""
    return run(folder, "python", "-m", "pipeline", *arguments, check=check)


def edit(folder: Path, key: str, value: object) -> None:
    """Change one value of params.yaml, by dotted key."""
    tree = place = YAML().load((folder / "params.yaml").read_text("utf-8"))
    *sections, last = key.split(".")
    for section in sections:
        place = place[section]
    place[last] = value
    with (folder / "params.yaml").open("w") as out:
        YAML().dump(tree, out)


def list_run_stages(shown: str) -> set[str]:
    """Return the stages that `dvc repro` says it ran."""
    return {line.split("'")[1] for line in shown.splitlines() if line.startswith("Running stage")}


@cache
def make_finished() -> Path:
    """Return a toy project in which all has run, made once; copy it."""
    home = Path(tempfile.mkdtemp(prefix="toy-"))
    atexit.register(shutil.rmtree, home)
    folder = make(home / "project")
    run(folder, "dvc", "repro", "-q")
    return folder


def write(path: Path, what: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(what if isinstance(what, str) else json.dumps(what))


def stage(name: str, architecture: str = "") -> None:
    """Do what the real stage of that name does, or something like it; most import few modules, to be quick."""
    from pipeline.core import lifetime, paths

    lifetime.die_with_parent()
    values = YAML(typ="safe").load(paths.PARAMS.read_text())
    units = values["model"][architecture]["units"][0] if architecture else 0
    append_log(f"{name} {units} began {Path.cwd()}")
    if name == "train":
        time.sleep(float(os.environ.get(SECONDS, "0")))
    do_stage(name, architecture, values)
    append_log(f"{name} {units} ended {Path.cwd()}")


def append_log(line: str) -> None:
    """Append a line to the log of stages, if there is to be one; one write, so that two processes do not mix."""
    if log := os.environ.get(LOG):
        with Path(log).open("a") as out:
            out.write(line + "\n")


def do_stage(name: str, architecture: str, values: dict[str, Any]) -> None:
    """Write what a stage writes."""
    from pipeline.core import paths

    names = values["architectures"]
    if name == "fetch":
        corpus = values["corpus"]
        write(paths.get_corpus_archive(corpus), paths.get_manifest_path(corpus).read_text())
    elif name == "ingest":
        ingest(str(values["ingest"]["sustain_pedal"]))
    elif name == "windows":
        windows(values["windows"]["stride"])
    elif name == "train":
        write(
            paths.get_model_dir(architecture) / "weights",
            f"{values['model'][architecture]['units'][0]} {values['seed']} {architecture}\n",
        )
    elif name == "evaluate":
        evaluate(architecture, values)
    elif name == "sample_metrics":
        write(
            paths.get_sample_metrics_path(architecture),
            {"measures": {"copy": {"samples": [9, 8, 11], "held_out": [10, 9, 12]}}},
        )
    elif name == "compare":
        write(paths.SUMMARY, {"best": find_best(names)})
    else:
        parity = {each: {"notes": 200, "bits": 1e-5} for each in names}
        latency = {each: {"streaming": {"median_us": 60.0, "p999_us": 99.0}} for each in names}
        write(paths.BENCHMARK, {"reference": "baseline", "parity": parity, "latency": latency})


def check() -> None:
    """Run the real stage."""
    from pipeline.stages import check, runner

    runner.run_stage(check.run, check.PARAM_SECTIONS)


def ingest(reason: str) -> None:
    from pipeline.core import paths
    from pipeline.corpus import tables

    splits = ["test", "validation", "validation", "train", "train"]
    write(paths.REJECTED, f"member,reason\n{reason},\n")
    tables.write_pieces(
        paths.PIECES,
        [
            tables.PieceRow(k, f"{k}.mid", f"piece {k}", s, 300, 60.0, str(k))
            for k, s in enumerate(splits)
        ],
    )


def windows(stride: int) -> None:
    import numpy as np

    from pipeline.core import paths
    from pipeline.corpus import tables
    from pipeline.dataset.sharded_notes import ShardedNotes
    from pipeline.dataset.windows import WindowDataset, save_windows

    rows = tables.read_pieces(paths.PIECES)
    rng = np.random.default_rng(7)
    ends = np.arange(1, len(rows) + 1) * 300
    codes = rng.integers(30, 90, (300 * len(rows), 4)).astype(np.int16)
    names = np.array([row.member for row in rows])
    save_windows(
        WindowDataset(
            ShardedNotes([codes]),
            ends,
            np.array([row.split for row in rows]),
            names,
            np.array([row.composition for row in rows]),
            8,
            stride,
            0,
        ),
        paths.WINDOWS,
    )


def evaluate(architecture: str, values: dict[str, Any]) -> None:
    """Score each held-out piece of each replicate: the fewer bits the more units, and a little chance."""
    from pipeline.config.schema import ModelConfig, ReplicatesConfig
    from pipeline.core import paths
    from pipeline.dataset import replicates, windows
    from pipeline.evaluation.bits import PieceScores
    from pipeline.evaluation.results import Evaluation

    units = int((paths.get_model_dir(architecture) / "weights").read_text().split()[0])
    config = ReplicatesConfig.model_validate(values["replicates"])
    plan = replicates.make_plan(windows.load_windows(paths.WINDOWS), config)
    split = plan.get_deciding_split(values["compare"]["split"])
    numbers = range(1, plan.count + 1)
    rows = [
        row
        for number in numbers
        for row in score_replicate(plan.select(number), split, units, number)
    ]
    Evaluation(
        architecture,
        ModelConfig.model_validate(values["model"][architecture]),
        units * 100,
        units * 400,
        [[{"epoch": 1.0, "notes": 9.0}] for _ in numbers],
        PieceScores.from_rows(rows),
    ).save(paths.get_evaluation_path(architecture))


def score_replicate(
    dataset: "WindowDataset", split: str, units: int, replicate: int
) -> list[list[object]]:
    """Return the rows of a replicate."""
    import numpy as np

    rows: list[list[object]] = []
    own = np.random.default_rng([units, replicate])
    hard = np.random.default_rng(3)
    names = zip(dataset.select_compositions(split), dataset.select_piece_names(split), strict=True)
    for composition, piece in names:
        bits = hard.normal(6 - np.log2(units) / 4, 0.01, 3) + own.normal(0, 0.001, 3)
        rows.append([replicate, composition, piece, 299, *(bits * 299)])
    return rows


def find_best(names: list[str]) -> dict[str, object]:
    """Return the figures of the best architecture, as `dvc exp show` has them."""
    from pipeline.core import paths

    bits = {
        name: json.loads(paths.get_evaluation_path(name).read_text())["bits_per_note"]
        for name in names
    }
    first = min(bits, key=bits.__getitem__)
    return {"architecture": first, "recommended": first, "bits_per_note": bits[first]}


if __name__ == "__main__":
    if sys.argv[1:] == ["check"]:
        check()
    else:
        stage(*sys.argv[1:])
