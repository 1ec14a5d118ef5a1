"""Do at once what people do at once: two runs, two workers of a queue, and samples of a model that is trained anew.

    python tools/concurrency.py /tmp/concurrency

All of it in a small project (see small.py) under DVC, on real processes. It prints what each was told, and holds the
outputs against those of a run that was alone. The code is 1 if anything is not as it must be: a traceback, a mixture of
two models, an output that differs, an experiment that failed.
"""

import argparse
import hashlib
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import small
from kills_pipeline import TIMED
from ruamel.yaml import YAML

from pipeline.models.model_io import BUNDLED

RNN = (sys.executable, "-m", "pipeline")
LATER = 12.0
"""Seconds after which the second run begins: the first is at a stage then."""
SAMPLES = {"notes": "200", "seed": "5"}


def begin(folder: Path, *command: str) -> subprocess.Popen[str]:
    """Begin a command."""
    out = subprocess.PIPE
    return subprocess.Popen(
        command,
        cwd=folder,
        env=small.environment(),
        stdout=out,
        stderr=subprocess.STDOUT,
        text=True,
    )


def told(output: str) -> str:
    """Return the last lines that a user saw, as one."""
    return " / ".join(line.strip() for line in output.splitlines()[-3:] if line.strip())[:300]


def two_runs(folder: Path) -> list[str]:
    """Start a run, and while it works: another, a repair and a retraining; then let the first end."""
    expected = small.outputs(folder, TIMED)
    empty(folder)
    first = begin(folder, "dvc", "repro")
    time.sleep(LATER)
    faults = []
    for command in (
        ("dvc", "repro"),
        (*RNN, "repair"),
        (*RNN, "retrain"),
        (*RNN, "verify"),
        (*RNN, "doctor"),
    ):
        other = begin(folder, *command)
        output, _ = other.communicate()
        name = " ".join(Path(part).name for part in command)
        print(
            f"- `{name.replace('python -m pipeline', 'music-rnn')}` beside it: {other.returncode}, {told(output)}"
        )
        faults += [f"{name}: a traceback"] if "Traceback" in output else []
    output, _ = first.communicate()
    found = small.outputs(folder, TIMED)
    differ = sorted(
        name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name)
    )
    print(
        f"- the first: {first.returncode}, {len(found)} outputs, {len(differ)} differ from a run that was alone"
    )
    return [*faults, *differ, *([told(output)] if first.returncode else [])]


def empty(folder: Path) -> None:
    """Take away what the pipeline wrote, and DVC's cache."""
    for place in (
        "dvc.lock",
        "data/raw",
        "data/notes",
        "data/windows",
        "data/samples",
        "models",
        "metrics",
    ):
        path = folder / place
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    shutil.rmtree(folder / ".dvc/cache")
    small.run(folder, "git", "checkout", "--", *small.STUDIES)


def queue(folder: Path) -> list[str]:
    """Let two workers do four experiments, and beside them repair again and again, run in the work tree, and verify."""
    small.run(
        folder, "dvc", "exp", "run", "-q", "--queue", "-S", "seed=3,4", "-S", "train.epochs=1,2"
    )
    with (folder.parent / "queue.log").open(
        "w"
    ) as log:  # a pipe would stay open until the workers end
        subprocess.run(
            ["dvc", "queue", "start", "-j", "2"],
            cwd=folder,
            env=small.environment(),
            stdout=log,
            stderr=log,
        )
    codes: Counter[str] = Counter()
    until, said = time.monotonic() + 1200, "Queued"
    while re.search(r"\b(Queued|Running)\b", said) and time.monotonic() < until:
        for name, command in {
            "repair": (*RNN, "repair"),
            "repro": ("dvc", "repro"),
            "verify": (*RNN, "verify"),
        }.items():
            codes[f"`{name}` {small.run(folder, *command, check=False).returncode}"] += 1
        said = small.run(folder, "dvc", "queue", "status").stdout
    done, failed = said.count("Success"), said.count("Failed")
    print(
        f"- queue of 4, two at a time: {done} done, {failed} failed; beside it, with their codes: {dict(codes)}"
    )
    return (
        [said, str(codes)]
        if done != 4 or failed or any(not name.endswith(" 0") for name in codes)
        else []
    )


def sample(folder: Path, model: str) -> tuple[str, str]:
    """Sample from a model; returns the hash of the file, nothing if there is none, and what the user was told."""
    out = folder.parent / "sample.mid"
    out.unlink(missing_ok=True)
    options = [part for name, value in SAMPLES.items() for part in (f"--{name}", value)]
    done = small.run(folder, *RNN, "generate", model, *options, "-o", str(out), check=False)
    told = re.sub(r"process \d+", "process N", done.stderr.strip())
    return hashlib.sha256(out.read_bytes()).hexdigest() if out.exists() else "", told


def replaced(folder: Path, model: str) -> list[str]:
    """Play a long piece and sample again and again while another seed is trained in place of the model."""
    (shipped, _), (old, _) = sample(folder, str(BUNDLED / "expressive")), sample(folder, model)
    yaml = YAML()
    tree = yaml.load((folder / "params.yaml").read_text("utf-8"))
    tree["seed"] += 1
    with (folder / "params.yaml").open("w", encoding="utf-8") as out:
        yaml.dump(tree, out)
    long = (
        "play",
        model,
        "--midi-out",
        "none",
        "--notes",
        "60000",
        "--record",
        str(folder.parent / "long.mid"),
    )
    before = begin(folder, *RNN, *long)
    time.sleep(1.5)
    run = begin(folder, "dvc", "repro", f"generate@{model}")
    seen = []
    while run.poll() is None:
        seen.append(sample(folder, model))
    new, _ = sample(folder, model)
    output, _ = before.communicate()
    files = {old: "the old model", new: "the new model", shipped: "the shipped model", "": "none"}
    print(f"- `play` of 60,000 notes that was under way: {before.returncode}, {told(output)}")
    print(f"- samples of {model} meanwhile:")
    for (file, said), count in Counter(seen).items():
        print(f"  {count}: {files.get(file, file)}{': ' if said else ''}{said}")
    odd = [f"{file} {said}" for file, said in seen if not right(files.get(file, ""), said)]
    return [
        *odd,
        *(["it was not replaced"] if old == new else []),
        *([told(output)] if before.returncode else []),
    ]


def right(file: str, said: str) -> bool:
    """Whether a sample is one of the model without a word, or something else that is said and explained in one line."""
    if file in ("the old model", "the new model"):
        return not said
    explained = "is at work here and may be training it" in said and "\n" not in said
    return (
        explained
        and ("the shipped one is taken" if file == "the shipped model" else "no model") in said
    )


def main() -> int:
    """Make the project, do each thing, and return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    args = parser.parse_args()
    shutil.rmtree(args.folder, ignore_errors=True)
    folder = args.folder.resolve() / "project"
    folder.mkdir(parents=True)
    small.make(folder)
    small.run(folder, "dvc", "repro")
    small.commit(folder, "Results")
    scenes: dict[str, Callable[[], list[str]]] = {
        "Two runs at once": lambda: two_runs(folder),
        "Two workers of a queue": lambda: queue(folder),
        "A model that is replaced while it plays": lambda: replaced(folder, "stacked"),
        "The same, of a name that is shipped, too": lambda: replaced(folder, "expressive"),
    }
    faults = []
    for title, scene in scenes.items():
        print(f"\n{title}", flush=True)
        faults += scene()
    print(f"\nfaults: {len(faults)}", *faults, sep="\n")
    return int(bool(faults))


if __name__ == "__main__":
    raise SystemExit(main())
