"""Damaged files: a valid result or a PipelineError. See tools/fuzz.py."""

import sys
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))

import kinds
from factories import ROOT

from pipeline import config
from pipeline.core.errors import PipelineError
from pipeline.corpus import manifest
from pipeline.midi import reader as midi
from pipeline.notes.note import validate_notes

GOOD = [each.data for each in kinds.files(0, mutants=10, large=False) if each.data]
PIECE = st.one_of(
    st.binary(max_size=8),
    st.sampled_from([b"MTrk", b"\xff\x51\x03\x00\x00\x00", b"\xff\xff\xff\x7f"]),
)
SCALAR = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=9))
TREE = st.recursive(
    SCALAR,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
)
KEYS = sorted(
    {
        "kind",
        "title",
        "license",
        "source",
        "root",
        "split_by",
        "files",
        "compositions",
        "splits",
        "pieces",
        "url",
    }
)


def one_line(error: PipelineError) -> bool:
    return str(error).isprintable()


@settings(max_examples=60)
@given(
    data=st.sampled_from(GOOD),
    changes=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 30), PIECE), max_size=4),
)
@pytest.mark.parametrize("reader", ["symusic", "pretty_midi"])
def test_midi(reader: midi.Reader, data: bytes, changes: list[tuple[float, int, bytes]]) -> None:
    for place, cut, piece in changes:
        at = int(place * len(data))
        data = data[:at] + piece + data[at + cut :]
    try:
        validate_notes(midi.read_notes(data, reader, sustain_pedal=True))
    except PipelineError as error:
        assert one_line(error)


@settings(max_examples=30)
@given(
    tree=st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=5), TREE, max_size=8),
    data=st.binary(max_size=30),
)
def test_manifests(tmp_path_factory: pytest.TempPathFactory, tree: dict, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzz.yaml"
    for text in (str(tree).encode(), b"kind: folder\n" + str(tree).encode(), data):
        path.write_bytes(text)
        with pytest.raises(PipelineError) as caught:
            manifest.load_manifest(path)
        assert one_line(caught.value)


LINES = (ROOT / "params.yaml").read_text("utf-8").splitlines()


@settings(max_examples=8)
@example(line=4, text="\ud7fc")
@given(
    line=st.integers(0, len(LINES) - 1),
    text=st.text(max_size=12) | st.sampled_from([" 1e-3", " [", " &a", " -1", ":"]),
)
def test_params(tmp_path_factory: pytest.TempPathFactory, line: int, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "params.yaml"
    path.write_text(
        "\n".join([*LINES[:line], LINES[line] + text, *LINES[line + 1 :]]),
        "utf-8",
        errors="surrogatepass",
    )
    try:
        config.load_params(path)
    except PipelineError as error:
        assert one_line(error)
