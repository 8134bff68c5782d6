"""Format of a saved state: any tree of arrays, numbers and text, without pickle.

The arrays stand in a safetensors file; the tree around them is JSON in its header, where every array is a number:

    {"d": [[key, node], ...]}   a dict, whose keys are text, whole numbers, booleans or None
    {"l": [node, ...]}, {"t": [node, ...]}   a list, a tuple
    {"a": n}, {"g": n}, {"p": n}   array n of NumPy, a NumPy scalar, a PyTorch tensor
    {"s": [shape, [text, ...]]}   an array of text
    {"v": value}, {"f": text}   None, a boolean, a number or text; a float that JSON has no word for

Until schema 4 the states of trials were archives of a flat dict of arrays (see caviar.files); these are read too.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from caviar import files
from caviar.errors import SnapshotError, StoreError

Array = npt.NDArray[Any]

_TREE = "tree"
_ARCHIVE, _ENTRY = b"PK\3\4", "state.safetensors"
_DEEPEST = 200
_KEYS = (str, int, bool, type(None))


def pack(state: Any) -> bytes:
    """The bytes of a file that holds ``state``. Raises StoreError for what is neither array, number nor text."""
    from safetensors.numpy import save

    arrays: list[Array] = []
    tree = _encode(state, arrays, "state", 0)
    named = {f"{i:06}": np.asarray(array, order="C") for i, array in enumerate(arrays)}
    try:
        return save(named, metadata={_TREE: json.dumps(tree)})
    except Exception as error:  # an array type that safetensors has no name for
        raise StoreError(
            f"a state holds arrays of numbers, and one of these is something else ({str(error)[:100]})",
            "convert it to float64, or leave it out",
        ) from error


def unpack(content: bytes) -> Any:
    """The state in the bytes of ``pack``. Raises SnapshotError for other bytes; nothing in them is ever run."""
    from safetensors.numpy import load

    try:
        if content.startswith(_ARCHIVE):
            return dict(load(files.unpack(content, 1, [_ENTRY])[_ENTRY]))
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        arrays = load(content)
        return _decode(json.loads(header["__metadata__"][_TREE]), arrays)
    except SnapshotError:
        raise
    except Exception as error:
        raise SnapshotError(
            f"this is not a state that caviar saved ({files.reason(error)})", "take the snapshot before it"
        ) from error


def _encode(value: Any, arrays: list[Array], where: str, depth: int) -> dict[str, Any]:
    if depth > _DEEPEST:
        raise StoreError(f"a state is a tree of at most {_DEEPEST} floors, and {where[:60]} is deeper", "flatten it")
    if value is None or isinstance(value, bool | int | str):
        return {"v": value}
    if isinstance(value, float):
        return {"v": value} if math.isfinite(value) else {"f": repr(value)}
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, _KEYS):
                raise StoreError(f"keys of a state are text or whole numbers, got {key!r:.60} in {where}", "rename it")
        return {"d": [[key, _encode(each, arrays, f"{where}[{key!r:.40}]", depth + 1)] for key, each in value.items()]}
    if isinstance(value, list | tuple):
        nodes = [_encode(each, arrays, f"{where}[{i}]", depth + 1) for i, each in enumerate(value)]
        return {"t" if isinstance(value, tuple) else "l": nodes}
    if isinstance(value, np.ndarray | np.generic):
        return _encode_array(value, arrays, where)
    if type(value).__module__.split(".")[0] == "torch" and hasattr(value, "detach"):
        return _encode_tensor(value, arrays)
    raise StoreError(
        f"a state holds arrays, numbers and text, got {type(value).__name__} at {where}",
        "convert it, to a list of numbers say; nothing is pickled",
    )


def _encode_array(value: Array | np.generic, arrays: list[Array], where: str) -> dict[str, Any]:
    array = np.asarray(value)
    if array.dtype.kind == "U":
        return {"s": [list(array.shape), array.ravel().tolist()]}
    if array.dtype.kind not in "biufc":
        raise StoreError(
            f"arrays of a state hold numbers or text, got {array.dtype} at {where}", "convert it; nothing is pickled"
        )
    arrays.append(array.astype(array.dtype.newbyteorder("=")))
    return {"g" if isinstance(value, np.generic) else "a": len(arrays) - 1}


def _encode_tensor(value: Any, arrays: list[Array]) -> dict[str, Any]:
    import torch

    tensor = value.detach().cpu().contiguous()
    if tensor.dtype == torch.bfloat16:  # NumPy has no such type: its bits stand as 16-bit numbers
        arrays.append(tensor.view(torch.int16).numpy())
        return {"p": len(arrays) - 1, "dtype": "bfloat16"}
    arrays.append(tensor.numpy().copy())
    return {"p": len(arrays) - 1}


def _decode(node: Any, arrays: Mapping[str, Array]) -> Any:
    if "v" in node:
        return node["v"]
    if "f" in node:
        return float(node["f"])
    if "d" in node:
        return {key: _decode(each, arrays) for key, each in node["d"]}
    if "l" in node:
        return [_decode(each, arrays) for each in node["l"]]
    if "t" in node:
        return tuple(_decode(each, arrays) for each in node["t"])
    if "s" in node:
        shape, texts = node["s"]
        return np.array(texts, dtype=np.str_).reshape(shape)
    kind = next(kind for kind in _READ if kind in node)
    return _READ[kind](arrays[f"{node[kind]:06}"], node)


def _tensor(array: Array, node: Mapping[str, Any]) -> Any:
    import torch

    tensor = torch.from_numpy(np.array(array))
    return tensor.view(torch.bfloat16) if node.get("dtype") == "bfloat16" else tensor


_READ: dict[str, Callable[[Array, Mapping[str, Any]], Any]] = {
    "a": lambda array, _: np.array(array),
    "g": lambda array, _: array[()],
    "p": _tensor,
}
