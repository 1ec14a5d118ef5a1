"""Build everything in two fresh clones at different paths, side by side, and compare what DVC recorded of them.

    python tools/same_bytes.py /tmp/same

`dvc repro -f` runs every stage: nothing comes from a cache. Time is not a function of the inputs, so `benchmark` and
the pages that show its figures differ. To see that nothing else does, the second clone then takes the timings of the
first, records them and writes its pages again: the two dvc.lock must be the same file, byte for byte. Code 1 if not.
"""

import argparse
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import small
from ruamel.yaml import YAML

TIMED = {"benchmark", "report"}
"""Stages whose outputs hold times, or show them."""
PLACES = ("one", "two/levels deeper, with spaces")
RECORD = Path("dvc.lock")
TIMINGS = Path("metrics/benchmark.json")


def clone(folder: Path) -> subprocess.Popen[str]:
    """Clone this checkout, and begin to build everything."""
    folder.parent.mkdir(parents=True)
    subprocess.run(["git", "clone", "-q", str(small.ROOT), str(folder)], check=True)
    with (folder / "repro.log").open("w") as log:
        command = ["dvc", "repro", "-f"]
        return subprocess.Popen(
            command, cwd=folder, env=small.environment(), stdout=log, stderr=log, text=True
        )


def stages(folder: Path) -> dict[str, Any]:
    """Return what DVC recorded of each stage."""
    tree: dict[str, Any] = YAML(typ="safe").load((folder / RECORD).read_text(encoding="utf-8"))[
        "stages"
    ]
    return tree


def main() -> int:
    """Build twice, compare, and return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    args = parser.parse_args()
    shutil.rmtree(args.folder, ignore_errors=True)
    began = time.monotonic()
    folders = [args.folder.resolve() / place for place in PLACES]
    for folder, run in [(folder, clone(folder)) for folder in folders]:
        if run.wait():
            raise SystemExit((folder / "repro.log").read_text()[-2000:])
    print(f"two clones, every stage forced, side by side: {time.monotonic() - began:.0f} s")
    one, two = map(stages, folders)
    differ = {name for name in one.keys() | two.keys() if one.get(name) != two.get(name)}
    print(
        f"stages: {len(one)}; recorded alike: {len(one) - len(differ)}; differ: {', '.join(sorted(differ)) or 'none'}"
    )
    shutil.copy(folders[0] / TIMINGS, folders[1] / TIMINGS)
    small.run(folders[1], "dvc", "commit", "-f", "benchmark")
    small.run(folders[1], "dvc", "repro", "report")
    records = [(folder / RECORD).read_bytes() for folder in folders]
    same = records[0] == records[1]
    print(
        f"with the timings of the first: dvc.lock {'the same, byte for byte' if same else 'differs'}"
    )
    committed = stages(small.ROOT)
    others = sorted(
        name
        for name in one.keys() - TIMED
        if one[name].get("outs") != committed.get(name, {}).get("outs")
    )
    print(
        f"outputs against the committed dvc.lock, but for timings: {', '.join(others) or 'alike'}"
    )
    return int(not same or not differ <= TIMED)


if __name__ == "__main__":
    raise SystemExit(main())
