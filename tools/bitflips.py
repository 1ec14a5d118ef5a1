"""Flip single bits in every kind of file that the pipeline writes: how many are seen before the file is used?

    python tools/bitflips.py /tmp/flips --flips 400

The files are made in an empty folder by what writes them in the pipeline. For each kind a bit is flipped, the file is
read as the pipeline reads it, and the bit is flipped back. Evaluations and objects of DVC's cache carry no checksum of
their own: they are held against dvc.lock and their name by `music-rnn verify`, as all others are too.
"""

import argparse
import hashlib
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import small

from pipeline.core import checksums, files, paths
from pipeline.core.errors import DataError, PipelineError
from pipeline.corpus import bundle, tables
from pipeline.corpus.bundle import CorpusPiece
from pipeline.dataset import windows
from pipeline.maintenance import verify
from pipeline.models import model_io
from pipeline.notes import quantize

Read = Callable[[Path], object]


def _notes(path: Path) -> object:
    checksums.verify_checksums(path.parent, "")
    return path


def _pages(path: Path) -> object:
    return [notes.tobytes() for notes in tables.read_notes(path, range(3))]


def _model(path: Path) -> object:
    return model_io.load_model(path.parent)


def _recorded(_: Path) -> object:
    if faults := [found.problem for found in verify._verify_outputs() if found.problem]:
        raise DataError(faults[0])
    return None


def _cached(path: Path) -> object:
    verify._verify_object(path)
    return path


def _checkpoint(path: Path) -> object:
    verify._verify_checkpoint(path)
    return path


def make() -> dict[str, tuple[Path, Read]]:
    """Write a file of each kind; return it, and how the pipeline reads it."""
    rng = np.random.default_rng(0)
    pieces = [small.music(number, 2000) for number in range(3)]
    songs = [rng.bytes(9000) for _ in range(3)]
    listed = [
        CorpusPiece(f"{n}.mid", f"c{n}", "train", hashlib.sha256(song).hexdigest())
        for n, song in enumerate(songs)
    ]
    bundle.write_bundle(paths.get_corpus_archive("a"), listed, songs)
    with tables.NotesWriter(paths.NOTES) as writer:
        for number, notes in enumerate(pieces):
            writer.write_piece(number, notes)
    rows = [
        tables.PieceRow(n, each.member, each.composition, each.split, 2000, 9.0, each.sha256)
        for n, each in enumerate(listed)
    ]
    tables.write_pieces(paths.PIECES, rows)
    checksums.write_checksums(paths.NOTES.parent)
    codes = np.concatenate([quantize.quantize(notes) for notes in pieces])
    names = np.array([each.member for each in listed])
    ends, starts = np.array([2000, 4000, 6000]), np.arange(1900, dtype=np.int32)
    windows.save_windows(
        windows.WindowDataset(codes, ends, np.array(["train"] * 3), names, starts, 25),
        paths.WINDOWS,
    )
    model = paths.get_model_dir("expressive")
    files.write_text(
        model / model_io.HISTORY,
        "epoch,notes,loss\n" + "".join(f"{n},{n}000,{9 - n}.5\n" for n in range(8)),
    )
    model_io.save_model(model_io.load_model(model_io.BUNDLED / "expressive"), model, np.float16)
    waiting = paths.get_checkpoint_dir() / "a-1" / "state.npz"
    data = files.encode_npz({"now0": rng.normal(size=5000)})
    files.write_bytes(waiting, hashlib.sha256(data).digest() + data)
    evaluation = next(iter(sorted((small.ROOT / paths.EVALUATIONS).glob("*.json"))))
    files.write_bytes(paths.get_evaluation_path("a"), evaluation.read_bytes())
    name = hashlib.md5(evaluation.read_bytes(), usedforsecurity=False).hexdigest()
    files.write_bytes(verify.DVC_CACHE / name[:2] / name[2:], evaluation.read_bytes())
    record = f"schema: '2.0'\nstages:\n  x:\n    cmd: y\n    outs:\n    - path: {paths.get_evaluation_path('a')}\n      md5: {name}\n"
    files.write_text(verify.DVC_LOCK, record)
    return {
        "corpus zip": (paths.get_corpus_archive("a"), bundle.CorpusBundle),
        "notes.parquet, its pages only": (paths.NOTES, _pages),
        "notes.parquet": (paths.NOTES, _notes),
        "pieces.parquet": (paths.PIECES, _notes),
        "SHA256SUMS": (paths.NOTES.parent / checksums.CHECKSUM_FILE, _notes),
        "windows.npz": (paths.WINDOWS, windows.load_windows),
        "weights.npz": (model / model_io.WEIGHTS, _model),
        "model.json": (model / model_io.CARD, _model),
        "history.csv": (model / model_io.HISTORY, _model),
        "checkpoint": (waiting, _checkpoint),
        "evaluation JSON (verify)": (paths.get_evaluation_path("a"), _recorded),
        "object in DVC's cache (verify)": (verify.DVC_CACHE / name[:2] / name[2:], _cached),
    }


def flip(path: Path, read: Read, flips: int, rng: random.Random) -> tuple[int, int]:
    """Flip bits one after the other; returns how many were seen, and how many ended in another error than ours."""
    whole = path.read_bytes()
    seen = wild = 0
    for place in rng.sample(range(8 * len(whole)), min(flips, 8 * len(whole))):
        torn = bytearray(whole)
        torn[place // 8] ^= 1 << place % 8
        path.write_bytes(torn)
        try:
            read(path)
        except PipelineError:
            seen += 1
        except Exception as error:
            wild += 1
            print(f"{path}: bit {place}: {error!r}")
    path.write_bytes(whole)
    read(path)
    return seen, wild


def main() -> None:
    """Print a row for each kind."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--flips", type=int, default=400)
    args = parser.parse_args()
    shutil.rmtree(args.folder, ignore_errors=True)
    args.folder.mkdir(parents=True)
    os.chdir(args.folder)
    model_io.RETRY_DELAYS = (0.0, 0.0, 0.0)
    print("| file | bits | flipped | seen | other errors |\n|---|---|---|---|---|")
    for name, (path, read) in make().items():
        bits = 8 * path.stat().st_size
        seen, wild = flip(path, read, args.flips, random.Random(0))
        print(f"| {name} | {bits:,} | {min(args.flips, bits)} | {seen} | {wild} |", flush=True)


if __name__ == "__main__":
    main()
