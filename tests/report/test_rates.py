"""The picture of a range test: its marks stand under the curve at their rates, and its sentence says what is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from caviar.analysis.learning_rate_range import Found
from caviar.report.rates import picture

RATES = tuple(float(rate) for rate in np.geomspace(1e-6, 10, 200))
FOUND = Found(RATES, (2.0,) * 200, tuple(2.0 - (0.001 < rate < 1) for rate in RATES), RATES[100], RATES[150])


def drawn(found: Found, width: int) -> list[str]:
    console = Console(width=width, color_system=None)
    with console.capture() as capture:
        console.print(picture(found, width))
    return capture.get().splitlines()


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_marks_stand_where_the_rates_are(width: int) -> None:
    lines = drawn(FOUND, width)
    assert all(len(line) <= width for line in lines)
    marks = next(line for line in lines if "▲" in line)
    axis = lines[lines.index(marks) + 1]
    start, end = axis.index("1e-06"), len(axis.rstrip()) - 1
    assert (marks.index("▲") - start) / (end - start) == pytest.approx(100 / 199, abs=0.03)
    assert (marks.index("△") - start) / (end - start) == pytest.approx(150 / 199, abs=0.03)


def test_the_sentence() -> None:
    said = " ".join(drawn(FOUND, 200)[-1].split())
    assert said == f"Start near {FOUND.suggested:.2g}; above {FOUND.largest:.2g} training becomes unstable."
    assert "training was stable up to 10, the highest rate tried" in drawn(replace(FOUND, largest=None), 200)[-1]


def test_a_curve_that_explodes_is_drawn() -> None:
    losses = (*FOUND.smoothed[:-2], float("inf"), float("nan"))
    assert "Start near" in drawn(replace(FOUND, smoothed=losses), 80)[-1]
