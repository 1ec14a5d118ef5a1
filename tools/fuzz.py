"""Fuzz everything that reads foreign input: MIDI, manifests, `params.yaml`, messages of the studio's page.

    python tools/fuzz.py --seconds 60 --seed 0

Each target has valid inputs. An execution takes one, changes it at random and reads it. Allowed are a valid result, or
an error of the project in one printable line. Everything else is a fault and is printed with its input. Equal seeds
give equal inputs.
"""

import argparse
import asyncio
import io
import random
import string
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "hostile"))

import kinds  # type: ignore[import-not-found]
from ruamel.yaml import YAML

from pipeline import config
from pipeline.config.schema import DEFAULT_SAMPLING
from pipeline.core.errors import PipelineError
from pipeline.corpus import manifest
from pipeline.midi import reader
from pipeline.notes.note import validate_notes
from pipeline.studio import catalog, messages
from pipeline.studio.client_queue import ClientQueue
from pipeline.studio.handlers import handle_message
from pipeline.studio.session import LiveSession

ROOT = Path(__file__).parent.parent
UNPRINTABLE = (
    b"\x00",
    b"\x1b[2J",
    b"\xc2\x85",
    b"\xe2\x80\xa8",
    b"\xe2\x80\xae",
    b"\xed\x9f\xbc",
    b"\xf3\xa0\x80\x81",
)
"""Characters that break or overwrite a line, in UTF-8: controls, separators, a reversal, a lone surrogate."""
YAML_TOKENS = (
    *UNPRINTABLE,
    b"null",
    b"1e-3",
    b"-1",
    b"[]",
    b"{}",
    b"'",
    b"\n",
    b": ",
    b"- ",
    b"&a *a",
    b"!!python/name:os.system ",
    b"\xff",
    b"~",
    b".inf",
)
MIDI_TOKENS = (
    b"MTrk",
    b"MThd",
    b"\xff\x51\x03\x00\x00\x00",
    b"\xff\xff\xff\x7f",
    b"\x80",
    b"\xf0",
    b"\xf7",
    b"\xff\x2f\x00",
)
JSON_TOKENS = (
    *UNPRINTABLE,
    b"null",
    b"1e999",
    b"-0.0",
    b"9007199254740993",
    b"9" * 400,
    b"NaN",
    b"true",
    b'""',
    b'"\\ud800"',
    b"\\u0000",
    b"[[",
    b'{"type":',
    b',"type":"panic"',
    b"}",
)
MESSAGES = (
    b'{"type": "note_on", "pitch": 60, "velocity": 80}',
    b'{"type": "note_off", "pitch": 60}',
    b'{"type": "set_controls", "revision": 7, "values": {"tempo": 1.2, "key": "C minor", "min_pitch": 30}}',
    b'{"type": "control_change", "controller": 20, "value": 64}',
    b'{"type": "set_mode", "mode": "call-response"}',
    b'{"type": "load_model", "name": "maestro"}',
    b'{"type": "set_playing", "playing": true}',
    b'{"type": "set_recording", "recording": true}',
    b'{"type": "rename_take", "take_id": "b3Jk", "name": "Waltz"}',
    b'{"type": "keep_take", "take_id": "b3Jk"}',
    b'{"type": "discard_take", "take_id": "b3Jk"}',
    b'{"type": "panic"}',
    b'{"type": "ping", "sent": 12.5}',
)
MAX_SHOWN = 5
"""Faults of a target that are printed with their inputs, at most."""
MAX_SECONDS = 2.0
"""CPU time beyond which an input of a few kilobytes is a fault [s]."""


def mutate(data: bytes, rng: random.Random, tokens: tuple[bytes, ...]) -> bytes:
    """Return the data with one to four random changes."""
    mutated = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        start = rng.randrange(len(mutated) + 1)
        match rng.randrange(5):
            case 0 if start < len(mutated):
                mutated[start] ^= 1 << rng.randrange(8)
            case 1:
                mutated[start:start] = rng.choice(tokens)
            case 2:
                del mutated[start : start + rng.randint(1, 40)]
            case 3:
                mutated[start:start] = mutated[start : start + rng.randint(1, 40)]
            case _:
                mutated[start : start + 1] = rng.randbytes(rng.randint(0, 4))
    return bytes(mutated)


def read_midi(data: bytes) -> None:
    """Read notes with symusic and the sustain pedal, and check them."""
    validate_notes(reader.read_notes(data, "symusic", sustain_pedal=True))


def read_midi_with_pretty_midi(data: bytes) -> None:
    """Read notes with pretty_midi, and check them."""
    validate_notes(reader.read_notes(data, "pretty_midi"))


def make_message_reader() -> Callable[[bytes], None]:
    """Return a function that parses and handles a message in a session without music."""
    loop = asyncio.new_event_loop()
    session = LiveSession("maestro", DEFAULT_SAMPLING)
    session.clients[1], session.held_keys[1] = ClientQueue(loop), set()

    def read_message(data: bytes) -> None:
        message = messages.parse_message(data.decode("utf-8", errors="surrogateescape"))
        if isinstance(message, messages.LoadModel):
            catalog.load_by_name(message.name)
        else:
            loop.run_until_complete(handle_message(message, session, 1))

    return read_message


def make_file_reader(read: Callable[[Path], object]) -> Callable[[bytes], None]:
    """Return a function that writes its input to a file and reads that."""
    folder = Path(tempfile.mkdtemp())

    def read_file(data: bytes) -> None:
        (folder / "a.yaml").write_bytes(data)
        read(folder / "a.yaml")

    return read_file


def read_small_params() -> bytes:
    """Return params.yaml with one model only."""
    tree = YAML(typ="safe", pure=True).load(ROOT / "params.yaml")
    tree["architectures"], tree["model"] = ["baseline"], {"baseline": tree["model"]["baseline"]}
    text = io.BytesIO()
    YAML(typ="safe", pure=True).dump(tree, text)
    return text.getvalue()


FOLDER = f"""kind: folder
title: a
license: b
source: c
root: music
split_by: hash
files:
  a.mid: {"0" * 64}
compositions:
  a.mid: x
splits: {{}}
""".encode()


def list_targets() -> dict[str, tuple[Callable[[bytes], None], list[bytes], tuple[bytes, ...]]]:
    """Return reader, valid inputs and tokens of each target."""
    midi_files = [file.data for file in kinds.files(0, mutants=20, large=False)]
    manifests = [FOLDER] * 8 + [
        path.read_bytes()[:1500] for path in sorted((ROOT / "data/corpora").glob("*.yaml"))
    ]
    return {
        "midi.read_notes, symusic": (read_midi, midi_files, MIDI_TOKENS),
        "midi.read_notes, pretty_midi": (read_midi_with_pretty_midi, midi_files, MIDI_TOKENS),
        "manifest.load_manifest": (
            make_file_reader(manifest.load_manifest),
            manifests,
            YAML_TOKENS,
        ),
        "config.load_params": (
            make_file_reader(config.load_params),
            [read_small_params()],
            YAML_TOKENS,
        ),
        "studio messages": (make_message_reader(), list(MESSAGES), JSON_TOKENS),
    }


def find_fault(read: Callable[[bytes], None], data: bytes) -> str:
    """Return the fault that an input causes, or an empty string."""
    start = time.process_time()
    try:
        read(data)
    except PipelineError as error:
        if not str(error).isprintable():
            return f"an error that is not one printable line: {error!r}"
    except BaseException:
        return traceback.format_exc().strip().splitlines()[-1]
    seconds = time.process_time() - start
    return f"{seconds:.1f} s for {len(data)} bytes" if seconds > MAX_SECONDS else ""


def main() -> None:
    """Fuzz each target and print a row for it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    print("| target | executions | s | faults |\n|---|---|---|---|")
    for name, (read, inputs, tokens) in list_targets().items():
        rng = random.Random(f"{args.seed} {name}")
        start, executions = time.monotonic(), 0
        faults: dict[str, bytes] = {}
        while time.monotonic() - start < args.seconds:
            data = mutate(rng.choice(inputs), rng, tokens)
            executions += 1
            if fault := find_fault(read, data):
                label = "".join(character for character in fault if character in string.printable)
                faults.setdefault(label[:200], data)
        seconds = time.monotonic() - start
        print(f"| {name} | {executions:,} | {seconds:.0f} | {len(faults)} |", flush=True)
        for fault, data in list(faults.items())[:MAX_SHOWN]:
            print(f"  {fault}\n  {data[:200]!r}")


if __name__ == "__main__":
    main()
