"""A recording while it is played: a line of text for each note, so that neither a kill nor a full disk loses a session.

The journal lies beside the MIDI file that it becomes: `monday.mid.4711.journal`, with the number of the process. A
thread appends to it ten times a second, so a slow disk delays no message. At the end the recording is written as MIDI
and the journal removed. What a killed session leaves becomes a MIDI file at the next `play --record` there, or by
`music-rnn repair`.

Where nothing can be written, journal and recording go to the home folder or to that for temporary files.
"""

import os
import re
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import IO, Any

from pipeline.core.errors import DiskError
from pipeline.live.recorder import HUMAN, MODEL, NoteRow, Recorder
from pipeline.notes.note import MAX_ONSET

HEADER = b"music-rnn recording: performer, onset [s], duration [s], pitch, velocity"
PERFORMERS = {MODEL: b"model", HUMAN: b"human"}
WRITE_SECONDS = 0.1
"""Seconds between two writes."""
JOURNAL_NAME = re.compile(r"(.+)\.midi?\.\d+\.journal", re.IGNORECASE)


class Journal:
    """Writes the notes of a recorder while they are played."""

    def __init__(
        self, recorder: Recorder, recording: Path, log_message: Callable[[str], None]
    ) -> None:
        """Prepare.

        Args:
            recorder: gets the notes.
            recording: MIDI file to be written at the end.
            log_message: takes a line for the person.
        """
        self.recorder = recorder
        self.log_message = log_message
        self.name = f"{recording.name}.{os.getpid()}.journal"
        self.folders = list(dict.fromkeys([recording.parent.absolute(), *fallback_folders()]))
        """Where the journal is, then where it may go."""
        self.paths: list[Path] = []
        """Files that were opened; the last is the journal."""
        self.file: IO[bytes] | None = None
        self.num_written = 0
        """Notes in the journal."""
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self._write_until_stopped, daemon=True)

    def start(self) -> None:
        """Open the journal, and write to it in a thread."""
        self.write_notes()
        self.thread.start()

    def stop(self) -> None:
        """Write the last notes and stop."""
        self.stopped.set()
        self.thread.join()
        self.write_notes()
        self._close()

    def remove(self) -> None:
        """Remove the journal: the recording is safe elsewhere."""
        for path in self.paths:
            with suppress(OSError):
                path.unlink(missing_ok=True)

    def _write_until_stopped(self) -> None:
        """Write new notes until stopped."""
        while not self.stopped.wait(WRITE_SECONDS):
            self.write_notes()

    def write_notes(self) -> None:
        """Append the notes that ended since the last time; where that fails, start again in the next folder."""
        while self.folders:
            try:
                self._append_notes()
                return
            except OSError as error:
                self._leave_folder(error)

    def _append_notes(self) -> None:
        """Append new notes, and wait until the disk has them."""
        file = self.file or self._open()
        if rows := self.recorder.rows_since(self.num_written):
            file.write(b"".join(map(_format_row, rows)))
            file.flush()
            os.fsync(file.fileno())
            self.num_written += len(rows)

    def _open(self) -> IO[bytes]:
        """Make the journal, and lock it as long as this process lives."""
        path = self.folders[0] / self.name
        path.parent.mkdir(parents=True, exist_ok=True)
        self.file = file = path.open("xb")
        self.paths.append(path)
        _lock(file)
        file.write(HEADER + b"\n")
        file.flush()
        return file

    def _leave_folder(self, error: OSError) -> None:
        """Give up a folder where nothing can be written."""
        self._close()
        path = self.folders.pop(0) / self.name
        next_place = f"is in {self.folders[0]}" if self.folders else "is in memory only"
        self.log_message(f"{_describe(path, error)}; the recording {next_place}")
        self.num_written = 0

    def _close(self) -> None:
        """Close the file; what could not be written is dropped."""
        file, self.file = self.file, None
        if file:
            with suppress(OSError):
                file.close()


@contextmanager
def keep_recording(
    recorder: Recorder, recording: Path | None, log_message: Callable[[str], None]
) -> Iterator[None]:
    """Keep a journal while notes are played, then write the MIDI file and log its name; None for no recording.

    Raises:
        DiskError: the recording can be written nowhere; the journal is kept.
    """
    if recording is None:
        yield
        return
    for line in recover_recordings([recording.parent, *fallback_folders()]):
        log_message(line)
    journal = Journal(recorder, recording, log_message)
    journal.start()
    try:
        yield
    finally:
        journal.stop()
        for path in _write_recording(recorder, recording, log_message):
            log_message(str(path))
        journal.remove()


def _write_recording(
    recorder: Recorder, recording: Path, log_message: Callable[[str], None]
) -> list[Path]:
    """Write MIDI files at the place that was given or else in a fallback folder; return their paths.

    Raises:
        DiskError: they can be written nowhere.
    """
    try:
        return recorder.write_midi(recording)
    except DiskError as error:
        for folder in fallback_folders():
            with suppress(DiskError):
                paths = recorder.write_midi(_unused_path(folder / recording.name))
                log_message(f"{_describe(recording, error)}; the recording is in {folder}")
                return paths
        raise


def recover_recordings(folders: Iterable[Path]) -> Iterator[str]:
    """Make MIDI files of the journals of killed sessions; yield a line for each."""
    for folder in dict.fromkeys(folder.absolute() for folder in folders):
        for path in sorted(folder.glob("*.journal")):
            if match := JOURNAL_NAME.fullmatch(path.name):
                with suppress(OSError):  # of another user, or another process was faster
                    yield from _recover(path, _unused_path(folder / f"{match[1]}-recovered.mid"))


def _recover(journal: Path, recording: Path) -> Iterator[str]:
    """Make a MIDI file of a journal, unless a living process writes it."""
    with journal.open("r+b") as file:
        if not _lock(file):
            return
        lines = file.read().split(b"\n")
    if lines[0] != HEADER:
        return
    recorder = Recorder()
    for line in lines[1:-1]:  # the last is empty, or torn
        if row := _parse_row(line):
            recorder.add(*row)
    try:
        recorder.write_midi(recording)
    except DiskError as error:
        yield str(error)
        return
    journal.unlink()
    if len(recorder):
        yield f"{recording}: {len(recorder):,} notes of a session that was killed"


def _lock(file: IO[Any]) -> bool:
    """Lock a file until it is closed or the process ends; return whether no other process holds the lock.

    Windows has no such locks, but lets nobody remove a file that is open.
    """
    try:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except (ImportError, OSError):  # some network disks have no locks
        return True
    return True


def fallback_folders() -> list[Path]:
    """Return folders where a recording goes that can be written nowhere else."""
    folders = []
    with suppress(RuntimeError):  # the user has no home
        folders.append(Path.home())
    with suppress(OSError):  # no folder for temporary files is writable
        folders.append(Path(tempfile.gettempdir()))
    return folders


def _unused_path(path: Path) -> Path:
    """Return a path, or the first with a number that no file has."""
    candidate = path
    for number in count(2):
        if not candidate.exists():
            break
        candidate = path.with_stem(f"{path.stem}({number})")
    return candidate


def _format_row(row: NoteRow) -> bytes:
    """Return the line of a note."""
    name = PERFORMERS[row.performer].decode()
    return f"{name} {row.onset!r} {row.duration!r} {row.pitch} {row.velocity}\n".encode()


def _parse_row(line: bytes) -> NoteRow | None:
    """Return the note of a line; None if the line is damaged."""
    try:
        name, onset, duration, pitch, velocity = line.split()
        performer = {name: number for number, name in PERFORMERS.items()}[name]
        row = NoteRow(performer, float(onset), float(duration), int(pitch), int(velocity))
    except (ValueError, KeyError):
        return None
    is_valid = (
        0 <= row.onset < MAX_ONSET
        and 0 < row.duration < MAX_ONSET
        and 0 <= row.pitch < 128
        and 0 < row.velocity < 128
    )
    return row if is_valid else None


def _describe(path: Path, error: BaseException) -> str:
    """Return that a file cannot be written, and why."""
    cause = error.__cause__ or error
    if isinstance(cause, OSError) and cause.errno:
        return f"{path}: cannot be written ({os.strerror(cause.errno)})"
    return str(error)
