"""Arrays from files: NPY and NPZ (NumPy), and IDX (the format of MNIST).

IDX: two zero bytes, a type code, the number of dimensions, every dimension as a big-endian uint32, then the values,
big-endian, in C order (http://yann.lecun.com/exdb/mnist). No pickle is ever read: an object array is an error.
"""

from __future__ import annotations

import io
import math
import zipfile
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

from caviar.data.columns import listed, printable, shown
from caviar.errors import DataError, did_you_mean

Array = npt.NDArray[Any]

_IDX_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_FEATURE_KEYS = ("x", "X", "data", "features")
LABEL_KEYS = ("y", "labels", "target")
_DAMAGED = (ValueError, OSError, EOFError, KeyError, TypeError, zipfile.BadZipFile, zlib.error, NotImplementedError)
_AGAIN = "write the file again (numpy.save, numpy.savez), with arrays of numbers or text"


def parse_npy(raw: bytes) -> Array:
    """The array in an NPY file's bytes. Raises DataError."""
    try:
        array: Array = np.lib.format.read_array(io.BytesIO(raw), allow_pickle=False)
    except _DAMAGED as error:
        raise DataError(f"this is not an NPY file that can be read: {shown(str(error), 120)}", _AGAIN) from error
    return array


def parse_npz(raw: bytes) -> dict[str, Array]:
    """The arrays in an NPZ file's bytes by name. Raises DataError."""
    try:
        with np.load(io.BytesIO(raw), allow_pickle=False) as archive:
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise ValueError("a single array")
            return {key: archive[key] for key in archive.files}
    except _DAMAGED as error:
        raise DataError(f"this is not an NPZ file that can be read: {shown(str(error), 120)}", _AGAIN) from error


def parse_idx(raw: bytes) -> Array:
    """The array in an IDX file's bytes, uncopied where the bytes allow it. Raises DataError."""
    dtype = _IDX_TYPES.get(raw[2]) if len(raw) >= 4 and raw[:2] == b"\0\0" else None
    if dtype is None or not raw[3] or len(raw) < 4 + 4 * raw[3]:
        raise DataError(f"an IDX file starts with 0, 0, type, dimensions, got {list(raw[:4])}", "download it again")
    start = 4 + 4 * raw[3]
    shape = [int.from_bytes(raw[k : k + 4], "big") for k in range(4, start, 4)]
    expected = start + math.prod(shape) * np.dtype(dtype).itemsize
    if len(raw) != expected:
        raise DataError(
            f"an IDX file of shape {tuple(shape)} has {expected} bytes, got {len(raw)}: it is damaged or cut off",
            "download it again",
        )
    array = np.frombuffer(raw, dtype, offset=start).reshape(shape)
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def label_key(arrays: dict[str, Array], target: str | None) -> str:
    """The name of the array of labels: ``target``, or a usual one. Raises DataError."""
    if target is not None:
        if target not in arrays:
            raise DataError(
                f"the target must be an array of the file, got {shown(target)}",
                did_you_mean(printable(target), map(printable, arrays)),
            )
        return target
    found = [key for key in LABEL_KEYS if key in arrays]
    if len(found) != 1:
        raise DataError(
            f"the file must have one array of labels called {', '.join(LABEL_KEYS)}, got {listed(list(arrays))}",
            "name it: `target=...`",
        )
    return found[0]


def feature_key(arrays: dict[str, Array], besides: str | None) -> str:
    """The name of the array of features: a usual one, or the only one ``besides`` the labels. Raises DataError."""
    others = [key for key in arrays if key != besides]
    found = [key for key in _FEATURE_KEYS if key in others] or others
    if len(found) != 1:
        raise DataError(
            f"the file must have one array of features called {', '.join(_FEATURE_KEYS)}, got {listed(others)}",
            "name it x in numpy.savez",
        )
    return found[0]
