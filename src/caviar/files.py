"""Files that are written whole or not at all: archives with checksums, and JSON that every reader accepts.

An archive is a ZIP whose entries are stored, not compressed, so that any tool can look inside. ``manifest.json`` comes
first and holds the format's version and the size and SHA-256 of every other entry; ZIP's own headers are always the
same bytes for the same entries, so that unpacking packs again and compares: every bit is checked. Nothing in it is ever
run, nothing is written to a folder, and no entry can be larger than the file.

JSON (RFC 8259) has no NaN and no infinity, and Python writes them as bare words that other readers refuse. Here they
become the strings "NaN", "Infinity" and "-Infinity"; reading leaves those strings as they are, for a class may be
called NaN.
"""

from __future__ import annotations

import errno
import hashlib
import io
import json
import math
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from caviar.errors import ModelError

MANIFEST = "manifest.json"
PRIVATE, PRIVATE_FOLDER = 0o600, 0o700  # permissions of files and folders of the user alone
MOST_TEXT = 1 << 24  # bytes of a file that a person writes, a space or a config
_PART = 1 << 20  # bytes read at once where the size is unknown
LARGEST = 2**31 - 1  # bytes of a file; ZIP without its 64-bit extension ends at twice that

_LOCAL, _CENTRAL, _END = (struct.Struct(layout) for layout in ("<4s5H3I2H", "<4s6H3I5H2I", "<4s4H2IH"))
_VERSION, _MADE_BY_UNIX, _DATE, _PLAIN_FILE = 20, 3 << 8 | 20, 33, 0o100644 << 16  # 33: the first of January 1980
_WHEN_PARSING = (
    zipfile.BadZipFile,
    NotImplementedError,
    RuntimeError,
    EOFError,
    OSError,
    ValueError,
    OverflowError,
    struct.error,
)  # raised by zipfile for one kind of damage or another
_SQLITE = b"SQLite format 3\0"  # the beginning of its files


def pack(entries: Mapping[str, bytes], manifest: Mapping[str, Any]) -> bytes:
    """The file of ``entries``, with ``manifest`` and their sizes and SHA-256 in front."""
    sums = {name: _sum(data) for name, data in entries.items()}
    return _zip({MANIFEST: dumps({**manifest, "entries": sums}).encode(), **entries})


def unpack(file: bytes, newest: int, names: Collection[str]) -> dict[str, bytes]:
    """The entries ``names`` of a file of format ``newest`` or older.

    Raises ModelError for anything but what ``pack`` makes of these entries, and says which of them is damaged.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(file)) as archive:
            _check_sizes(archive.infolist(), len(file))
            sums = _sums(_read(archive, MANIFEST), newest)
            there = [info.filename for info in archive.infolist() if info.filename != MANIFEST]
            strange = sorted({*there, *sums} - set(names))
            if strange or len(there) != len(set(there)):
                raise _refused(f"it has an entry {(strange or there)[0][:60]!r} that no model has, or one twice")
            content = {name: _read(archive, name) for name in (MANIFEST, *names)}
    except _WHEN_PARSING as error:
        raise _refused(f"it cannot be read as an archive ({reason(error)})") from error
    for name in names:
        if sums.get(name) != _sum(content[name]):
            raise _refused(f"its entry {name} is not what the manifest says, by its size and SHA-256")
    if _zip(content) != file:
        raise _refused("bytes before, between or after its entries are damaged, or do not belong there")
    return {name: content[name] for name in names}


def reason(error: Exception) -> str:
    """The message of ``error`` in one short line, safe for a terminal."""
    said = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return "".join(letter if letter.isprintable() else " " for letter in said[:120])


def put(path: Path, data: bytes | memoryview, mode: int = 0o666) -> None:
    """Put ``data`` at ``path``: whole and on the disk, or not at all. Raises OSError, or ValueError for a bad name.

    ``mode``: the permissions of a new file, less those of the umask; PRIVATE is for the user alone.

    A link stays one. A device or a pipe has nothing to lose, and is written to as it is. A store is never replaced.
    """
    if _is_database(path):
        raise OSError(errno.EEXIST, "it is a database, which would be lost")
    if path.exists() and not path.is_file():
        path.write_bytes(data)
        return
    path = Path(os.path.realpath(path))
    with suppress(FileNotFoundError):
        mode = stat.S_IMODE(path.stat().st_mode)  # somebody chose it
    unfinished = path.with_name(f".{path.name[:100]}.{os.urandom(4).hex()}.unfinished")
    try:
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    except BaseException:
        with suppress(OSError):
            unfinished.unlink()
        raise
    sync_folder(path.parent)


def _is_database(path: Path) -> bool:
    """True for a file of SQLite, such as a store."""
    with suppress(OSError, ValueError):
        if path.is_file():
            with path.open("rb") as file:
                return file.read(len(_SQLITE)) == _SQLITE
    return False


def make_private(folder: Path) -> None:
    """Make ``folder``, and those above it that are not there, for this user alone. Raises OSError."""
    if not folder.is_dir():
        make_private(folder.parent)
        folder.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)


def sync_folder(folder: Path) -> None:
    """Put the names in ``folder`` on the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def cannot_make(folder: Path) -> str:
    """The reason why ``folder`` is not there and cannot be made; empty where it is, or can be."""
    try:
        there = folder.absolute()
        while not os.path.lexists(there) and there != there.parent:
            there = there.parent
        if not there.is_dir():
            return f"{there} is no folder"
        return "" if os.access(there, os.W_OK | os.X_OK) else f"{there} may not be written to"
    except (OSError, ValueError) as error:
        return str(error)


def working_folder() -> str | None:
    """The working folder; None where it was removed."""
    with suppress(OSError):
        return os.getcwd()
    return None


def no_room(error: Exception) -> bool:
    """True for an error of a full disk."""
    return isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def read_file(path: str | os.PathLike[str], most: int | None) -> bytes:
    """The bytes of an ordinary file of at most so many bytes. Raises OSError, or ValueError for a bad name.

    A device or a pipe may never end, and none is read; nor is more than ``most``, whatever the file says of its size.
    """
    found = os.stat(path)
    if stat.S_ISDIR(found.st_mode):
        raise OSError(errno.EISDIR, "it is a folder")
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "it is a device or a pipe, which may never end, and no file")
    content = b""
    with open(path, "rb") as file:  # never more at once than there is: the room for it is taken before it is read
        part = found.st_size
        while most is None or max(part, len(content)) <= most:
            read = file.read(part or _PART)
            content = content + read if content else read
            if len(read) < (part or _PART):
                return content
            part = 0  # the system may say 0 of what has no size, and a file may grow
    raise OSError(errno.EINVAL, f"it is too large: more than {most:,} bytes")


def write_whole(path: Path, data: bytes) -> None:
    """Put ``data`` at ``path``: whole and on the disk, or not at all, with what was there before untouched."""
    if len(data) > LARGEST:
        raise ModelError(f"a model's file has at most {LARGEST} bytes, got {len(data)}", "train a smaller network")
    try:
        put(path, data, PRIVATE)
    except (OSError, ValueError) as error:
        raise ModelError(
            f"the model cannot be written to {str(path)!r}: {reason(error)}",
            "make room, and save it again: what was there before is untouched"
            if no_room(error)
            else "name a file in a folder that is there and that you may write to",
        ) from error


def read_whole(path: Path) -> bytes:
    """The bytes of the file at ``path``; ModelError where there is no file of a sane size."""
    try:
        if not path.is_file():
            rule = f"{str(path)!r} is no file" if path.exists() else f"there is no model at {str(path)!r}"
            raise ModelError(rule, "name the file that caviar tune has written")
        if path.stat().st_size > LARGEST:
            raise _refused(f"it is larger than any model, {path.stat().st_size} bytes")
        return read_file(path, LARGEST)
    except (OSError, ValueError) as error:
        raise ModelError(
            f"the model {str(path)!r} cannot be read: {reason(error)}", "name a file that you may read"
        ) from error


def _zip(entries: Mapping[str, bytes]) -> bytes:
    """A ZIP of stored ``entries``: for each a header and its data, then the directory, then where that is."""
    body: list[bytes] = []
    directory: list[bytes] = []
    offset = 0
    for name, data in entries.items():
        label = name.encode("ascii")
        facts = (_VERSION, 0, zipfile.ZIP_STORED, 0, _DATE, zlib.crc32(data), len(data), len(data), len(label), 0)
        parts = (_LOCAL.pack(b"PK\3\4", *facts), label, data)
        directory += [_CENTRAL.pack(b"PK\1\2", _MADE_BY_UNIX, *facts, 0, 0, 0, _PLAIN_FILE, offset), label]
        body += parts
        offset += sum(map(len, parts))
    size = sum(map(len, directory))
    end = _END.pack(b"PK\5\6", 0, 0, len(entries), len(entries), size, offset, 0)
    return b"".join([*body, *directory, end])


def _sum(data: bytes) -> dict[str, int | str]:
    return {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def _sums(manifest: bytes, newest: int) -> dict[str, Any]:
    """The size and SHA-256 of every entry, from the manifest; ModelError for a newer format."""
    try:
        said = loads(manifest)
        version, sums = said["format"], dict(said["entries"])
    except (ValueError, TypeError, KeyError) as error:
        raise _refused(f"its {MANIFEST} cannot be read ({reason(error)})") from error
    if not isinstance(version, int) or version > newest:
        raise ModelError(
            f"this model has format {version!r:.20}, and this caviar reads formats up to {newest}",
            "upgrade caviar, or save the model again with an older one",
        )
    return sums


def _check_sizes(infos: list[zipfile.ZipInfo], size: int) -> None:
    """Refuse compressed or overlapping entries, so that reading never takes more memory than the file's size."""
    for info in infos:
        if info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size:
            raise _refused(f"its entry {info.filename[:60]!r} is compressed, and those of a model never are")
    if sum(info.file_size for info in infos) > size:
        raise _refused("its entries claim to be larger than the whole file")


def _read(archive: zipfile.ZipFile, name: str) -> bytes:
    try:
        return archive.read(name)
    except KeyError:
        raise _refused(f"its entry {name} is missing") from None
    except _WHEN_PARSING as error:
        raise _refused(f"its entry {name} is damaged ({reason(error)})") from error


def _refused(why: str) -> ModelError:
    return ModelError(
        f"this is not a whole model: {why}", "copy it again from where it was saved, or train the network again"
    )


# --- JSON ---


def plain(value: Any) -> Any:
    """``value`` as dicts with text keys, lists, text, numbers, booleans and None; NumPy's types become Python's."""
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if isinstance(value, float):
        if math.isfinite(value):
            return value
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def dumps(value: Any, indent: int | None = None) -> str:
    """One JSON text of ``value``, in ASCII, so that no terminal or database alters it."""
    return json.dumps(plain(value), allow_nan=False, indent=indent)


def numbers(value: Any) -> Any:
    """``value`` of a JSON text with NaN and infinities as floats again, which ``dumps`` wrote as strings."""
    if isinstance(value, Mapping):
        return {name: numbers(item) for name, item in value.items()}
    if isinstance(value, list):
        return [numbers(item) for item in value]
    if isinstance(value, str):
        return {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}.get(value, value)
    return value


def loads(text: str | bytes) -> Any:
    """The value in ``text``.

    Raises ValueError for anything that is not RFC 8259 JSON, the bare words NaN and Infinity and a nesting deeper
    than Python's stack included.
    """
    try:
        return json.loads(text, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is not JSON")
