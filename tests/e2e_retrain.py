"""A rehearsal of the whole round on this machine: `python tests/e2e_retrain.py [toy|real] FOLDER`.

A bare repository and a folder take the places of GitHub and the remote. One clone changes a size, retrains, is judged
and pushes what came of it; a second one pulls and has nothing to do; a third repository gets the model by its tag.
`real` runs the project's own stages on a few made-up pieces (minutes), `toy` stages that take no time.
"""

import shutil
import sys
import time
from pathlib import Path

import toy_project as toy
from ruamel.yaml import YAML

PARTS = (
    "pipeline",
    "data/corpora",
    "dvc.yaml",
    "params.yaml",
    ".gitignore",
    ".dvcignore",
    ".dvc/plots",
)
SMALL = {
    "train": {
        "epochs": 2,
        "notes_per_epoch": 1024,
        "noise_fit_notes": 100,
        "max_validation_notes": 200,
    },
    "windows": {"length": 8},
    "generate": {"num_samples": 1, "num_notes": 20, "prompt_notes": 8},
    "sample_metrics": {"num_samples": 1, "num_notes": 100},
    "two_sample": {"num_prompts": 4, "num_notes": 16},
    "benchmark": {"repeats": 1, "memory": False},
}


def real(folder: Path) -> Path:
    """Make a project with the stages of this checkout and a corpus of made-up pieces, not yet run."""
    from conftest import make_notes

    from pipeline.midi import writer

    for part in PARTS:
        source, target = toy.ROOT / part, folder / part
        if source.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
    change(folder / "params.yaml", **SMALL, corpus="tiny", architectures=["baseline", "dense"])
    toy.edit(folder, "model.dense.units", [16])
    # Its pages also tell of studies, which a small project has none of.
    change(folder / "dvc.yaml", stages={"report": None})
    (folder / "my-midi").mkdir()
    for number in range(6):
        writer.write_notes(make_notes(number, 200), folder / f"my-midi/{number}.mid")
    toy.run(folder, "git", "init", "-q", "-b", "main")
    toy.run(folder, "dvc", "init", "-q", "-f")
    shutil.copy(toy.ROOT / ".dvc/config", folder / ".dvc/config")
    toy.music_rnn(folder, "corpus", "tiny", "my-midi")
    return toy.commit(folder, "a small project")


def change(path: Path, **values: object) -> None:
    """Change values of a YAML file, one level deep; none removes one."""
    tree = YAML().load(path.read_text("utf-8"))
    for name, value in values.items():
        if isinstance(value, dict):
            tree[name].update(value)
            tree[name] = {key: each for key, each in tree[name].items() if each is not None}
        else:
            tree[name] = value
    with path.open("w", encoding="utf-8") as out:
        YAML().dump(tree, out)


class Rehearsal:
    """Acts in turn, each with its name and its time; what was said is printed."""

    def __init__(self, home: Path) -> None:
        self.home, self.began = home, time.monotonic()

    def act(self, name: str, folder: Path, *command: str, check: bool = True) -> str:
        """Run a command, print what it said and how long it took."""
        began = time.monotonic()
        done = toy.run(folder, *command, check=check)
        print(
            f"\n=== {name}: {time.monotonic() - began:.1f} s\n$ {' '.join(command)}\n{done.stdout}{done.stderr}",
            flush=True,
        )
        return done.stdout

    def publish(self, project: Path) -> None:
        """Put a project where clones find it: its history in a bare repository, its outputs in a folder."""
        toy.run(self.home, "git", "init", "-q", "--bare", "-b", "main", "bare.git")
        toy.run(project, "git", "remote", "add", "origin", str(self.home / "bare.git"))
        toy.run(project, "dvc", "remote", "add", "-q", "-d", "folder", str(self.home / "remote"))
        toy.commit(project, "a remote")
        self.act("first run", project, "python", "-m", "pipeline", "retrain", check=False)
        toy.commit(project, "first results")
        toy.run(project, "git", "tag", "-a", "recommended@v1.0.0", "-m", "the first")
        self.act("publish", project, "git", "push", "-u", "origin", "main", "recommended@v1.0.0")

    def change(self) -> None:
        """Change one size in a clone, retrain, and let a second clone take what came of it."""
        here, there = self.home / "here", self.home / "there"
        self.act("clone", self.home, "git", "clone", "bare.git", "here")
        toy.edit(here, "model.dense.units", [64])
        toy.commit(here, "more units")
        self.act("explain", here, "python", "-m", "pipeline", "plan")
        options = ("--branch", "retrain/1", "--summary", "../report.md")
        said = self.act(
            "retrain", here, "python", "-m", "pipeline", "retrain", *options, check=False
        )
        print(f"\n=== only this branch ran: {', '.join(sorted(toy.ran(said)))}")
        print(f"\n=== the report\n{(self.home / 'report.md').read_text('utf-8')}")
        offered = "retrain/1" in toy.run(here, "git", "ls-remote", "origin").stdout
        print(f"=== offered: {offered}")
        self.act(
            "second clone",
            self.home,
            "git",
            "clone",
            "-b",
            "retrain/1" if offered else "main",
            "bare.git",
            "there",
        )
        self.act("pull", there, "dvc", "pull")
        self.act("up to date?", there, "dvc", "repro")
        self.act("explain", there, "python", "-m", "pipeline", "plan")

    def take(self) -> None:
        """Get the promoted model by its tag, from outside."""
        self.act(
            "get by tag",
            self.home,
            "dvc",
            "artifacts",
            "get",
            "bare.git",
            "recommended",
            "--rev",
            "v1.0.0",
            "-o",
            "got",
        )
        print(f"=== all in {time.monotonic() - self.began:.0f} s")


def main(kind: str, folder: Path) -> None:
    """Rehearse in an empty folder."""
    folder.mkdir(parents=True)
    rehearsal = Rehearsal(folder.resolve())
    rehearsal.publish((real if kind == "real" else toy.make)(rehearsal.home / "first"))
    rehearsal.change()
    rehearsal.take()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
