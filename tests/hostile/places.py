"""Hostile folders and archives, made here: misleading names, links in loops, bombs, copies, wrong tables."""

import os
import stat
import warnings
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

NAMES = (
    "line\nbreak",
    "tab\tin",
    "escape\x1b[2J",
    "dots..and...more",
    " spaces ",
    "...",
    "名前 ♪ é",
    "rtl‮dim",
    "'quote\"",
    "a,b;c",
)
GIGABYTE = 2**30


def tree(root: Path, music: bytes) -> int:
    """Fill a folder with files of odd names, links, pipes and deep paths; returns how many entries it has."""
    root.mkdir(parents=True)
    for name in NAMES:
        (root / f"{name}.mid").write_bytes(music)
    (root / os.fsdecode(b"not-utf8-\xff.mid")).write_bytes(music)
    (root / "loop").symlink_to(root)
    (root / "loop.mid").symlink_to("loop.mid")
    (root / "away.mid").symlink_to("/etc/passwd")
    (root / "gone.mid").symlink_to("nowhere")
    os.mkfifo(root / "pipe.mid")
    (root / "folder.mid").mkdir()
    deep = root.joinpath(*["d"] * 100)
    deep.mkdir(parents=True)
    (deep / "deep.mid").write_bytes(music)
    return sum(1 for _ in root.rglob("*"))


@dataclass(frozen=True)
class Trap:
    """One archive that must be refused whole."""

    kind: str
    path: Path


TABLE = "canonical_composer,canonical_title,split,year,midi_filename,audio_filename,duration\n"


def archives(folder: Path, music: bytes) -> Iterator[Trap]:
    """Write archives that must be refused, each a MAESTRO-like zip with one thing wrong."""
    folder.mkdir(parents=True, exist_ok=True)
    link = zipfile.ZipInfo("m/a.mid")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    good = [("m/a.mid", music), ("m/m.csv", TABLE + "B,t,train,2004,a.mid,x.wav,1\n")]
    inside = folder / "inside.zip"
    _zip(inside, good)
    yield Trap("names with ..", _zip(folder / "dots.zip", [("../a.mid", music), *good]))
    yield Trap("absolute names", _zip(folder / "absolute.zip", [("/tmp/a.mid", music), *good]))
    yield Trap("a link", _zip(folder / "link.zip", [(link, "/etc/passwd"), good[1]]))
    yield Trap("a member twice", _zip(folder / "twice.zip", [*good, good[0]]))
    yield Trap(
        "nested zips", _zip(folder / "nested.zip", [("m/a.zip", inside.read_bytes()), good[1]])
    )
    yield Trap("a bomb: 1 GB from 1 MB", _bomb(folder / "bomb.zip"))
    yield Trap("a bomb that lies", _liar(folder / "liar.zip", music))
    yield Trap("a table that is missing", _zip(folder / "no-csv.zip", good[:1]))
    yield Trap(
        "a table of other columns",
        _zip(folder / "columns.zip", [good[0], ("m/m.csv", "a,b\n1,2\n")]),
    )
    yield Trap(
        "a table that is no text",
        _zip(folder / "binary.zip", [good[0], ("m/m.csv", b"\xff\xfe\x00" * 99)]),
    )
    wrong = TABLE + "B,t,train,2004,b.mid,x.wav,1\n"
    yield Trap("a table of other files", _zip(folder / "others.zip", [good[0], ("m/m.csv", wrong)]))
    split = TABLE + "B,t,weekend,2004,a.mid,x.wav,1\n"
    yield Trap(
        "a table of another split", _zip(folder / "split.zip", [good[0], ("m/m.csv", split)])
    )
    yield Trap(
        "other bytes than listed", _zip(folder / "bytes.zip", [("m/a.mid", music + b"x"), good[1]])
    )
    cut = folder / "cut.zip"
    cut.write_bytes(inside.read_bytes()[:-30])
    yield Trap("cut", cut)
    empty = folder / "empty.zip"
    empty.write_bytes(b"")
    yield Trap("empty", empty)


def _zip(path: Path, members: list) -> Path:
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        warnings.simplefilter("ignore")  # of names that are there twice
        for name, data in members:
            archive.writestr(name, data)
    return path


def _bomb(path: Path) -> Path:
    """Write a member of a gigabyte of zeros, which takes a megabyte, block by block."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("m/a.mid", "w", force_zip64=True) as member:
            for _ in range(GIGABYTE // 2**24):
                member.write(bytes(2**24))
        archive.writestr("m/m.csv", TABLE + "B,t,train,2004,a.mid,x.wav,1\n")
    return path


def _liar(path: Path, music: bytes) -> Path:
    """Write a member that unpacks to 64 MB and declares to be as small as the music."""
    _zip(path, [("m/a.mid", bytes(2**26)), ("m/m.csv", TABLE + "B,t,train,2004,a.mid,x.wav,1\n")])
    data = path.read_bytes()
    path.write_bytes(data.replace((2**26).to_bytes(4, "little"), len(music).to_bytes(4, "little")))
    return path
