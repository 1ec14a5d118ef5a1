"""Weights out of an npz: only those that a block asks for, in their shapes, and nothing is taken on trust.

The files of this project are zips of members that are not compressed. Any other member is refused by what the zip says
of it, before a byte of it is read; so a small file cannot ask for much memory.
"""

import io
import math
from zipfile import ZIP_STORED, BadZipFile, ZipFile, ZipInfo

import numpy as np

from pipeline.models.numpy.layers import Float32Array
from pipeline.models.weight_shapes import WeightShapes

DTYPES = ("<f4", "<f2")
"""How a weight may be kept: float32, or float16 of models that are given away."""
NPY_MAGIC = b"\x93NUMPY\x01\x00"
"""How an npy begins; two bytes follow it, the length of the text that says what the array is."""
HEADER_ROOM = 1024
"""Bytes that a zip and an npy spend on one weight at most, beside its numbers."""


def max_size(shapes: WeightShapes) -> int:
    """Return how many bytes an npz of such weights has at most."""
    return sum(_compute_max_weight_size(shape) for shape in shapes.values()) + HEADER_ROOM


def read_npz(data: bytes, shapes: WeightShapes) -> dict[str, Float32Array]:
    """Read the weights.

    Args:
        data: the npz, as `files.npz` makes it.
        shapes: of all weights, by name.

    Returns:
        Each weight as float32, whatever it was kept as.

    Raises:
        ValueError: says what is not as it has to be.
    """
    try:
        with ZipFile(io.BytesIO(data)) as archive:
            members = {member.filename: member for member in archive.infolist()}
            if missing := min({f"{name}.npy" for name in shapes} - members.keys(), default=""):
                raise ValueError(f"{missing} is not there")
            if len(archive.infolist()) > len(shapes):
                raise ValueError("it holds more than the block asks for")
            return {
                name: _read_weight(archive, members[f"{name}.npy"], name, shape)
                for name, shape in shapes.items()
            }
    except (BadZipFile, EOFError, OSError, OverflowError, RuntimeError) as error:
        raise ValueError(f"no zip of weights: {error}") from error


def _compute_max_weight_size(shape: tuple[int, ...]) -> int:
    return np.dtype(np.float32).itemsize * math.prod(shape) + HEADER_ROOM


def _read_weight(
    archive: ZipFile, member: ZipInfo, name: str, shape: tuple[int, ...]
) -> Float32Array:
    """Read one weight; see `unpack`."""
    if member.compress_type != ZIP_STORED or member.file_size > _compute_max_weight_size(shape):
        raise ValueError(f"{name} is compressed, or larger than {list(shape)}")
    data = archive.read(member)
    begin = len(NPY_MAGIC) + 2
    end = begin + int.from_bytes(data[len(NPY_MAGIC) : begin], "little")
    said = data[begin:end].rstrip()
    for number in DTYPES:
        # The text is held against the one that numpy writes, and never parsed.
        wanted = f"{{'descr': '{number}', 'fortran_order': False, 'shape': {shape}, }}".encode()
        if (
            data.startswith(NPY_MAGIC) and said == wanted
        ):  # and of another count of numbers there is no such shape
            return np.frombuffer(data, number, offset=end).reshape(shape).astype(np.float32)
    raise ValueError(f"{name} is no array of float32 or float16 {list(shape)}")
