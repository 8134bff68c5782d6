"""The quick cases of tests/cases; ``make cases`` runs all."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cases.__main__ import HERE, run

QUICK = [case for case in sorted(HERE.glob("[0-9]*.py")) if "\nQUICK = True\n" in case.read_text()]


def test_there_are_quick_cases():
    assert QUICK


@pytest.mark.parametrize("case", QUICK, ids=lambda case: case.stem)
def test_quick(case: Path):
    right, said = run(case)
    assert right, said
