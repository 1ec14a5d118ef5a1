"""What a user sees when the disk is full, read only or closed to him, the network is gone, or a file is another.

    python tools/faults.py /tmp/faults

Each fault is real: a file system of 64 kB, one that is mounted read only, a user without permission, a port on which
nobody listens, a server that breaks off. Run as root, since only root may mount; a fault that cannot be made says so.
"""

import hashlib
import http.server
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import small

from pipeline.core import files
from pipeline.core.errors import PipelineError
from pipeline.corpus import bundle, download, manifest, tables
from pipeline.corpus.bundle import CorpusPiece
from pipeline.corpus.sources import sdist
from pipeline.corpus.tables import NotesWriter

NOBODY = 65534


def mounted(place: Path, options: str) -> None:
    """Mount a file system of memory."""
    place.mkdir(parents=True)
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)],
        check=True,
        capture_output=True,
    )


def full(place: Path) -> None:
    """Write tables to a full disk."""
    mounted(place, "size=64k")
    path = place / "notes.parquet"
    files.write_bytes(path, b"before")
    try:
        with NotesWriter(path) as writer:
            for number in range(9):
                writer.write_piece(number, small.music(number, 20_000))
    finally:
        assert path.read_bytes() == b"before" and len(list(place.iterdir())) == 1


def read_only(place: Path) -> None:
    """Write to a disk that is mounted read only."""
    mounted(place, "size=64k")
    (place / "a.json").write_text("before")
    subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)
    try:
        files.write_text(place / "a.json", "after")
    finally:
        assert (place / "a.json").read_text() == "before"


def forbidden(place: Path) -> None:
    """Write as a user who may not."""
    place.mkdir(parents=True)
    (place / "a.json").write_text("before")
    os.seteuid(NOBODY)
    try:
        files.write_text(place / "a.json", "after")
    finally:
        os.seteuid(0)
        assert (place / "a.json").read_text() == "before"


def unreadable(place: Path) -> None:
    """Read a table as a user who may not."""
    place.mkdir(parents=True)
    tables.write_pieces(place / "pieces.parquet", [])
    (place / "pieces.parquet").chmod(0)
    os.seteuid(NOBODY)
    try:
        tables.read_pieces(place / "pieces.parquet")
    finally:
        os.seteuid(0)


NOWHERE = "http://user:secret@127.0.0.1:9"
"""Where nobody listens; with a name and a password, which must not be shown."""


def no_network(place: Path) -> None:
    """Download from where nobody listens."""
    download.download_file(f"{NOWHERE}/a.zip", place / "a.zip", retry_delay=0.0)


def no_index(place: Path) -> None:
    """Let pip fetch a package without an index."""
    os.environ |= {"PIP_INDEX_URL": NOWHERE, "PIP_RETRIES": "0"}
    listed = [{"member": "a.mid", "sha256": "0" * 64, "composition": "a", "split": "train"}]
    about = {
        "kind": "package",
        "title": "t",
        "license": "l",
        "source": "s",
        "requirement": "miditok==3.1.0",
    }
    made = manifest.SdistManifest.model_validate(
        {**about, "sha256": "0" * 64, "folder": "x", "pieces": listed}
    )
    sdist.open_source(made, place)


def wrong_hash(place: Path) -> None:
    """Open a corpus of which one file is another than was listed."""
    bundle.write_bundle(
        place / "a.zip",
        [CorpusPiece("a.mid", "a", "train", hashlib.sha256(b"a").hexdigest())],
        [b"b"],
    )
    back = bundle.CorpusBundle(place / "a.zip")
    back.read_piece(back.pieces[0])


class Breaking(http.server.BaseHTTPRequestHandler):
    """Promises a thousand bytes and sends ten."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Break off."""
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b"0123456789")


def interrupted(place: Path) -> None:
    """Download from a server that breaks off every time."""
    os.environ["no_proxy"] = "*"
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Breaking) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            download.download_file(
                f"http://127.0.0.1:{server.server_port}/a.zip", place / "a.zip", retry_delay=0.0
            )
        finally:
            server.shutdown()


FAULTS: dict[str, Callable[[Path], None]] = {
    "disk full": full,
    "read-only disk": read_only,
    "no permission to write": forbidden,
    "no permission to read": unreadable,
    "no network": no_network,
    "no package index": no_index,
    "wrong hash": wrong_hash,
    "interrupted download": interrupted,
}


def main(folder: Path) -> None:
    """Make each fault and print the line."""
    print("| fault | what a user sees |\n|---|---|")
    for name, fault in FAULTS.items():
        place = folder / name.replace(" ", "-")
        subprocess.run(["umount", str(place)], capture_output=True)
        shutil.rmtree(place, ignore_errors=True)
        try:
            fault(place)
            said = "NOTHING"
        except PipelineError as error:
            said = f"error: {error}"
        except subprocess.CalledProcessError:
            said = "(this machine lets nobody mount a disk)"
        subprocess.run(["umount", str(place)], capture_output=True)
        print(f"| {name} | {said} |", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
