"""The picture of score over time beside other tuners, drawn from what `python -m benchmarks.search_real` measured.

python docs/search_real.py        writes docs/search_real.svg

A rival's line is the best validation score so far, the mean over its seeds, from where each of them has one; its tint
reaches from the lowest seed to the highest. caviar's points are runs of so many seconds each, finals and last training
included, the bars from the lowest seed to the highest. Where a tool has seeds of two budgets, those of the budget with
more seeds are shown. Colours are Okabe and Ito's, which colour-blind people tell apart.
"""

from __future__ import annotations

import csv
import math
from collections import Counter
from pathlib import Path
from statistics import mean

HERE = Path(__file__).parent
RESULTS = HERE.parent / "benchmarks" / "results" / "search_real_curves.csv"

TOOLS = {
    "caviar": ("Caviar", "#000000"),
    "optuna": ("Optuna", "#0072B2"),
    "ray": ("Ray Tune", "#D55E00"),
    "keras": ("Keras Tuner", "#009E73"),
    "sklearn": ("scikit-learn", "#CC79A7"),
}
PANELS = {  # the ends of the vertical axis, and its ticks
    "digits": (0.90, 1.0, (0.90, 0.95, 1.0)),
    "twelve": (0.40, 0.90, (0.40, 0.60, 0.80)),
    "fashion-mnist": (0.80, 0.92, (0.80, 0.85, 0.90)),
}
TICKS = (1, 3, 10, 30, 120, 300)  # seconds, on a logarithmic axis
WIDTH, HEIGHT = 960, 360
LEFT, GAP, PANEL, TOP, TALL = 52, 44, 262, 70, 230

Curve = list[tuple[float, float]]
"""(seconds, best validation score so far)."""


def text(x: float, y: float, words: str, anchor: str = "middle", size: int = 13, more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" {more}>{words}</text>'


def curves(rows: list[dict[str, str]], data: str, tool: str) -> dict[int, list[Curve]]:
    """By budget, the curve of each seed."""
    found: dict[tuple[int, str], Curve] = {}
    for row in rows:
        if (row["data"], row["tool"]) == (data, tool):
            point = float(row["after"]), float(row["best_validation"])
            found.setdefault((int(row["seconds"]), row["seed"]), []).append(point)
    budgets: dict[int, list[Curve]] = {}
    for (seconds, _), curve in found.items():
        budgets.setdefault(seconds, []).append(sorted(curve))
    return budgets


def score(curve: Curve, at: float) -> float:
    """The best score that a seed had by then."""
    return max(value for after, value in curve if after <= at)


def panel(left: float, data: str, rows: list[dict[str, str]]) -> list[str]:
    """One table."""
    low, high, ticks = PANELS[data]

    def x(seconds: float) -> float:
        return left + PANEL * min(max(math.log(max(seconds, 1.0)) / math.log(TICKS[-1] * 1.1), 0.0), 1.0)

    def y(value: float) -> float:
        return TOP + TALL * (1 - min(max((value - low) / (high - low), 0.0), 1.0))

    drawn = [text(left + PANEL / 2, TOP - 12, data, size=15, more='font-weight="bold"')]
    for tick in ticks:
        drawn.append(f'<path d="M{left} {y(tick):.1f}h{PANEL}" stroke="#dddddd"/>')
        drawn.append(text(left - 6, y(tick) + 4, f"{tick:.2f}", "end", 11))
    for seconds in TICKS:
        drawn.append(text(x(seconds), TOP + TALL + 17, str(seconds), size=11))
        drawn.append(f'<path d="M{x(seconds):.1f} {TOP + TALL}v4" stroke="#888888"/>')
    for tool, (_, colour) in TOOLS.items():
        budgets = curves(rows, data, tool)
        if not budgets:
            continue
        if tool == "caviar":
            points = []
            for seconds, runs in sorted(budgets.items()):
                values = [curve[-1][1] for curve in runs]
                points.append((x(seconds), y(mean(values))))
                drawn.append(
                    f'<path d="M{x(seconds):.1f} {y(min(values)):.1f}V{y(max(values)):.1f}" stroke="{colour}"/>'
                )
            drawn.append(
                f'<path d="M{"L".join(f"{a:.1f} {b:.1f}" for a, b in points)}" stroke="{colour}" stroke-width="2.4" '
                'fill="none"/>'
            )
            drawn += [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="4" fill="{colour}"/>' for a, b in points]
            continue
        seeds = Counter({seconds: len(runs) for seconds, runs in budgets.items()})
        last = max(seeds, key=lambda seconds: (seeds[seconds], seconds))
        runs = budgets[last]
        begins = max(curve[0][0] for curve in runs)
        times = [begins, *sorted({after for curve in runs for after, _ in curve if begins < after < last}), float(last)]
        values = [[score(curve, at) for curve in runs] for at in times]
        upper = [(x(at), y(max(v))) for at, v in zip(times, values, strict=True)]
        lower = [(x(at), y(min(v))) for at, v in zip(times, values, strict=True)]
        area = steps(upper) + "L" + "L".join(f"{a:.1f} {b:.1f}" for a, b in reversed(stairs(lower)))
        drawn.append(f'<path d="{area}Z" fill="{colour}" fill-opacity="0.10"/>')
        middle = [(x(at), y(mean(v))) for at, v in zip(times, values, strict=True)]
        drawn.append(f'<path d="{steps(middle)}" stroke="{colour}" stroke-width="1.8" fill="none"/>')
    drawn.append(f'<rect x="{left}" y="{TOP}" width="{PANEL}" height="{TALL}" fill="none" stroke="#888888"/>')
    return drawn


def stairs(points: Curve) -> Curve:
    """A best score stays until there is a better one."""
    corners = points[:1]
    for a, b in points[1:]:
        corners += [(a, corners[-1][1]), (a, b)]
    return corners


def steps(points: Curve) -> str:
    return "M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in stairs(points))


def main() -> None:
    with RESULTS.open(newline="") as file:
        rows = list(csv.DictReader(file))
    drawn = []
    for place, (name, colour) in enumerate(TOOLS.values()):
        at = LEFT + 40 + place * 180
        drawn.append(f'<path d="M{at} 22h26" stroke="{colour}" stroke-width="{3 if place == 0 else 2}"/>')
        drawn.append(text(at + 33, 27, name, "start"))
    for place, data in enumerate(PANELS):
        drawn += panel(LEFT + place * (PANEL + GAP), data, rows)
    drawn.append(text(WIDTH / 2, HEIGHT - 16, "seconds (logarithmic); the best validation accuracy so far", size=12))
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif">'
    picture = [head, f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>', *drawn, "</svg>"]
    (HERE / "search_real.svg").write_text("\n".join(picture) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
