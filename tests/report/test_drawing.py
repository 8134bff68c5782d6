"""Figures in a page that needs no network."""

from __future__ import annotations

import base64
import gzip
import json
import re
import shutil
import subprocess

import pytest
from plotly.graph_objects import Figure, Scatter
from plotly.offline import get_plotlyjs

from caviar.report.drawing import as_page, as_part

HOSTILE = "</script><img src=x onerror=alert(1)>"
FIGURE = Figure(Scatter(x=[1, 2], y=[3, 4], name="a <b> curve"))


def packed(page: str) -> bytes:
    found = re.search(r'atob\("([^"]*)"\)', page)
    assert found is not None
    return base64.b64decode(found[1])


def test_the_library_and_the_figure_are_in_it_and_no_more_is_fetched():
    page = as_page(FIGURE, HOSTILE)
    assert HOSTILE not in page
    assert "http" not in re.sub(r'atob\("[^"]*"\)', "", page)
    text = gzip.decompress(packed(page)).decode()
    assert text.startswith(get_plotlyjs())
    drawn = re.search(r"const drawn = (.*); Plotly.newPlot", text[len(get_plotlyjs()) :])
    assert drawn is not None
    assert json.loads(drawn[1])["data"][0]["y"] == [3, 4]
    assert as_page(FIGURE, HOSTILE) == page
    assert len(page) < 0.45 * len(get_plotlyjs())


@pytest.mark.skipif(shutil.which("node") is None, reason="no JavaScript here")
def test_a_browser_can_unpack_it(tmp_path):
    (script,) = re.findall(r"<script>(.*)</script>", as_part(FIGURE), re.DOTALL)
    page = """const document = {
      createElement: () => ({}),
      head: {append: (script) => console.log(script.textContent.slice(-200))},
      getElementById: () => ({set textContent(said) { console.log("failed " + said); }}),
    };"""
    (tmp_path / "page.js").write_text(page + script)
    done = subprocess.run(["node", "page.js"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "failed" not in done.stdout
    assert done.stdout.rstrip().endswith("Plotly.newPlot('drawing', drawn.data, drawn.layout, {responsive: true}); }")
