"""A copy of the checkout with small values in params.yaml and a folder of synthetic music, ready to run."""

import shutil
from pathlib import Path
from typing import Any

from factories import ROOT, make_music
from ruamel.yaml import YAML

from pipeline.midi import writer
from tools.small import COMMON_SIZES

PARTS = (
    "pipeline",
    "data/corpora",
    "data/claims.yaml",
    "data/committed_best.json",
    "dvc.yaml",
    "params.yaml",
    "versions.yaml",
    ".gitignore",
    ".dvc/config",
    ".dvc/plots",
    "metrics/studies/maestro.json",
    "metrics/studies/seed-path.json",
    "metrics/studies/seed-path-maestro.json",
)
MUSIC = "my-midi"
"""Folder of the music, in the project."""
SMALL: dict[str, Any] = {
    **COMMON_SIZES,
    "benchmark": {**COMMON_SIZES["benchmark"], "measure_memory": False},
}
"""Values of params.yaml with which all stages take a minute."""


def copy_checkout(folder: Path, num_songs: int, **params: object) -> Path:
    """Copy what the pipeline needs into a folder and write synthetic music; return the folder of the music.

    Args:
        folder: of the project.
        num_songs: files of 200 notes.
        params: values of params.yaml beside the small ones.
    """
    for part in PARTS:
        source, target = ROOT / part, folder / part
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
    change_yaml(folder / "params.yaml", **SMALL, **params)
    songs = folder / MUSIC
    songs.mkdir()
    for number in range(num_songs):
        writer.write_notes(make_music(number, 200), songs / f"{number}.mid")
    return songs


def change_yaml(path: Path, **values: object) -> None:
    """Change values of a YAML file in place, one level deep; None removes one."""
    yaml = YAML()
    tree = yaml.load(path.read_text("utf-8"))
    for name, value in values.items():
        if isinstance(value, dict):
            tree[name].update(value)
            for key in [key for key, each in value.items() if each is None]:
                del tree[name][key]
        else:
            tree[name] = value
    with path.open("w", encoding="utf-8") as out:
        yaml.dump(tree, out)
