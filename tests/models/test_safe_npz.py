"""Wrong files of weights: each is refused, and none makes the reader allocate more than the size of the file."""

import io
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable

import numpy as np
import pytest
from factories import make_tiny_model
from hypothesis import given, settings
from hypothesis import strategies as st
from models.conftest import check_refused, put_weights

from pipeline.core import files
from pipeline.models import model_io, safe_npz
from pipeline.models.model_io import WEIGHTS
from pipeline.models.weight_shapes import weight_shapes

MODEL = make_tiny_model(units=[2])
SHAPES = weight_shapes(MODEL.config)
WHOLE = files.encode_npz(MODEL.weights)


def encode_weights(**changes: object) -> bytes:
    """Return the weights with some changed; None leaves one out."""
    return files.encode_npz(
        {name: each for name, each in {**MODEL.weights, **changes}.items() if each is not None}
    )


def encode_bias(value: object) -> bytes:
    return encode_weights(**{"pitch/bias": value})


def write_zip(method: int = zipfile.ZIP_STORED, **members: bytes) -> bytes:
    """Return the archive with members written by hand in place of those of the same name, or beside them."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(WHOLE)) as source, zipfile.ZipFile(out, "w", method) as archive:
        for name in {**dict.fromkeys(source.namelist()), **members}:
            archive.writestr(name, members[name] if name in members else source.read(name))
    return out.getvalue()


def make_npy(text: str, numbers: bytes = b"\0" * 512, version: bytes = b"\x01\x00") -> bytes:
    """Return an npy file with a header of any text."""
    header = text.encode() + b"\n"
    size = (
        struct.pack("<H", len(header)) if version == b"\x01\x00" else struct.pack("<I", len(header))
    )
    return b"\x93NUMPY" + version + size + header + numbers


def write_zip_with_header(text: str, **more: bytes) -> bytes:
    return write_zip(**{"pitch/bias.npy": make_npy(text, **more)})


def write_zip_with_duplicate() -> bytes:
    out = io.BytesIO(WHOLE)
    with zipfile.ZipFile(out, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("pitch/bias.npy", make_npy("{}"))
    return out.getvalue()


def patch_directory(place: int, value: int) -> bytes:
    """Return the archive with two bytes changed at a place of the first entry of its directory."""
    data = bytearray(WHOLE)
    begin = data.index(b"PK\x01\x02") + place
    data[begin : begin + 2] = struct.pack("<H", value)
    return bytes(data)


FLOATS = "{'descr': '<f4', 'fortran_order': False, 'shape': (128,), }"
assert write_zip_with_header(FLOATS) != WHOLE
NOT_FINE: dict[str, Callable[[], bytes]] = {
    "one missing": lambda: encode_bias(None),
    "one more": lambda: encode_weights(more=np.zeros(3, np.float32)),
    "none": lambda: files.encode_npz({}),
    "one twice": write_zip_with_duplicate,
    "another shape": lambda: encode_bias(np.zeros(127, np.float32)),
    "another shape of as many": lambda: encode_bias(np.zeros((128, 1), np.float32)),
    "by columns": lambda: encode_weights(
        **{"pitch/kernel": np.asfortranarray(MODEL.weights["pitch/kernel"])}
    ),
    "complex": lambda: encode_bias(np.zeros(128, np.complex64)),
    "whole numbers": lambda: encode_bias(np.zeros(128, np.int32)),
    "float64": lambda: encode_bias(np.zeros(128)),
    "the other end first": lambda: encode_bias(np.zeros(128, ">f4")),
    "truths": lambda: encode_bias(np.zeros(128, bool)),
    "text": lambda: encode_bias(np.array(["0"] * 128)),
    "a record": lambda: encode_bias(np.zeros(128, [("a", "<f4")])),
    "objects": lambda: write_zip_with_header(FLOATS.replace("<f4", "|O")),
    "gigabytes": lambda: write_zip_with_header(FLOATS.replace("(128,)", "(1073741824,)")),
    "more than memory": lambda: write_zip_with_header(
        FLOATS.replace("(128,)", "(4611686018427387904, 16)")
    ),
    "below zero": lambda: write_zip_with_header(FLOATS.replace("(128,)", "(-128,)")),
    "nested": lambda: write_zip_with_header("(" * 60_000),
    "code": lambda: write_zip_with_header("__import__('os').abort()"),
    "no text": lambda: write_zip_with_header(""),
    "unfinished text": lambda: write_zip_with_header("{'descr': '''"),
    "a longer text than it has": lambda: write_zip(
        **{"pitch/bias.npy": b"\x93NUMPY\x01\x00\xff\xff{}"}
    ),
    "another version": lambda: write_zip_with_header(FLOATS, version=b"\x02\x00"),
    "another kind of member": lambda: write_zip(
        **{"pitch/bias.npy": make_npy(FLOATS).replace(b"NUMPY", b"NUMPX")}
    ),
    "more numbers": lambda: write_zip_with_header(FLOATS, numbers=b"\0" * 516),
    "fewer numbers": lambda: write_zip_with_header(FLOATS, numbers=b"\0" * 508),
    "no npy": lambda: write_zip(**{"pitch/bias.npy": b"numbers"}),
    "an empty member": lambda: write_zip(**{"pitch/bias.npy": b""}),
    "deflate": lambda: write_zip(zipfile.ZIP_DEFLATED),
    "bzip2": lambda: write_zip(zipfile.ZIP_BZIP2),
    "lzma": lambda: write_zip(zipfile.ZIP_LZMA),
    "says deflate": lambda: patch_directory(10, 8),
    "says lzma": lambda: patch_directory(10, 14),
    "an unknown compression": lambda: patch_directory(10, 99),
    "encrypted": lambda: patch_directory(8, 1),
    "strongly encrypted": lambda: patch_directory(8, 0x40),
    "a patch": lambda: patch_directory(8, 0x20),
    "of a later version": lambda: patch_directory(6, 90),
    "another checksum": lambda: patch_directory(16, 12345),
    "no zip": lambda: b"weights",
    "nothing": lambda: b"",
}


@pytest.mark.parametrize("kind", NOT_FINE)
def test_what_is_not_as_it_must_be_is_one_line(tmp_path, kind):
    model_io.save_model(MODEL, tmp_path)
    put_weights(tmp_path, NOT_FINE[kind]())
    check_refused(tmp_path, WEIGHTS)


def test_what_is_larger_than_its_weight_is_refused_before_it_is_read(monkeypatch):
    data = write_zip_with_header(FLOATS, numbers=bytes(2048))
    monkeypatch.setattr(
        safe_npz.ZipFile, "read", lambda self, member: pytest.fail(f"{member} was read")
    )
    with pytest.raises(ValueError, match="pitch/bias is compressed, or larger than"):
        safe_npz.read_npz(data, {"pitch/bias": SHAPES["pitch/bias"], **SHAPES})


def test_a_text_with_less_room_after_it_is_as_good():
    data = safe_npz.read_npz(write_zip_with_header(FLOATS), SHAPES)
    assert np.array_equal(data["pitch/bias"], np.zeros(128))


def test_weights_of_float32_come_back_in_every_bit():
    for name, each in safe_npz.read_npz(WHOLE, SHAPES).items():
        assert each.dtype == np.float32 and each.flags.writeable
        assert np.array_equal(each, MODEL.weights[name])
    assert safe_npz.read_npz(WHOLE, SHAPES).keys() == SHAPES.keys()


def test_no_file_is_larger_than_the_largest():
    assert len(WHOLE) <= safe_npz.max_size(SHAPES)


@settings(max_examples=3 * settings().max_examples)
@given(st.data())
def test_bytes_that_are_changed_are_refused_or_read(data):
    """A zip fails in many ways; all of them raise one type of error."""
    changed = bytearray(WHOLE)
    directory = WHOLE.index(b"PK\x01\x02")
    for _ in range(data.draw(st.integers(1, 4))):
        begin = data.draw(st.sampled_from([0, directory, len(WHOLE) - 22]))
        changed[data.draw(st.integers(begin, len(WHOLE) - 1))] = data.draw(st.integers(0, 255))
    changed = changed[: data.draw(st.sampled_from([len(WHOLE), len(WHOLE) - 1, directory, 100]))]
    try:
        arrays = safe_npz.read_npz(bytes(changed), SHAPES)
    except ValueError:
        return
    assert {name: each.shape for name, each in arrays.items()} == SHAPES


BOMB = """
import io, sys, zipfile, resource
import numpy as np
from pipeline.models import safe_npz
out = io.BytesIO()
with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
    with archive.open("a.npy", "w") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": (2**28,)})
        for _ in range(1024):
            file.write(bytes(2**20))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for asked in ((2**28,), (4,)):
    try:
        safe_npz.read_npz(out.getvalue(), {"a": asked})
        sys.exit("read")
    except ValueError:
        pass
print(len(out.getvalue()), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.slow
def test_a_small_file_gets_no_large_memory():
    done = subprocess.run([sys.executable, "-c", BOMB], capture_output=True, text=True, check=True)
    size, grown = map(int, done.stdout.split())
    assert size < 2 * 2**20
    assert grown < 50_000, "kilobytes, of a gigabyte that was promised"
