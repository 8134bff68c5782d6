"""The bundle of the pages: plain modules that a browser and the report in one file can both load."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

BUNDLE = Path(__file__).parents[2] / "src" / "caviar" / "report" / "bundle"
OURS = sorted(BUNDLE.glob("*.js"))
VENDORED = {
    "htm/LICENSE": "740725f7252e750af735d0028cc534970772f513331e9f68150fede8fb3ce00f",
    "htm/standalone.module.js": "72284e8e9079c87817145df1110f74e8a2aa040b2fc384922e18dfcb46fc1fd7",
    "preact/LICENSE": "1fe6958409c8c257a70c587a18b6f7f412b179b456630790d30b2ec9a8e4b7d4",
    "signals/LICENSE": "a11fc89e4c6b118854c7a667734a0b2e6bf2af5e45c6686de31adbccc8f3ae8d",
    "signals/signals-core.module.js": "45c263e519aaf3b6ef9b0a12a8b63dc06cdfcbd35bffc8203ec68c6117e6fcd7",
    "uplot/LICENSE": "8f989229699b4fe2f1a0432d0e9edc338a8a911e250e2d1b01ecd770a5f5b1bd",
    "uplot/uPlot.iife.min.js": "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f",
    "uplot/uPlot.min.css": "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
}
"""SHA-256 of the files of others, as they stand in the packages that vendor/README.md names."""


def imported(path: Path) -> list[Path]:
    names = re.findall(r'^import\b[^"]*?"([^"]+)";', path.read_text(), re.MULTILINE)
    return [(path.parent / name).resolve() for name in names]


def test_files_of_others_are_unchanged_and_have_their_licences():
    vendor = BUNDLE / "vendor"
    found = {path.relative_to(vendor).as_posix(): path for path in vendor.rglob("*") if path.is_file()}
    del found["README.md"]
    assert {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in found.items()} == VENDORED
    code = sum(path.stat().st_size for name, path in found.items() if not name.endswith("LICENSE"))
    assert code < 73_000


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.name)
def test_a_module_imports_files_that_are_there_and_keeps_to_a_strict_policy(path: Path):
    assert all(other.is_file() for other in imported(path))
    text = path.read_text()
    markup = ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write")
    for forbidden in (*markup, "eval(", "new Function", "http:"):
        assert forbidden not in text
    assert not re.search(r"""\sstyle=(["']|\$\{[^{])""", text)  # style-src 'self' forbids it; the CSSOM is allowed
    assert "https:" not in text.replace("https://www.w3.org", "")
    assert len(text.splitlines()) <= 450


def test_no_module_imports_itself_through_others():
    """The report in one file has the modules one after another."""

    def visit(path: Path, above: tuple[Path, ...]) -> None:
        assert path not in above, [each.name for each in (*above, path)]
        for other in imported(path):
            visit(other, (*above, path))

    visit(BUNDLE / "main.js", ())


def test_the_first_page_has_files_only_that_are_there_and_nothing_inline():
    page = (BUNDLE / "index.html").read_text()
    for name in re.findall(r'(?:href|src)="bundle/([^"]+)"', page):
        assert (BUNDLE / name).is_file()
    assert "<script>" not in page
    assert "style=" not in page


def test_every_module_is_on_the_page():
    reached, waiting = set(), [BUNDLE / "main.js"]
    while waiting:
        path = waiting.pop()
        if path not in reached:
            reached.add(path)
            waiting += imported(path)
    assert set(OURS) <= reached
