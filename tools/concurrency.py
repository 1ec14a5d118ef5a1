"""Run commands at the same time: two runs, two workers of a queue, and generation while the model is trained again.

    python tools/concurrency.py /tmp/concurrency

All run in a small project (see small.py) under DVC, as real processes. Prints the message of each command, and compares
the outputs with those of a run alone. Exit code 1 after a traceback, a mixture of two models, an output that differs,
or an experiment that failed.
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

COMMAND = (sys.executable, "-m", "pipeline")
SECOND_START = 12.0
"""Seconds after which the second run starts; the first runs a stage then."""
GENERATE_OPTIONS = {"notes": "200", "seed": "5"}


def start_command(folder: Path, *command: str) -> subprocess.Popen[str]:
    """Start a command."""
    out = subprocess.PIPE
    return subprocess.Popen(
        command,
        cwd=folder,
        env=small.environment(),
        stdout=out,
        stderr=subprocess.STDOUT,
        text=True,
    )


def join_last_lines(output: str) -> str:
    """Return the last three lines of an output as one line."""
    return " / ".join(line.strip() for line in output.splitlines()[-3:] if line.strip())[:300]


def check_two_runs(folder: Path) -> list[str]:
    """Start a run; during it another run, a repair and other commands; then wait for the first."""
    expected = small.outputs(folder, TIMED)
    small.remove_outputs(folder)
    first = start_command(folder, "dvc", "repro")
    time.sleep(SECOND_START)
    faults = []
    for command in (
        ("dvc", "repro"),
        (*COMMAND, "repair"),
        (*COMMAND, "retrain"),
        (*COMMAND, "verify"),
        (*COMMAND, "doctor"),
    ):
        other = start_command(folder, *command)
        output, _ = other.communicate()
        name = " ".join(Path(part).name for part in command)
        name = name.replace("python -m pipeline", "music-rnn")
        print(f"- `{name}` during it: {other.returncode}, {join_last_lines(output)}")
        faults += [f"{name}: a traceback"] if "Traceback" in output else []
    output, _ = first.communicate()
    outputs = small.outputs(folder, TIMED)
    names = expected.keys() | outputs.keys()
    differ = sorted(name for name in names if expected.get(name) != outputs.get(name))
    print(
        f"- the first: {first.returncode}, {len(outputs)} outputs, {len(differ)} differ from a run alone"
    )
    return [*faults, *differ, *([join_last_lines(output)] if first.returncode else [])]


def check_queue(folder: Path) -> list[str]:
    """Run four experiments with two workers; repeat repair, repro and verify in the work tree meanwhile."""
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
    deadline, status = time.monotonic() + 1200, "Queued"
    while re.search(r"\b(Queued|Running)\b", status) and time.monotonic() < deadline:
        for name, command in {
            "repair": (*COMMAND, "repair"),
            "repro": ("dvc", "repro"),
            "verify": (*COMMAND, "verify"),
        }.items():
            codes[f"`{name}` {small.run(folder, *command, check=False).returncode}"] += 1
        status = small.run(folder, "dvc", "queue", "status").stdout
    done, failed = status.count("Success"), status.count("Failed")
    print(
        f"- queue of 4, two at a time: {done} done, {failed} failed; meanwhile, with exit codes: {dict(codes)}"
    )
    return (
        [status, str(codes)]
        if done != 4 or failed or any(not name.endswith(" 0") for name in codes)
        else []
    )


def generate_sample(folder: Path, model: str) -> tuple[str, str]:
    """Generate from a model; return the hash of the file (empty if there is none) and the messages."""
    out = folder.parent / "sample.mid"
    out.unlink(missing_ok=True)
    options = [part for name, value in GENERATE_OPTIONS.items() for part in (f"--{name}", value)]
    done = small.run(folder, *COMMAND, "generate", model, *options, "-o", str(out), check=False)
    messages = re.sub(r"process \d+", "process N", done.stderr.strip())
    file_hash = hashlib.sha256(out.read_bytes()).hexdigest() if out.exists() else ""
    return file_hash, messages


def check_replaced_model(folder: Path, model: str) -> list[str]:
    """Play a long piece and generate repeatedly while the model is trained again with another seed."""
    old, _ = generate_sample(folder, model)
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
    before = start_command(folder, *COMMAND, *long)
    time.sleep(1.5)
    run = start_command(folder, "dvc", "repro", f"generate@{model}")
    samples = []
    while run.poll() is None:
        samples.append(generate_sample(folder, model))
    new, _ = generate_sample(folder, model)
    output, _ = before.communicate()
    sources = {
        old: "the old model",
        new: "the new model",
        "": "none",
    }
    print(
        f"- `play` of 60,000 notes that had started: {before.returncode}, {join_last_lines(output)}"
    )
    print(f"- samples of {model} meanwhile:")
    for (file_hash, message), count in Counter(samples).items():
        separator = ": " if message else ""
        print(f"  {count}: {sources.get(file_hash, file_hash)}{separator}{message}")
    wrong = [
        f"{file_hash} {message}"
        for file_hash, message in samples
        if not is_expected(sources.get(file_hash, ""), message)
    ]
    return [
        *wrong,
        *(["the model was not replaced"] if old == new else []),
        *([join_last_lines(output)] if before.returncode else []),
    ]


def is_expected(source: str, message: str) -> bool:
    """Whether a sample is of the model without a message, or the message explains in one line why not."""
    if source in ("the old model", "the new model"):
        return not message
    return "no model" in message and "training it" in message and "\n" not in message


def main() -> int:
    """Make the project, run each check, and return the exit code."""
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
    checks: dict[str, Callable[[], list[str]]] = {
        "Two runs at once": lambda: check_two_runs(folder),
        "Two workers of a queue": lambda: check_queue(folder),
        "A model that is replaced during playback": lambda: check_replaced_model(folder, "stacked"),
    }
    faults = []
    for title, check in checks.items():
        print(f"\n{title}", flush=True)
        faults += check()
    print(f"\nfaults: {len(faults)}", *faults, sep="\n")
    return int(bool(faults))


if __name__ == "__main__":
    raise SystemExit(main())
