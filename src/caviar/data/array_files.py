"""Arrays from files: NPY and NPZ (NumPy), and IDX (the format of MNIST).

IDX: two zero bytes, a type code, the number of dimensions, every dimension as a big-endian uint32, then the values,
big-endian, in C order (http://yann.lecun.com/exdb/mnist). No pickle is ever read: an object array is an error.
"""

from __future__ import annotations

import io
import math
import re
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Mapping
from typing import IO, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from caviar.data.columns import listed, printable, shown
from caviar.data.room import check_room
from caviar.errors import DataError, did_you_mean

Array = npt.NDArray[Any]

_IDX_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_FEATURES = ("x", "X", "data", "features")
_LABELS = ("y", "labels", "target")
_ROLES = {
    **dict.fromkeys(("x", "data", "features", "feature", "images", "image", "inputs", "input"), "features"),
    **dict.fromkeys(("y", "labels", "label", "target", "targets", "classes"), "labels"),
}
_PARTS = {
    **dict.fromkeys(("train", "training", "tr"), "train"),
    **dict.fromkeys(("test", "testing", "te"), "test"),
    **dict.fromkeys(("validation", "valid", "val", "dev"), "validation"),
}
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")  # of x_train, trainX, XTrain
_GLUED = re.compile(rf"([xy])({'|'.join(_PARTS)})|({'|'.join(_PARTS)})([xy])")  # xtrain, trainx
_DAMAGED = (
    ValueError,
    OSError,
    EOFError,
    KeyError,
    IndexError,
    TypeError,
    ArithmeticError,
    AttributeError,
    SyntaxError,
    RuntimeError,  # of an encrypted member, NotImplementedError, RecursionError
    struct.error,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)  # raised by NumPy and zipfile for one kind of damage or another
_AGAIN = "write the file again (numpy.save, numpy.savez), with arrays of numbers or text"


def parse_npy(raw: bytes) -> Array:
    """The array in an NPY file's bytes. Raises DataError."""
    try:
        array = _read_npy(io.BytesIO(raw), len(raw))
    except _DAMAGED as error:
        if "allow_pickle" in str(error):
            raise _of_objects("the array") from error
        raise DataError(f"this is not an NPY file that can be read: {shown(str(error), 120)}", _AGAIN) from error
    return array


def _read_npy(file: IO[bytes], size: int) -> Array:
    """The array in a ``file`` of ``size`` bytes."""
    _check_header(file, size)
    file.seek(0)
    array: Array = np.lib.format.read_array(file, allow_pickle=False)
    return array


def _check_header(file: IO[bytes], size: int) -> None:
    """Raise ValueError where the header of an NPY ``file`` tells of more than its ``size`` bytes hold."""
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    else:
        shape, _, dtype = np.lib.format.read_array_header_2_0(file)
    if any(length < 0 for length in shape):
        raise ValueError(f"its shape is {shape}")
    if not dtype.hasobject and math.prod(shape) * dtype.itemsize > size:
        raise ValueError(f"its shape {shape} needs {math.prod(shape) * dtype.itemsize:,} bytes, and it has {size:,}")


class Pickled(NamedTuple):
    """An array of Python objects in an NPZ file, which is not read."""

    key: str


class Keys(NamedTuple):
    """The keys of features and labels in an NPZ file, for training and, where it has them, for the test."""

    train: tuple[str, str]
    test: tuple[str, str] | None
    notes: tuple[str, ...]


def parse_npz(raw: bytes) -> dict[str, Array | Pickled]:
    """The arrays in an NPZ file's bytes by name. Raises DataError."""
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as members:
            check_room(sum(member.file_size for member in members.infolist()), "the NPZ file, unpacked,")
            for member in members.infolist():
                with members.open(member) as file:
                    if member.filename.endswith(".npy"):
                        _check_header(file, member.file_size)
        with np.load(io.BytesIO(raw), allow_pickle=False) as archive:
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise ValueError("a single array")
            return {key: _member(archive, key) for key in archive.files}
    except _DAMAGED as error:
        raise DataError(f"this is not an NPZ file that can be read: {shown(str(error), 120)}", _AGAIN) from error


def _member(archive: Any, key: str) -> Array | Pickled:
    try:
        array: Array = archive[key]
    except ValueError as error:
        if "allow_pickle" in str(error):
            return Pickled(key)
        raise
    return array


def taken(arrays: Mapping[str, Array | Pickled], key: str) -> Array:
    """The array called ``key``. Raises DataError for one of Python objects."""
    array = arrays[key]
    if isinstance(array, Pickled):
        raise _of_objects(f"the array {shown(key)}")
    return array


def _of_objects(which: str) -> DataError:
    return DataError(
        f"{which} holds Python objects (dtype object), which NumPy keeps as a pickle: that may run code, "
        "so it is not read",
        "save it as numbers or text, with y.astype(int) or y.astype(str)",
    )


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


def keys_of(arrays: Mapping[str, Any], target: str | None) -> Keys:
    """The arrays to train and to test on; ``target`` names the labels to train on. Raises DataError.

    Names with train and test in them belong together: x_train, y_train, x_test and y_test, say.
    """
    labels = label_key(arrays, target)
    part = _role(labels)[1]
    if part is None:
        return Keys((feature_key(arrays, labels), labels), None, ())
    features = _named(arrays, "features", part)
    if len(features) != 1:
        raise DataError(
            f"the features of {shown(labels)} must be one array called x_{part}, X_{part}, {part}_x or the like, "
            f"got {listed(list(arrays))}",
            f"name it x_{part} in numpy.savez",
        )
    sealed = _named(arrays, "features", "test") + _named(arrays, "labels", "test") if part == "train" else []
    test = (sealed[0], sealed[1]) if [_role(key)[0] for key in sealed] == ["features", "labels"] else None
    unused = [key for key in arrays if None not in _role(key) and key not in (labels, *features, *(test or ()))]
    notes = (f"not used, of the arrays in the file: {listed(unused)}",) if unused else ()
    return Keys((features[0], labels), test, notes)


def label_key(arrays: Mapping[str, Any], target: str | None) -> str:
    """The name of the array of labels: ``target``, or a usual one. Raises DataError."""
    if target is not None:
        if target not in arrays:
            raise DataError(
                f"the target must be an array of the file, got {shown(target)}",
                did_you_mean(printable(target), map(printable, arrays)),
            )
        return target
    found = [key for key in _LABELS if key in arrays]
    found = found or _named(arrays, "labels", None) or _named(arrays, "labels", "train")
    if len(found) != 1:
        raise DataError(
            f"the file must have one array of labels called {', '.join((*_LABELS, 'y_train'))}, "
            f"got {listed(list(arrays))}",
            "name it: `target=...`",
        )
    return found[0]


def feature_key(arrays: Mapping[str, Any], besides: str | None) -> str:
    """The name of the array of features: a usual one, or the only one ``besides`` the labels. Raises DataError."""
    others = [key for key in arrays if key != besides]
    found = [key for key in _FEATURES if key in others]
    found = found or [key for key in _named(arrays, "features", None) if key != besides] or others
    if len(found) != 1:
        raise DataError(
            f"the file must have one array of features called {', '.join(_FEATURES)}, got {listed(others)}",
            "name it x in numpy.savez",
        )
    return found[0]


def only_features(arrays: Mapping[str, Any]) -> str:
    """The name of the array of features where there may be labels beside it. Raises DataError."""
    of_parts = [key for key in arrays if _role(key)[0] == "features" and _role(key)[1] is not None]
    if len(of_parts) > 1:
        raise DataError(
            f"the file must have one array of features to predict, got {listed(of_parts)}",
            "keep the rows to predict in a file of their own: numpy.savez(FILE, x=x_test)",
        )
    if of_parts:
        return of_parts[0]
    labels = next((key for key in arrays if _role(key)[0] == "labels"), None) if len(arrays) > 1 else None
    return feature_key(arrays, labels)


def _named(arrays: Mapping[str, Any], role: str, part: str | None) -> list[str]:
    """The names of arrays that say this role and this part."""
    return [key for key in arrays if _role(key) == (role, part)]


def _role(key: str) -> tuple[str | None, str | None]:
    """The role that a name says, "features" or "labels", and the part, "train", "test" or "validation"."""
    words = [word.lower() for word in _WORDS.findall(key)]
    split = [word for glued in words for word in _unglued(glued)]
    roles = {_ROLES[word] for word in split if word in _ROLES}
    parts = {_PARTS[word] for word in split if word in _PARTS}
    if len(roles) > 1 and "data" in split:  # train_data_y
        roles -= {"features"}
    return (roles.pop() if len(roles) == 1 else None), (parts.pop() if len(parts) == 1 else None)


def _unglued(word: str) -> tuple[str, ...]:
    found = _GLUED.fullmatch(word)
    return tuple(part for part in found.groups() if part) if found else (word,)
