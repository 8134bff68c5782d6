"""A report in one file: the pages of the dashboard with their data in them, for a browser without a server or network.

The file allows no code but its own: its Content-Security-Policy names the hashes of its scripts and its style sheet,
and nothing else may load. All names, reasons and labels are data, which the pages show as text.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from html import escape
from typing import Any

from caviar.report.joining import BUNDLE, joined

_STYLES = ("vendor/uplot/uPlot.min.css", "style.css")
_LIBRARY = "vendor/uplot/uPlot.iife.min.js"
_TITLE = 200  # characters

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<div id="page"></div>
<noscript>This report draws its pictures with JavaScript, which this browser does not run.</noscript>
<script type="application/json" id="caviar-data">{data}</script>
<script>{library}</script>
<script>{script}</script>
</body>
</html>
"""


def page(documents: Mapping[str, Any], start: str, title: str) -> str:
    """The file. ``documents`` has each document by its path, such as "studies/flowers"; ``start`` is the first page.

    The documents are those of ``report/document.py`` and ``report/run_document.py``. A page that needs a document that
    is not there does without it.
    """
    style = "\n".join((BUNDLE / name).read_text(encoding="utf-8") for name in _STYLES)
    library = (BUNDLE / _LIBRARY).read_text(encoding="utf-8")
    script = joined("main.js")
    policy = (
        f"default-src 'none'; script-src {_hash(library)} {_hash(script)}; style-src {_hash(style)}; "
        "base-uri 'none'; form-action 'none'"
    )
    for text in (style, library, script):
        if re.search(r"</(script|style)|<!--", text, re.IGNORECASE):
            raise ValueError("a file of the bundle would end its own element in the page")
    return _PAGE.format(
        policy=policy,
        title=escape(title[:_TITLE]),
        style=style,
        data=_inert(json.dumps({"start": start, "documents": documents}, allow_nan=False, separators=(",", ":"))),
        library=library,
        script=script,
    )


def _hash(text: str) -> str:
    """A source of a Content-Security-Policy that is ``text`` and nothing else."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _inert(data: str) -> str:
    """JSON that cannot end the element that it stands in, whatever names it has."""
    return data.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
