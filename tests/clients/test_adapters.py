"""The pages of docs/frameworks that this environment can run; for the others see nursed.py."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

from caviar.clients import CLIENTS
from tests.clients.nursed import PAGES, nurse, program


@pytest.mark.parametrize("page", ["torch", "sklearn"])
def test_a_network_is_nursed(page: str, tmp_path: Path) -> None:
    nurse(page, sys.executable, tmp_path)


@pytest.mark.parametrize("other_way", [False, True], ids=["page", "run"])
def test_a_network_of_keras_is_nursed(other_way: bool, tmp_path_factory: pytest.TempPathFactory) -> None:
    environment = {"KERAS_BACKEND": "torch", "KERAS_HOME": str(tmp_path_factory.mktemp("keras"))}
    nurse("keras", sys.executable, tmp_path_factory.mktemp("nursed"), environment, other_way)


@pytest.mark.parametrize("page", sorted(set(CLIENTS) - {"python", "java"}))
def test_every_framework_has_a_page_with_a_program_that_python_takes(page: str) -> None:
    ast.parse(program(page))
    assert f"caviar client {page}" in (PAGES / f"{page}.md").read_text()
    assert f"({page}.md)" in (PAGES / "README.md").read_text()
