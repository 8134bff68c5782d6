"""Text of the bytes that a program prints: UTF-8, else Latin-1 line by line, and UTF-16 by leaving out its zeros."""

from __future__ import annotations

import re

_MARKS = (b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")  # of the byte order, at the beginning
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")


def without_codes(text: str) -> str:
    """``text`` without colours, titles and movements of a terminal's cursor."""
    return _ANSI.sub("", text)


def as_lines(text: str) -> str:
    """``text`` without codes of a terminal, each drawing of a progress bar as a line of its own."""
    return without_codes(text).replace("\r\n", "\n").replace("\r", "\n")


def decoded(printed: bytes) -> str:
    """``printed`` as text; no bytes are refused."""
    if b"\0" in printed:  # UTF-16, of whose ASCII every other byte is a zero
        printed = printed.replace(b"\0", b"")
    for mark in _MARKS:
        printed = printed.removeprefix(mark)
    return "".join(map(_line, printed.splitlines(keepends=True)))


def _line(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode("latin-1")
