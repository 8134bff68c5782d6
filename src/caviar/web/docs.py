"""The documents of Caviar, docs/ of its repository, as pages: Markdown that markdown-it turns into HTML."""

from __future__ import annotations

import re
from html import escape
from importlib import resources
from itertools import pairwise

from markdown_it import MarkdownIt
from markdown_it.token import Token

from caviar.web.bundle import Bundle, tag_of

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}: Caviar</title>
<link rel="icon" type="image/svg+xml" href="{up}bundle/icon.svg">
<link rel="stylesheet" href="{up}bundle/style.css">
</head>
<body>
<header class="top">
<a class="brand" href="{up}"><span class="eggs" aria-hidden="true"></span>caviar</a>
<nav aria-label="Pages"><a href="{up}">Studies</a><a href="{up}#/help">Help</a></nav>
</header>
<main class="document">
{body}</main>
</body>
</html>
"""


class Docs(Bundle):
    """The documents by their paths below docs/, each Markdown file as a page; other files as they are."""

    def __init__(self) -> None:
        super().__init__(resources.files("caviar").joinpath("docs"))

    def file(self, path: str) -> tuple[bytes, str, str] | None:
        """The bytes, the media type, and a tag that changes with them; None where there is no such document."""
        found = super().file(path)
        if found is None or not path.endswith(".md"):
            return found
        data = _page(found[0].decode(), "../" * (path.count("/") + 1)).encode()
        return data, "text/html; charset=utf-8", tag_of(data)


def no_such_page() -> bytes:
    """The page in the place of one that there is not."""
    return _page("# There is no such page\n\n[Help](/#/help) leads from each picture to its document.\n", "/").encode()


def _page(text: str, up: str) -> str:
    """The page of a Markdown ``text``; ``up`` leads from its address to the first page of the dashboard."""
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = markdown.parse(text)
    title = "Document"
    for opening, inline in pairwise(tokens):
        if opening.type == "heading_open":
            words = _words(inline)
            opening.attrSet("id", re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-"))  # as GitHub names them
            title = words if opening.tag == "h1" else title
    return _PAGE.format(title=escape(title), up=up, body=markdown.renderer.render(tokens, markdown.options, {}))


def _words(inline: Token) -> str:
    """The text of a heading without its marks."""
    return "".join(part.content for part in inline.children or ())
