"""A report in one file: the pages of the dashboard with their data in them, for a browser without a server or network.

The file allows no code but its own: its Content-Security-Policy names the hashes of its scripts and its style sheet,
and nothing else may load. All names, reasons and labels are data, which the pages show as text.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any
from urllib.parse import quote

from caviar.report.fewer import with_fewer_trials
from caviar.report.joining import BUNDLE, joined
from caviar.report.run_document import document_of
from caviar.report.study_document import study_document, trial_document
from caviar.views.run_page import RunPage
from caviar.views.study_page import StudyPage, TrialPage

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


def study_report(page: StudyPage, trials: Sequence[TrialPage] = ()) -> str:
    """The report on a study. Of ``trials`` it has the logs and all epochs; of the others what the study's page has.

    Of more trials than its pictures can show it leaves some out, and says how many.
    """
    name = page.view.head.record.name
    path = f"studies/{_part(name)}"
    documents = {path: with_fewer_trials(study_document(page))}
    documents |= {f"{path}/trials/{each.trial.number}": trial_document(each) for each in trials}
    return report(documents, f"#/study/{_part(name)}", name)


def run_report(page: RunPage) -> str:
    """The report on a run."""
    name = page.view.record.name
    return report({f"runs/{_part(name)}": document_of(page)}, f"#/run/{_part(name)}", name)


def report(documents: Mapping[str, Any], start: str, title: str) -> str:
    """The file. ``documents`` has each document by its path, such as "studies/flowers"; ``start`` is the first page.

    The documents are those of study_document.py and run_document.py. A page that needs a document that is not there
    does without it.
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


def _part(name: str) -> str:
    """A name as a part of a path or address, as a browser's encodeURIComponent writes it."""
    return quote(name, safe="!*'()")


def _hash(text: str) -> str:
    """A source of a Content-Security-Policy that is ``text`` and nothing else."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _inert(data: str) -> str:
    """JSON that cannot end the element that it stands in, whatever names it has."""
    return data.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
