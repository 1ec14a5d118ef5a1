"""Print the error message for a full or read-only disk, missing permissions, no network and wrong files.

    python tools/faults.py /tmp/faults

Each fault is real: a file system of 64 kB, a file system mounted read-only, a user without permission, a port without
a server, a server that closes the connection. Run as root, since only root may mount.
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


def mount_tmpfs(folder: Path, options: str) -> None:
    """Mount a file system in memory."""
    folder.mkdir(parents=True)
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)],
        check=True,
        capture_output=True,
    )


def write_to_full_disk(folder: Path) -> None:
    """Write tables to a full disk."""
    mount_tmpfs(folder, "size=64k")
    path = folder / "notes/part-00000.parquet"
    files.write_bytes(path, b"before")
    try:
        with NotesWriter(path.parent) as writer:
            for number in range(9):
                writer.write_piece(number, small.music(number, 20_000))
    finally:
        assert path.read_bytes() == b"before" and len(list(folder.iterdir())) == 1


def write_to_read_only_disk(folder: Path) -> None:
    """Write to a disk that is mounted read-only."""
    mount_tmpfs(folder, "size=64k")
    (folder / "a.json").write_text("before")
    subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
    try:
        files.write_text(folder / "a.json", "after")
    finally:
        assert (folder / "a.json").read_text() == "before"


def write_without_permission(folder: Path) -> None:
    """Write as a user without permission."""
    folder.mkdir(parents=True)
    (folder / "a.json").write_text("before")
    os.seteuid(NOBODY)
    try:
        files.write_text(folder / "a.json", "after")
    finally:
        os.seteuid(0)
        assert (folder / "a.json").read_text() == "before"


def read_without_permission(folder: Path) -> None:
    """Read a table as a user without permission."""
    folder.mkdir(parents=True)
    tables.write_pieces(folder / "pieces.parquet", [])
    (folder / "pieces.parquet").chmod(0)
    os.seteuid(NOBODY)
    try:
        tables.read_pieces(folder / "pieces.parquet")
    finally:
        os.seteuid(0)


DEAD_URL = "http://user:secret@127.0.0.1:9"
"""A port without a server; the name and the password must not be shown."""


def download_without_network(folder: Path) -> None:
    """Download from a port without a server."""
    download.download_file(f"{DEAD_URL}/a.zip", folder / "a.zip", retry_delay=0.0)


def fetch_without_index(folder: Path) -> None:
    """Let pip download a package without an index."""
    os.environ |= {"PIP_INDEX_URL": DEAD_URL, "PIP_RETRIES": "0"}
    pieces = [{"member": "a.mid", "sha256": "0" * 64, "composition": "a", "split": "train"}]
    values = {
        "kind": "package",
        "title": "t",
        "license": "l",
        "source": "s",
        "requirement": "miditok==3.1.0",
    }
    sdist_manifest = manifest.SdistManifest.model_validate(
        {**values, "sha256": "0" * 64, "folder": "x", "pieces": pieces}
    )
    sdist.open_source(sdist_manifest, folder)


def read_wrong_hash(folder: Path) -> None:
    """Read a file of a corpus whose content is not the listed one."""
    bundle.write_bundle(
        folder / "a.zip",
        [CorpusPiece("a.mid", "a", "train", hashlib.sha256(b"a").hexdigest())],
        [b"b"],
    )
    corpus = bundle.CorpusBundle(folder / "a.zip")
    corpus.read_piece(corpus.pieces[0])


class BreakingHandler(http.server.BaseHTTPRequestHandler):
    """Announces a thousand bytes and sends ten."""

    def log_message(self, *_: object) -> None:
        """Print nothing."""

    def do_GET(self) -> None:
        """Close the connection after ten bytes."""
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b"0123456789")


def download_from_broken_server(folder: Path) -> None:
    """Download from a server that closes every connection early."""
    os.environ["no_proxy"] = "*"
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), BreakingHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            download.download_file(
                f"http://127.0.0.1:{server.server_port}/a.zip", folder / "a.zip", retry_delay=0.0
            )
        finally:
            server.shutdown()


FAULTS: dict[str, Callable[[Path], None]] = {
    "disk full": write_to_full_disk,
    "read-only disk": write_to_read_only_disk,
    "no permission to write": write_without_permission,
    "no permission to read": read_without_permission,
    "no network": download_without_network,
    "no package index": fetch_without_index,
    "wrong hash": read_wrong_hash,
    "interrupted download": download_from_broken_server,
}


def main(folder: Path) -> None:
    """Cause each fault and print its message."""
    print("| fault | message |\n|---|---|")
    for name, cause_fault in FAULTS.items():
        fault_dir = folder / name.replace(" ", "-")
        subprocess.run(["umount", str(fault_dir)], capture_output=True)
        shutil.rmtree(fault_dir, ignore_errors=True)
        try:
            cause_fault(fault_dir)
            message = "NONE"
        except PipelineError as error:
            message = f"error: {error}"
        except subprocess.CalledProcessError:
            message = "(this machine does not allow mounts)"
        subprocess.run(["umount", str(fault_dir)], capture_output=True)
        print(f"| {name} | {message} |", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
