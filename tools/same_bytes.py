"""Run all stages in two fresh clones at different paths, and compare their dvc.lock.

    python tools/same_bytes.py /tmp/same

`dvc repro -f` runs every stage; nothing comes from a cache. The two run in different environments: number of BLAS threads,
seed of hashes, locale, time zone. Times differ between runs, and so do `benchmark` and
`report`. To check that nothing else does, the timings of the first clone are copied into the second, committed there,
and the report is written again: then both dvc.lock must be equal, byte for byte. Exit code 1 if not.
"""

import argparse
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import small
from ruamel.yaml import YAML

from pipeline.core import threads

TIMED = {"benchmark", "report"}
"""Stages whose outputs contain times."""
SUBFOLDERS = ("one", "two/levels deeper, with spaces")
ENVIRONMENTS: tuple[dict[str, str], ...] = (
    {"PYTHONHASHSEED": "1", "LC_ALL": "C.UTF-8", "TZ": "UTC"},
    {
        **dict.fromkeys(threads.VARIABLES, "2"),
        "PYTHONHASHSEED": "2",
        "LC_ALL": "C",
        "TZ": "Asia/Kathmandu",
    },
)
"""What a user may have set; the first has no number of threads."""
LOCK = Path("dvc.lock")
TIMINGS = Path("metrics/benchmark.json")


def make_environment(changes: dict[str, str]) -> dict[str, str]:
    """Return the environment of a clone: that of this process without numbers of threads, and some changes."""
    environment = small.environment()
    for variable in threads.VARIABLES:
        environment.pop(variable, None)
    return environment | changes


def start_clone(folder: Path, environment: dict[str, str]) -> subprocess.Popen[str]:
    """Clone this checkout and start all stages there."""
    folder.parent.mkdir(parents=True)
    subprocess.run(["git", "clone", "-q", str(small.ROOT), str(folder)], check=True)
    with (folder / "repro.log").open("w") as log:
        command = ["dvc", "repro", "-f"]
        return subprocess.Popen(
            command, cwd=folder, env=environment, stdout=log, stderr=log, text=True
        )


def read_stages(folder: Path) -> dict[str, Any]:
    """Return the stages of dvc.lock."""
    tree: dict[str, Any] = YAML(typ="safe").load((folder / LOCK).read_text(encoding="utf-8"))[
        "stages"
    ]
    return tree


def main() -> int:
    """Run twice, compare, and return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    args = parser.parse_args()
    shutil.rmtree(args.folder, ignore_errors=True)
    start = time.monotonic()
    folders = [args.folder.resolve() / name for name in SUBFOLDERS]
    environments = map(make_environment, ENVIRONMENTS)
    for folder, run in list(zip(folders, map(start_clone, folders, environments), strict=True)):
        if run.wait():
            raise SystemExit((folder / "repro.log").read_text()[-2000:])
    print(f"two clones, every stage forced, at the same time: {time.monotonic() - start:.0f} s")
    one, two = map(read_stages, folders)
    differ = {name for name in one.keys() | two.keys() if one.get(name) != two.get(name)}
    print(
        f"stages: {len(one)}; equal: {len(one) - len(differ)}; different: {', '.join(sorted(differ)) or 'none'}"
    )
    shutil.copy(folders[0] / TIMINGS, folders[1] / TIMINGS)
    small.run(folders[1], "dvc", "commit", "-f", "benchmark")
    small.run(folders[1], "dvc", "repro", "report")
    locks = [(folder / LOCK).read_bytes() for folder in folders]
    same = locks[0] == locks[1]
    print(
        f"with the timings of the first: dvc.lock {'is equal, byte for byte' if same else 'differs'}"
    )
    committed = read_stages(small.ROOT)
    others = sorted(
        name
        for name in one.keys() - TIMED
        if one[name].get("outs") != committed.get(name, {}).get("outs")
    )
    print(
        f"outputs that differ from the committed dvc.lock, timings excluded: {', '.join(others) or 'none'}"
    )
    return int(not same or not differ <= TIMED)


if __name__ == "__main__":
    raise SystemExit(main())
