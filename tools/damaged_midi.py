"""Read MIDI files with one kind of damage each: who reads which, and what the pipeline says.

    python tools/damaged_midi.py --before f5b060e

tests/hostile/damage.py makes the files. A cell is the number of notes, or a dash for a file that is refused or has no
notes. The undamaged file has 120. `before` is the reader of an earlier commit.
"""

import argparse
import io
import os
import pickle
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "hostile"))

import damage  # type: ignore[import-not-found]

from pipeline.core.errors import MidiError
from pipeline.midi import reader

ROOT = Path(__file__).parent.parent
READ_AT_COMMIT = """
import pickle, sys
from pipeline.core.errors import MidiError
from pipeline.midi import reader

def count(data):
    try:
        return len(reader.read_notes(data, "symusic"))
    except MidiError:
        return 0

sys.stdout.buffer.write(pickle.dumps([count(data) for data in pickle.load(sys.stdin.buffer)]))
"""


def count_with_mido(data: bytes) -> int:
    """Count the notes that mido reads."""
    import mido

    tracks = mido.MidiFile(file=io.BytesIO(data)).tracks
    messages = [message for track in tracks for message in track if message.type == "note_on"]
    return sum(message.velocity > 0 for message in messages)


def count_with_pretty_midi(data: bytes) -> int:
    """Count the notes that pretty_midi reads."""
    from pretty_midi import PrettyMIDI

    return sum(len(instrument.notes) for instrument in PrettyMIDI(io.BytesIO(data)).instruments)


def count_with_symusic(data: bytes) -> int:
    """Count the notes that symusic reads."""
    from symusic import Score

    return int(Score.from_midi(data, ttype="tick").note_num())


PLAYERS: dict[str, Callable[[bytes], int]] = {
    "mido": count_with_mido,
    "pretty_midi": count_with_pretty_midi,
    "symusic": count_with_symusic,
}


def try_to_count(count: Callable[[bytes], int], data: bytes) -> int:
    """Count notes; 0 if a library refuses the file."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return count(data)
    except Exception:
        return 0


def count_at_commit(commit: str, files: list[bytes]) -> list[int]:
    """Count the notes that the pipeline of a commit reads."""
    with tempfile.TemporaryDirectory() as folder:
        archive = subprocess.run(
            ["git", "archive", commit, "pipeline"], cwd=ROOT, stdout=subprocess.PIPE, check=True
        )
        subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
        answer = subprocess.run(
            [sys.executable, "-c", READ_AT_COMMIT],
            input=pickle.dumps(files),
            stdout=subprocess.PIPE,
            cwd=folder,
            env=os.environ | {"PYTHONPATH": folder},
            check=True,
        )
    counts: list[int] = pickle.loads(answer.stdout)
    return counts


def read_with_pipeline(data: bytes) -> tuple[int, str]:
    """Return the number of notes, and what was fixed or why the file is refused."""
    try:
        music = reader.read_midi(data, "symusic")
    except MidiError as error:
        return 0, str(error)
    return len(music.notes), "; ".join(map(str, music.fixes))


def main() -> None:
    """Print a row for each kind of damage."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--before", default="HEAD", help="commit of the column `before`")
    files = list(damage.make_damaged_files())
    counts_before = count_at_commit(parser.parse_args().before, [file.data for file in files])
    names = ["damage", *PLAYERS, "before", "now", "what the pipeline says"]
    print(f"| {' | '.join(names)} |\n|{'---|' * len(names)}")
    for file, before in zip(files, counts_before, strict=True):
        num_notes, message = read_with_pipeline(file.data)
        counts = [try_to_count(count, file.data) for count in PLAYERS.values()]
        cells = [str(count or "-") for count in (*counts, before, num_notes)]
        print(f"| {file.name} | {' | '.join(cells)} | {message} |")


if __name__ == "__main__":
    main()
