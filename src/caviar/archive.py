"""One file of several entries, every bit of it covered by a check.

The file is a ZIP whose entries are stored, not compressed, so that any tool can look inside. ``manifest.json`` comes
first and holds the format's version and the size and SHA-256 of every other entry; ZIP's own headers are always the
same bytes for the same entries, so that unpacking packs again and compares: no bit is without a witness. Nothing in it
is ever run, nothing is written to a folder, and no entry can be larger than the file.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import secrets
import struct
import zipfile
import zlib
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from caviar import plain_json
from caviar.errors import ModelError

MANIFEST = "manifest.json"
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
)  # what zipfile raises for one kind of damage or another


def pack(entries: Mapping[str, bytes], manifest: Mapping[str, Any]) -> bytes:
    """The file of ``entries``, with ``manifest`` and their sizes and SHA-256 in front."""
    sums = {name: {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in entries.items()}
    return _zip({MANIFEST: plain_json.dumps({**manifest, "entries": sums}).encode(), **entries})


def unpack(file: bytes, newest: int, names: Collection[str]) -> dict[str, bytes]:
    """The entries ``names`` of a file of format ``newest`` or older.

    Raises ModelError for anything but what ``pack`` makes of these entries, and says which of them is damaged.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(file)) as archive:
            infos = archive.infolist()
            content = {info.filename: _read(archive, info, len(file)) for info in infos}
    except _WHEN_PARSING as error:
        raise _refused(f"it cannot be read as an archive ({error})") from error
    manifest = _manifest(content.pop(MANIFEST, None))
    if manifest["format"] > newest:
        raise ModelError(
            f"this model has format {manifest['format']}, and this caviar reads formats up to {newest}",
            "upgrade caviar, or save the model again with an older one",
        )
    sums = manifest["entries"]
    for name in names:
        if name not in content or name not in sums:
            raise _refused(f"its entry {name} is missing")
    strange = sorted((content.keys() | sums.keys()) - set(names))
    if strange:
        raise _refused(f"it has an entry {strange[0][:60]!r}, which no model has")
    for name in names:
        data = content[name]
        if sums[name] != {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}:
            raise _refused(f"its entry {name} is not what its SHA-256 and size in the manifest say")
    return {name: content[name] for name in names}


def write_whole(path: Path, data: bytes) -> None:
    """Put ``data`` at ``path``: whole and on the disk, or not at all, with what was there before untouched."""
    if len(data) > LARGEST:
        raise ModelError(f"a model's file has at most {LARGEST} bytes, got {len(data)}", "train a smaller network")
    unfinished = path.with_name(f".{path.name[:100]}.{secrets.token_hex(4)}.unfinished")
    try:
        try:
            descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(unfinished, path)
        except BaseException:
            with suppress(OSError):
                unfinished.unlink()
            raise
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except (OSError, ValueError) as error:
        full = isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
        raise ModelError(
            f"the model cannot be written to {str(path)!r}: {error}",
            "make room, and save it again: what was there before is untouched"
            if full
            else "name a file in a folder that is there and that you may write to",
        ) from error


def read_whole(path: Path) -> bytes:
    """The bytes of the file at ``path``; ModelError where there is no file of a sane size."""
    try:
        if not path.is_file():
            raise ModelError(f"there is no model at {str(path)!r}", "name the file that `caviar tune` has written")
        if path.stat().st_size > LARGEST:
            raise _refused(f"it is larger than any model, {path.stat().st_size} bytes")
        return path.read_bytes()
    except (OSError, ValueError) as error:
        raise ModelError(f"the model {str(path)!r} cannot be read: {error}", "name a file that you may read") from error


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo, most: int) -> bytes:
    if info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size:
        raise _refused(f"its entry {info.filename[:60]!r} is compressed, and a model's never are")
    if info.file_size > most:
        raise _refused(f"its entry {info.filename[:60]!r} claims to be larger than the file")
    try:
        return archive.read(info)
    except _WHEN_PARSING as error:
        raise _refused(f"its entry {info.filename[:60]} is damaged ({error})") from error
