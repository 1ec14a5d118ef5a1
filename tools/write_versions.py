"""Write versions.yaml: the locked versions of the libraries that can change a figure. `make lock` runs it.

DVC tracks these versions as parameters, so that a stage runs again where a library that computes it has changed.
"""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
LIBRARIES = ("keras", "numpy", "pretty-midi", "pyarrow", "scipy", "symusic", "tensorflow")
HEADER = "# Versions of the libraries that can change a figure; DVC tracks them as parameters. `make lock` writes this file.\n"


def read_locked_versions(lock: str) -> dict[str, list[str]]:
    """Return the locked versions of each library; a library has several where they depend on the Python version."""
    versions: dict[str, list[str]] = {name: [] for name in LIBRARIES}
    for name, version in re.findall(r"^([a-z0-9-]+)==([^\s\\;]+)", lock, re.MULTILINE):
        if name in versions:
            versions[name].append(version)
    return versions


def main() -> None:
    """Write versions.yaml from requirements.lock."""
    versions = read_locked_versions((ROOT / "requirements.lock").read_text("utf-8"))
    lines = [
        f"{name.replace('-', '_')}: {' '.join(sorted(numbers))}\n"
        for name, numbers in versions.items()
    ]
    (ROOT / "versions.yaml").write_text(HEADER + "".join(lines), "utf-8")


if __name__ == "__main__":
    main()
