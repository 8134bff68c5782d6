"""The sentence that says why a program failed, from all that it wrote: its exception, and the line of its own file.

A traceback's last line is often the least of it: a message of several lines ends in advice, and an exception thrown
from another hides the reason. Known are the tracebacks of Python, stack traces of Java and Node, and what C++,
R and Julia write; of everything else the last line is taken.
"""

from __future__ import annotations

import re
from pathlib import Path

_LONGEST = 300  # characters of the sentence
_TRACEBACK = "Traceback (most recent call last):"
_HEAD = re.compile(rf"^(?:Exception Group |Original )?{re.escape(_TRACEBACK)}$")  # the original one is of a worker
_IGNORED = "Exception ignored in"  # something that could not be cleared away at the end
_RANK = re.compile(r"^\[\w+\]: ?", re.MULTILINE)  # of a process among several, as PyTorch starts them
_FRAME = re.compile(r'^  File "(?P<file>.+?)", line (?P<line>\d+)(?:, in (?P<name>.+))?$')
_MEMBER = re.compile(r"^\s*(?:\|\s*)*\+[-+]+ \d+ -+$")
_GROUPED = re.compile(r"^\s*(?:\+[-+ ]*(?:\d+ -+|-+)?|\|)\s?(?=\S| {2})", re.MULTILINE)
_OTHERS = re.compile(
    r"/(?:site|dist)-packages/|/lib/python\d[.\d]*/|^<frozen|/caviar/protocol/host\.py$|caviar_client\.py$"
)
_OURS = re.compile(r"/caviar/protocol/host\.py$|caviar_client\.py$")
_EXCEPTION = re.compile(r"^(?P<kind>[A-Za-z_][\w.]*)(?::\s?(?P<text>.*))?$", re.DOTALL)
_OF_A_PROGRAM = "subprocess.CalledProcessError"  # its own exception, above, says more
_CAUSE = "The above exception was the direct cause of the following exception:"
_JAVA = re.compile(
    r'^(?:Exception in thread ".*?" |(?P<cause>Caused by: ))?(?P<said>(?:[\w$]+\.)+[\w$]+(?:: .*)?)\n'
    r"(?P<places>(?:\s+at .+\n?)+)",
    re.MULTILINE,
)
_JAVA_PLACE = re.compile(r"^\s+at (?!java\.|jdk\.|sun\.)[^(]+\((?P<file>[\w.]+):(?P<line>\d+)\)", re.MULTILINE)
_FOREIGN = (
    re.compile(
        r"^terminate called after throwing an instance of '(?P<kind>.+)'\n\s*what\(\):\s*(?P<said>.+)$", re.MULTILINE
    ),
    re.compile(r"^Error in (?:.|\n)*? : ?\n?\s*(?P<said>.+)$", re.MULTILINE),  # R
    re.compile(r"^(?P<said>(?:ERROR: (?:LoadError: )?).+)$", re.MULTILINE),  # Julia
    re.compile(r"^(?P<said>(?:\w*Error|panic|fatal error|Fatal Python error)\b.*)$", re.MULTILINE | re.IGNORECASE),
    re.compile(r"^(?P<said>.*(?:Assertion .* failed|: error: |Segmentation fault|core dumped).*)$", re.MULTILINE),
)


def with_sentence(text: str) -> str:
    """The error of a trial as it is kept: the sentence, and below it all of ``text``, where that is more."""
    said = sentence(text)
    return said if said == text.strip() else f"{said}\n{text.strip()}"


def sentence(text: str) -> str:
    """The sentence that says most in ``text``, the error of a trial or the last lines of a program; empty without any.

    >>> sentence('Traceback (most recent call last):\\n  File "a.py", line 3, in f\\n    g()\\nValueError: no\\nTry b')
    'ValueError: no (a.py, line 3)'
    """
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    if not lines:
        return ""
    return exception(text) or _cut(lines[-1])


def exception(text: str) -> str:
    """The sentence of an exception in ``text``; empty where none shows."""
    return _cut(_of_python(text) or _of_java(text) or _of_others(text))


def _of_python(text: str) -> str:
    """The exception of the last traceback in ``text``, its place, and the exception that it was raised from."""
    if re.search(rf"^\[\w+\]: {re.escape(_TRACEBACK)}$", text, re.MULTILINE):
        text = _RANK.sub("", text)
    lines = [_TRACEBACK if _MEMBER.match(line) else _ungrouped(line) for line in text.splitlines()]
    heads = [i for i, line in enumerate(lines) if _HEAD.match(line.strip())]
    if not heads:
        return _syntax(lines)
    found, grouped = "", False
    for nth, head in enumerate(heads):
        until = heads[nth + 1] if nth + 1 < len(heads) else len(lines)
        said = _exception(lines[head + 1 : until])
        before = [line.strip() for line in lines[max(head - 4, 0) : head]]
        if not said or any(line.startswith(_IGNORED) for line in before[-1:]):
            continue
        if grouped:  # what is in a group says more than its name
            found = f"{found}; {said}"
        elif found and (_CAUSE in before or said.startswith(_OF_A_PROGRAM)):
            found = f"{said}, from {found}"
        else:
            found = said
        grouped = grouped or "Exception Group" in lines[head]
    return found


def _ungrouped(line: str) -> str:
    """A line of a group's traceback without the bars that show the group."""
    return _GROUPED.sub("", line) if re.match(r"\s*[+|]", line) else line


def _exception(lines: list[str]) -> str:
    """The exception at the end of a traceback, with the last of its places that is the user's."""
    places: list[tuple[str, str, str]] = []  # file, line, source
    thrown: list[str] = []
    for line in lines:
        frame = _FRAME.match(line)
        if frame is not None and not thrown:
            places.append((frame["file"], frame["line"], ""))
        elif line.startswith("    ") and places and not thrown:
            if not places[-1][2] and line.strip(" ~^"):
                places[-1] = (*places[-1][:2], line.strip())
        elif line.strip() and (thrown or not line.startswith("  ")):
            thrown.append(line.strip())
    if not thrown:
        return ""
    if thrown[0].endswith(":") and len(thrown) > 1:  # the message begins with an empty line
        thrown[0] = f"{thrown[0]} {thrown[1]}"
    places = [place for place in places if not _OURS.search(place[0])]
    own = [place for place in places if not _OTHERS.search(place[0])] or places
    return _with_place(thrown[0], own[-1] if own else None)


def _with_place(thrown: str, place: tuple[str, str, str] | None) -> str:
    """An exception with its place; where it says little by itself, with the source there, too."""
    if place is None:
        return thrown
    file, line, source = place
    name = "a cell" if "/ipykernel_" in file else Path(file).name  # of a notebook
    said = _EXCEPTION.match(thrown)
    poor = said is not None and len((said["text"] or "").split()) < 2 and not source.startswith("raise")
    return f"{thrown} ({name}, line {line}{f': {source}' if poor and source else ''})"


def _syntax(lines: list[str]) -> str:
    """A program that Python cannot read: its error comes without a traceback."""
    for i in range(len(lines) - 1, -1, -1):
        if re.match(r"^(?:Syntax|Indentation|Tab)Error: ", lines[i]):
            frame = next((found for line in reversed(lines[:i]) if (found := _FRAME.match(line))), None)
            return lines[i] if frame is None else f"{lines[i]} ({Path(frame['file']).name}, line {frame['line']})"
    return ""


def _of_java(text: str) -> str:
    """The exception of a stack trace of Java, its place, and the innermost that it was thrown for."""
    found = list(_JAVA.finditer(text))
    if not found:
        return ""
    outer = next((i for i in range(len(found) - 1, -1, -1) if not found[i]["cause"]), 0)
    said = [_with_java_place(found[outer])]
    if outer < len(found) - 1:
        said.append(_with_java_place(found[-1]))
    return ", from ".join(said)


def _with_java_place(found: re.Match[str]) -> str:
    place = _JAVA_PLACE.search(found["places"])
    return found["said"] if place is None else f"{found['said']} ({place['file']}, line {place['line']})"


def _of_others(text: str) -> str:
    """The exception in the words of another language."""
    for pattern in _FOREIGN:
        found = None
        for found in pattern.finditer(text):  # noqa: B007 - the last one
            pass
        if found is not None:
            kind = found.groupdict().get("kind")
            return f"{kind}: {found['said'].strip()}" if kind else found["said"].strip()
    return ""


def _cut(said: str) -> str:
    said = " ".join(said.split())
    return said if len(said) <= _LONGEST else said[: _LONGEST - 3] + "..."
