"""The picture of random against grid, drawn from benchmarks/results/grid.csv (python -m benchmarks.grid makes it).

python docs/grid.py        writes docs/grid.svg

Shown is the seed in the middle of all seeds by how much random gained over grid. Colours are Okabe and Ito's, which
colour-blind people tell apart; the best trial has another shape besides.
"""

from __future__ import annotations

import csv
import math
from pathlib import Path
from statistics import mean

HERE = Path(__file__).parent
RESULTS = HERE.parent / "benchmarks" / "results" / "grid.csv"

WIDTH, HEIGHT = 860, 590
LEFT, GAP, PANEL = 76, 44, 360  # of the two columns
TOP, CURVE, BETWEEN, PLANE = 78, 190, 44, 172  # of the two rows
RATE, EPSILON, LOSS = (1e-4, 1.0), (1e-10, 1e-6), (0.02, 4.0)  # the axes' ends, all logarithmic
BLUE, ORANGE, GREY, INK = "#0072B2", "#D55E00", "#c9c9c9", "#333333"

Trial = dict[str, float]


def share(value: float, ends: tuple[float, float]) -> float:
    """Where ``value`` lies between the ends of a logarithmic axis, from 0 to 1."""
    low, high = (math.log(end) for end in ends)
    return min(max((math.log(value) - low) / (high - low), 0.0), 1.0)


def text(x: float, y: float, words: str, anchor: str = "middle", size: int = 13, more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" {more}>{words}</text>'


def power(value: float) -> str:
    """10 with its exponent raised."""
    exponent = str(round(math.log10(value))).replace("-", "\u2212")
    return f'10<tspan dy="-5" font-size="9">{exponent}</tspan>'


def mark(x: float, y: float, best: bool) -> str:
    if not best:
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5" fill="{BLUE}" fill-opacity="0.75"/>'
    corners = f"{x:.1f},{y - 8:.1f} {x + 8:.1f},{y:.1f} {x:.1f},{y + 8:.1f} {x - 8:.1f},{y:.1f}"
    return f'<polygon points="{corners}" fill="{ORANGE}" stroke="white" stroke-width="1.2"/>'


def frame(x: float, y: float, height: float) -> str:
    return f'<rect x="{x}" y="{y}" width="{PANEL}" height="{height}" fill="none" stroke="#888888"/>'


def column(left: float, title: str, trials: list[Trial], everywhere: list[Trial]) -> list[str]:
    """One way to choose 25 trials: what they scored by learning rate, and where they lie."""
    plane_top = TOP + CURVE + BETWEEN
    lowest = min(trials, key=lambda trial: trial["log_loss"])
    rates = len({trial["learning_rate"] for trial in trials})
    said = f"{len(trials)} trials, {rates} learning rates; lowest log loss {lowest['log_loss']:.3f}"
    drawn = [
        text(left + PANEL / 2, TOP - 28, title, size=16, more='font-weight="bold"'),
        text(left + PANEL / 2, TOP - 10, said),
    ]

    def at(trial: Trial) -> tuple[float, float]:
        return left + PANEL * share(trial["learning_rate"], RATE), TOP + CURVE * (1 - share(trial["log_loss"], LOSS))

    dots = "".join(f"M{x:.0f} {y:.0f}h0" for x, y in map(at, everywhere))
    drawn.append(f'<path d="{dots}" stroke="{GREY}" stroke-width="2.6" stroke-linecap="round"/>')
    for trial in sorted(trials, key=lambda trial: trial is lowest):
        x, y = at(trial)
        below = plane_top + PLANE * (1 - share(trial["epsilon"], EPSILON))
        drawn.append(
            f'<path d="M{x:.1f} {TOP + CURVE}V{plane_top}" stroke="{ORANGE if trial is lowest else BLUE}" '
            f'stroke-opacity="0.5"/>'
        )
        drawn += [mark(x, y, trial is lowest), mark(x, below, trial is lowest)]
    drawn += [frame(left, TOP, CURVE), frame(left, plane_top, PLANE)]
    for exponent in range(-4, 1):
        x = left + PANEL * share(10.0**exponent, RATE)
        drawn.append(text(x, plane_top + PLANE + 18, power(10.0**exponent), size=12))
    drawn.append(text(left + PANEL / 2, plane_top + PLANE + 38, "learning_rate"))
    return drawn


def axes() -> list[str]:
    """The meaning of the vertical axes, beside the left column."""
    plane_top = TOP + CURVE + BETWEEN
    drawn = [
        text(LEFT - 8, TOP + CURVE * (1 - share(loss, LOSS)) + 4, f"{loss:g}", "end", 12)
        for loss in (0.02, 0.1, 0.5, 4)
    ]
    drawn += [
        text(LEFT - 8, plane_top + PLANE * (1 - share(10.0**e, EPSILON)) + 4, power(10.0**e), "end", 12)
        for e in (-10, -8, -6)
    ]
    for middle, words in ((TOP + CURVE / 2, "log loss (validation)"), (plane_top + PLANE / 2, "epsilon")):
        drawn.append(text(20, middle, words, more=f'transform="rotate(-90 20 {middle})"'))
    return drawn


def main() -> None:
    with RESULTS.open(newline="") as file:
        rows = list(csv.DictReader(file))
    ways: dict[tuple[str, int], list[Trial]] = {}
    for row in rows:
        trial = {name: float(row[name]) for name in ("learning_rate", "epsilon", "log_loss")}
        ways.setdefault((row["way"], int(row["seed"])), []).append(trial)
    seeds = sorted({seed for _, seed in ways})
    best = {key: min(trial["log_loss"] for trial in trials) for key, trials in ways.items()}
    gains = {seed: best["grid", seed] - best["random", seed] for seed in seeds}
    shown = sorted(seeds, key=lambda seed: gains[seed])[len(seeds) // 2]
    everywhere = [trial for (way, _), trials in ways.items() if way == "random" for trial in trials]
    means = {way: mean(best[way, seed] for seed in seeds) for way in ("grid", "random")}
    wins = sum(gain > 0 for gain in gains.values())
    foot = (
        f"Digits, seed {shown}, the middle one of {len(seeds)}. Grey: the random trials of all seeds.",
        f"Lowest log loss, mean over all seeds: grid {means['grid']:.4f}, random {means['random']:.4f}; "
        f"random is lower in {wins} of {len(seeds)}.",
    )
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'font-family="system-ui, sans-serif" fill="{INK}" role="img">',
        "<title>Random against grid: 25 trials each, two hyperparameters of which one matters</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        text(WIDTH / 2, 26, "Two hyperparameters, of which one matters", size=17),
        *axes(),
        *column(LEFT, "grid", ways["grid", shown], everywhere),
        *column(LEFT + PANEL + GAP, "random", ways["random", shown], everywhere),
        *(text(WIDTH / 2, HEIGHT - 28 + 18 * line, words, size=12) for line, words in enumerate(foot)),
        "</svg>",
    ]
    (HERE / "grid.svg").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(*foot, sep="\n")


if __name__ == "__main__":
    main()
