"""The login page: all that a browser without the token sees, in one file without a script."""

from __future__ import annotations

import base64
import hashlib
from html import escape

PATH = "/login"
FIELD = "token"
MOST_BYTES = 4096
"""Bytes of a form that is sent to PATH."""

_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0; min-height: 100vh; display: grid; place-items: center;
  background: Canvas; color: CanvasText; }
main { max-width: 26rem; padding: 1.5rem; }
h1 { font-size: 1.25rem; margin: 0 0 .5rem; }
p { margin: .5rem 0; }
form { display: flex; gap: .5rem; margin-top: 1rem; }
input { flex: 1; min-width: 0; font: inherit; padding: .5rem; border: 1px solid GrayText; border-radius: 6px; }
button { font: inherit; padding: .5rem 1rem; border: 0; border-radius: 6px; background: #0072b2; color: #fff; }
code { font-size: .9em; }
[role=alert] { color: #d55e00; }
"""

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Caviar: log in</title>
<style>{style}</style>
</head>
<body>
<main>
<h1>This dashboard needs its token</h1>
{said}<p>It is in the address that <code>caviar dashboard</code> has printed, after <code>?token=</code>.
Open that address, or type the token here.</p>
<form method="post" action="{path}" autocomplete="off">
<input type="password" name="{field}" aria-label="Token" placeholder="Token" required autofocus>
<button type="submit">Log in</button>
</form>
</main>
</body>
</html>
"""


def login_page(said: str = "") -> bytes:
    """The page; ``said`` is why the last try failed."""
    alert = f'<p role="alert">{escape(said)}</p>\n' if said else ""
    return _PAGE.format(style=_STYLE, said=alert, path=PATH, field=FIELD).encode()


_SUM = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

POLICY = f"default-src 'none'; style-src 'sha256-{_SUM}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
"""The content security policy of the page."""
