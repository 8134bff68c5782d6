"""Figures of plotly in a page that needs no network: the library and the figure are in it, compressed.

The library has 4.8 MB, and the texts at the points repeat one another. A script in the page unpacks both.
"""

from __future__ import annotations

import base64
import gzip
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

_PLACE = "drawing"
_UNPACK = """<div id="{place}" class="plotly-graph-div"></div>
<script>
(async () => {{
  const bytes = Uint8Array.from(atob("{packed}"), (letter) => letter.charCodeAt(0));
  const text = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const script = document.createElement("script");
  script.textContent = await new Response(text).text();
  document.head.append(script);
}})().catch((error) => {{
  document.getElementById("{place}").textContent = "This browser is too old to draw the picture. " + error;
}});
</script>"""


def as_part(figure: Figure) -> str:
    """``figure`` as a part of a page; a page has one."""
    from plotly.offline import get_plotlyjs

    call = f"Plotly.newPlot('{_PLACE}', drawn.data, drawn.layout, {{responsive: true}});"
    drawn = f"{{ const drawn = {figure.to_json()}; {call} }}"
    packed = gzip.compress(f"{get_plotlyjs()}\n{drawn}".encode(), 9, mtime=0)  # without a time: the same page again
    return _UNPACK.format(place=_PLACE, packed=base64.b64encode(packed).decode())


def as_page(figure: Figure, title: str) -> str:
    """``figure`` as a page."""
    head = f"<!doctype html><html lang='en'><head><meta charset='utf-8'><title>{escape(title)}</title></head>"
    return f"{head}<body>{as_part(figure)}</body></html>"
