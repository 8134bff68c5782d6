"""The bundle of the pages as one script: its modules one after another, without a build tool.

A module becomes a function that returns its exports, and an import takes them from the function's result. That is the
same as what a browser does, as long as no module imports itself through others and no export changes later:
``tests/report/test_joining.py`` holds the bundle to both.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path, PurePosixPath

BUNDLE = Path(__file__).parent / "bundle"
"""The files of the pages."""

_IMPORT = re.compile(r'^import\s*(?:\{([^}]*)\}\s*from\s*)?"(\.[^"]+)";[^\S\n]*(?://[^\n]*)?$', re.MULTILINE)
_EXPORT = re.compile(r"^export\s+(async\s+function|function|class|const)\s+(\w+)", re.MULTILINE)
_EXPORTS = re.compile(r"(?<![\w$.])export\s*\{([^}]*)\}(?!\s*from);?")
_MAP = re.compile(r"^//# sourceMappingURL=.*$|//# sourceMappingURL=\S+\s*$", re.MULTILINE)
_LEFT = re.compile(r"^(?:import|export)\b|(?<![\w$.])export\s*[{*]", re.MULTILINE)


@cache
def joined(entry: str) -> str:
    """Module ``entry`` of the bundle with all that it imports. Raises ValueError for what cannot be joined."""
    modules: list[str] = []
    _visit(entry, modules, ())
    return "\n".join(_as_function(name, modules) for name in modules)


def _visit(name: str, modules: list[str], above: tuple[str, ...]) -> None:
    if name in above:
        raise ValueError(f"{name} imports itself: {' -> '.join([*above, name])}")
    if name in modules:
        return
    for imported in _IMPORT.finditer(_source(name)):
        _visit(_place(name, imported[2]), modules, (*above, name))
    modules.append(name)


def _source(name: str) -> str:
    return (BUNDLE / name).read_text(encoding="utf-8")


def _place(name: str, imported: str) -> str:
    """The path in the bundle of what module ``name`` imports."""
    parts: list[str] = []
    for part in (PurePosixPath(name).parent / imported).parts:
        if part == "..":
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts)


def _as_function(name: str, modules: list[str]) -> str:
    exports: list[str] = []

    def imports(found: re.Match[str]) -> str:
        if found[1] is None:
            return ""  # a module that is imported for its effects has had them
        names = ", ".join(_pair(pair, "{0}: {1}") for pair in _names(found[1]))
        return f"const {{ {names} }} = module{modules.index(_place(name, found[2]))};"

    def export(found: re.Match[str]) -> str:
        exports.append(found[2])
        return f"{found[1]} {found[2]}"

    def export_list(found: re.Match[str]) -> str:
        exports.extend(_pair(pair, "{1}: {0}") for pair in _names(found[1]))
        return ""

    text = _IMPORT.sub(imports, _source(name))
    text = _EXPORTS.sub(export_list, _EXPORT.sub(export, _MAP.sub("", text)))
    if left := _LEFT.search(text):
        raise ValueError(f"{name} has an import or export of a form that cannot be joined: {left[0]}")
    place = modules.index(name)
    return f"const module{place} = (() => {{ // {name}\n{text}\nreturn {{ {', '.join(exports)} }};\n}})();"


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _pair(name: str, form: str) -> str:
    """``a as b`` in ``form``, in which {0} is a and {1} is b."""
    first, _, second = name.partition(" as ")
    return form.format(first.strip(), second.strip() or first.strip())
