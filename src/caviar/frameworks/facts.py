"""The facts of each framework in facts.toml, and the number of lines of its shortest program."""

from __future__ import annotations

import ast
import io
import tokenize
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
PROGRAMS = HERE / "shortest"
_SILENT = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)

Statement = tuple[str, str]  # a text, and its source


@dataclass(frozen=True)
class Facts:
    """Of one framework: each entry says what, and its source; None where it is unknown.

    ``lines`` are those of the shortest program in ``program``, which is None where there is none.
    """

    name: str
    title: str
    licence: Statement | None
    governance: Statement | None
    release: Statement | None
    deploy: Statement | None
    program: Path | None
    lines: int | None


def read_facts(path: Path = HERE / "facts.toml", programs: Path = PROGRAMS) -> dict[str, Facts]:
    """All of them by name, in the order of the file."""
    facts = {}
    for name, entry in tomllib.loads(path.read_text(encoding="utf-8")).items():
        entries = {key: (entry[key][0], entry[key][1]) if key in entry else None for key in _ENTRIES}
        source = programs / f"{name}.py"
        program, lines = (source, count_lines(source.read_text(encoding="utf-8"))) if source.exists() else (None, None)
        facts[name] = Facts(name, entry["title"], **entries, program=program, lines=lines)
    return facts


_ENTRIES = ("licence", "governance", "release", "deploy")


def count_lines(source: str) -> int:
    """The lines of a Python program that hold code: not those that are blank, or only a comment or a docstring."""
    tree = ast.parse(source)
    nodes = (node for node in ast.walk(tree) if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef))
    docstrings = {line for node in nodes for line in _docstring_lines(node)}
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in _SILENT:
            lines.update(range(token.start[0], token.end[0] + 1))
    return len(lines - docstrings)


def _docstring_lines(node: ast.Module | ast.ClassDef | ast.FunctionDef) -> Iterator[int]:
    if ast.get_docstring(node, clean=False) is not None:
        yield from range(node.body[0].lineno, (node.body[0].end_lineno or node.body[0].lineno) + 1)
