"""Read the weights of a config from an npz file that is not trusted.

The files of this project are zips of uncompressed members. Any other member is refused by its entry in the zip, before
a byte of it is read; so a small file cannot ask for much memory.
"""

import io
import math
from zipfile import ZIP_STORED, BadZipFile, ZipFile, ZipInfo

import numpy as np

from pipeline.models.numpy.layers import Float32Array
from pipeline.models.weight_shapes import WeightShapes

DTYPES = ("<f4", "<f2")
"""Types of stored weights: float32, or float16 of models that are distributed."""
NPY_MAGIC = b"\x93NUMPY\x01\x00"
"""The beginning of an npy; two bytes follow it, the length of the header that describes the array."""
HEADER_ROOM = 1024
"""Bytes of the headers of one weight, at most."""


def max_size(shapes: WeightShapes) -> int:
    """Return how many bytes an npz of such weights has at most."""
    return sum(_compute_max_weight_size(shape) for shape in shapes.values()) + HEADER_ROOM


def read_npz(data: bytes, shapes: WeightShapes) -> dict[str, Float32Array]:
    """Read the weights.

    Args:
        data: the npz, as `files.encode_npz` makes it.
        shapes: of all weights, by name.

    Returns:
        Each weight as float32.

    Raises:
        ValueError: it is not an npz of these weights; the message says why.
    """
    try:
        with ZipFile(io.BytesIO(data)) as archive:
            members = {member.filename: member for member in archive.infolist()}
            if missing := min({f"{name}.npy" for name in shapes} - members.keys(), default=""):
                raise ValueError(f"{missing} is not there")
            if len(archive.infolist()) > len(shapes):
                raise ValueError("it has more weights than the config")
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
    """Read one weight; see `read_npz`."""
    if member.compress_type != ZIP_STORED or member.file_size > _compute_max_weight_size(shape):
        raise ValueError(f"{name} is compressed, or larger than {list(shape)}")
    data = archive.read(member)
    begin = len(NPY_MAGIC) + 2
    end = begin + int.from_bytes(data[len(NPY_MAGIC) : begin], "little")
    header = data[begin:end].rstrip()
    for dtype in DTYPES:
        # The header is compared with the one that NumPy writes, and never parsed.
        expected = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}".encode()
        if data.startswith(NPY_MAGIC) and header == expected:
            return np.frombuffer(data, dtype, offset=end).reshape(shape).astype(np.float32)
    raise ValueError(f"{name} is no array of float32 or float16 {list(shape)}")
