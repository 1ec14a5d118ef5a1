"""Flip single bits in every kind of file that the pipeline writes, and count how many are detected on reading.

    python tools/bitflips.py /tmp/flips --flips 400

The pipeline's own functions write the files into an empty folder. For each kind a bit is flipped, the file is read as
the pipeline reads it, and the bit is flipped back. Evaluations and objects of DVC's cache contain no checksum:
`music-rnn verify` compares them with dvc.lock and with their names, as it does with all other files.
"""

import argparse
import hashlib
import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import small

from pipeline.core import checksums, files, git, paths
from pipeline.core.errors import DataError, PipelineError
from pipeline.corpus import bundle, tables
from pipeline.corpus.bundle import CorpusPiece
from pipeline.dataset import sharded_notes, windows
from pipeline.dataset.sharded_notes import ShardedNotes
from pipeline.maintenance import verify
from pipeline.models import model_io
from pipeline.notes import quantize

Read = Callable[[Path], object]


def _verify_folder(path: Path) -> object:
    checksums.verify_checksums(paths.NOTES.parent, "")
    return path


def _read_notes(path: Path) -> object:
    return [notes.tobytes() for notes in tables.read_notes(path.parent, range(3))]


def _load_shard(_: Path) -> object:
    return windows.load_windows(paths.WINDOWS)


def _load_model(path: Path) -> object:
    return model_io.load_model(path.parent)


def _verify_outputs(_: Path) -> object:
    problems = [check.problem for check in verify._verify_outputs() if check.problem]
    if problems:
        raise DataError(problems[0])
    return None


def _verify_object(path: Path) -> object:
    verify._verify_object(path)
    return path


def _verify_checkpoint(path: Path) -> object:
    verify._verify_checkpoint(path)
    return path


def write_files() -> dict[str, tuple[Path, Read]]:
    """Write a file of each kind; return its path and the function that reads it, by kind."""
    rng = np.random.default_rng(0)
    pieces = [small.music(number, 2000) for number in range(3)]
    midi_files = [rng.bytes(9000) for _ in range(3)]
    members = [
        CorpusPiece(f"{n}.mid", f"c{n}", "train", hashlib.sha256(data).hexdigest())
        for n, data in enumerate(midi_files)
    ]
    bundle.write_bundle(paths.get_corpus_archive("a"), members, midi_files)
    with tables.NotesWriter(paths.NOTES) as writer:
        for number, notes in enumerate(pieces):
            writer.write_piece(number, notes)
    rows = [
        tables.PieceRow(
            n, member.member, member.composition, member.split, 2000, 9.0, member.sha256
        )
        for n, member in enumerate(members)
    ]
    tables.write_pieces(paths.PIECES, rows)
    checksums.write_checksums(paths.NOTES.parent)
    quantized = np.concatenate([quantize.quantize(notes) for notes in pieces])
    dataset = windows.WindowDataset(
        notes=ShardedNotes([quantized]),
        piece_ends=np.array([2000, 4000, 6000]),
        splits=np.array([member.split for member in members]),
        piece_names=np.array([member.member for member in members]),
        compositions=np.array([member.composition for member in members]),
        sequence_length=25,
        stride=1,
        max_train_notes=0,
    )
    windows.save_windows(dataset, paths.WINDOWS)
    model = paths.get_model_dir("expressive")
    files.write_text(
        model / model_io.HISTORY,
        "epoch,notes,loss\n" + "".join(f"{n},{n}000,{9 - n}.5\n" for n in range(8)),
    )
    model_io.save_model(model_io.load_model(model_io.BUNDLED / "maestro"), model, np.float16)
    checkpoint = paths.get_checkpoint_dir() / "a-1" / "state.npz"
    data = files.encode_npz({"now0": rng.normal(size=5000)})
    files.write_bytes(checkpoint, hashlib.sha256(data).digest() + data)
    evaluation = next(iter(sorted((small.ROOT / paths.EVALUATIONS).glob("*.json"))))
    files.write_bytes(paths.get_evaluation_path("a"), evaluation.read_bytes())
    md5 = hashlib.md5(evaluation.read_bytes(), usedforsecurity=False).hexdigest()
    cached = verify.DVC_CACHE / md5[:2] / md5[2:]
    files.write_bytes(cached, evaluation.read_bytes())
    output = {"path": str(paths.get_evaluation_path("a")), "md5": md5}
    # JSON is YAML too.
    lock = {"schema": "2.0", "stages": {"x": {"cmd": "y", "outs": [output]}}}
    files.write_text(git.DVC_LOCK, json.dumps(lock))
    return {
        "corpus zip": (paths.get_corpus_archive("a"), bundle.CorpusBundle),
        "part of the notes, its pages only": (tables.get_part_path(paths.NOTES, 0), _read_notes),
        "part of the notes": (tables.get_part_path(paths.NOTES, 0), _verify_folder),
        "pieces.parquet": (paths.PIECES, _verify_folder),
        "SHA256SUMS": (paths.NOTES.parent / checksums.CHECKSUM_FILE, _verify_folder),
        "index of windows": (paths.WINDOWS, windows.load_windows),
        "shard of notes": (sharded_notes.get_shard_path(paths.WINDOWS.parent, 0), _load_shard),
        "weights.npz": (model / model_io.WEIGHTS, _load_model),
        "model.json": (model / model_io.CARD, _load_model),
        "history.csv": (model / model_io.HISTORY, _load_model),
        "checkpoint": (checkpoint, _verify_checkpoint),
        "evaluation JSON (verify)": (paths.get_evaluation_path("a"), _verify_outputs),
        "object in DVC's cache (verify)": (cached, _verify_object),
    }


def flip_bits(path: Path, read: Read, num_flips: int, rng: random.Random) -> tuple[int, int]:
    """Flip bits one at a time; return how many were detected, and how many raised another error than ours."""
    intact = path.read_bytes()
    num_bits = 8 * len(intact)
    num_detected = num_other = 0
    for bit in rng.sample(range(num_bits), min(num_flips, num_bits)):
        damaged = bytearray(intact)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        try:
            read(path)
        except PipelineError:
            num_detected += 1
        except Exception as error:
            num_other += 1
            print(f"{path}: bit {bit}: {error!r}")
    path.write_bytes(intact)
    read(path)
    return num_detected, num_other


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
    print("| file | bits | flipped | detected | other errors |\n|---|---|---|---|---|")
    for name, (path, read) in write_files().items():
        bits = 8 * path.stat().st_size
        detected, other = flip_bits(path, read, args.flips, random.Random(0))
        print(f"| {name} | {bits:,} | {min(args.flips, bits)} | {detected} | {other} |", flush=True)


if __name__ == "__main__":
    main()
