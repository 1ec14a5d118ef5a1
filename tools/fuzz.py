"""Throw damaged input at what reads the words of others: MIDI, manifests, `params.yaml`, a page's messages.

    python tools/fuzz.py --seconds 60 --seed 0

Each target has honest inputs; an execution takes one, damages it at random and reads it. Allowed are a result that is
valid, or one of the project's own errors in one line that can be printed. Everything else is a fault and is shown
with the input. A run is a function of its seed.
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
from pipeline.core.errors import PipelineError
from pipeline.corpus import manifest
from pipeline.generation.generate import UNCONSTRAINED
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
"""Signs that would break a line or paint over it, in UTF-8: controls, separators, a reversal, a sign that is none."""
WORDS = (
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
WORDS_OF_MIDI = (
    b"MTrk",
    b"MThd",
    b"\xff\x51\x03\x00\x00\x00",
    b"\xff\xff\xff\x7f",
    b"\x80",
    b"\xf0",
    b"\xf7",
    b"\xff\x2f\x00",
)
WORDS_OF_JSON = (
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
    b'{"type": "strike", "pitch": 60, "velocity": 80}',
    b'{"type": "lift", "pitch": 60}',
    b'{"type": "set", "number": 7, "values": {"tempo": 1.2, "key": "C minor", "min_pitch": 30}}',
    b'{"type": "turn", "knob": 20, "value": 64}',
    b'{"type": "mode", "mode": "duet"}',
    b'{"type": "model", "name": "expressive"}',
    b'{"type": "play", "on": true}',
    b'{"type": "record", "on": true}',
    b'{"type": "panic"}',
    b'{"type": "ping", "sent": 12.5}',
)
SHOWN = 5
"""Faults of a target that are shown with their inputs."""
SLOW = 2.0
"""Seconds of the processor, beyond which an input of a few kilobytes counts as a hang."""


def damage(data: bytes, rng: random.Random, words: tuple[bytes, ...]) -> bytes:
    """Return the data with a few random changes."""
    torn = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(torn) + 1)
        match rng.randrange(5):
            case 0 if at < len(torn):
                torn[at] ^= 1 << rng.randrange(8)
            case 1:
                torn[at:at] = rng.choice(words)
            case 2:
                del torn[at : at + rng.randint(1, 40)]
            case 3:
                torn[at:at] = torn[at : at + rng.randint(1, 40)]
            case _:
                torn[at : at + 1] = rng.randbytes(rng.randint(0, 4))
    return bytes(torn)


def read_midi(data: bytes) -> None:
    """Read notes, with the pedal, and hold that they are valid."""
    validate_notes(reader.read_notes(data, "symusic", sustain_pedal=True))


def read_slowly(data: bytes) -> None:
    """Read notes with the other reader."""
    validate_notes(reader.read_notes(data, "pretty_midi"))


def _page() -> Callable[[bytes], None]:
    """Return what reads a page's message and does what it wishes, in a room where no music plays."""
    loop = asyncio.new_event_loop()
    room = LiveSession("expressive", UNCONSTRAINED)
    room.clients[1], room.held_keys[1] = ClientQueue(loop), set()

    def hear(data: bytes) -> None:
        wish = messages.parse_message(data.decode("utf-8", errors="surrogateescape"))
        if isinstance(wish, messages.LoadModel):
            catalog.load_by_name(wish.name)
        else:
            loop.run_until_complete(handle_message(wish, room, 1))

    return hear


def _file(read: Callable[[Path], object]) -> Callable[[bytes], None]:
    folder = Path(tempfile.mkdtemp())

    def run(data: bytes) -> None:
        (folder / "a.yaml").write_bytes(data)
        read(folder / "a.yaml")

    return run


def small_params() -> bytes:
    """Return the parameters of this project with one model."""
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


def targets() -> dict[str, tuple[Callable[[bytes], None], list[bytes], tuple[bytes, ...]]]:
    """Return what reads, its honest inputs and words of its language."""
    music = [each.data for each in kinds.files(0, mutants=20, large=False)]
    described = [FOLDER] * 8 + [
        path.read_bytes()[:1500] for path in sorted((ROOT / "data/corpora").glob("*.yaml"))
    ]
    return {
        "midi.read_notes, symusic": (read_midi, music, WORDS_OF_MIDI),
        "midi.read_notes, pretty_midi": (read_slowly, music, WORDS_OF_MIDI),
        "manifest.load": (_file(manifest.load_manifest), described, WORDS),
        "params.load": (_file(config.load_params), [small_params()], WORDS),
        "a page's messages": (_page(), list(MESSAGES), WORDS_OF_JSON),
    }


def fault(read: Callable[[bytes], None], data: bytes) -> str:
    """Return what is wrong with how an input was taken, or nothing."""
    began = time.process_time()
    try:
        read(data)
    except PipelineError as error:
        if not all(sign.isprintable() for sign in str(error)):
            return f"an error of several lines: {error!r}"
    except BaseException:
        return traceback.format_exc().strip().splitlines()[-1]
    spent = time.process_time() - began
    return f"{spent:.1f} s for {len(data)} bytes" if spent > SLOW else ""


def main() -> None:
    """Fuzz each target for so long and print a row for it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    print("| target | executions | s | faults |\n|---|---|---|---|")
    for name, (read, seeds, words) in targets().items():
        rng = random.Random(f"{args.seed} {name}")
        began, done = time.monotonic(), 0
        faults: dict[str, bytes] = {}
        while time.monotonic() - began < args.seconds:
            data = damage(rng.choice(seeds), rng, words)
            done += 1
            if found := fault(read, data):
                faults.setdefault(
                    "".join(sign for sign in found if sign in string.printable)[:200], data
                )
        print(f"| {name} | {done:,} | {time.monotonic() - began:.0f} | {len(faults)} |", flush=True)
        for found, data in list(faults.items())[:SHOWN]:
            print(f"  {found}\n  {data[:200]!r}")


if __name__ == "__main__":
    main()
