"""Suggestions of caviar lr-find beside a grid of learning rates: benchmarks/results/learning_rates.csv.

    python -m benchmarks.learning_rates [--seeds 0 1 2 3 4] [--tables digits wine ...]

For each table and seed the range test suggests a rate, and the default network is trained for 50 epochs at each of 23
rates from 0.00001 to 3. A rate's score is the validation accuracy, or R2, of its best epoch, which is the one that
caviar babysit keeps; its average over the seeds is compared. On most tables a wide range of rates does equally well, so
"good" are the rates whose average score is at most 0.02 below the best one's, or at most the standard error of that
difference: a small table's best rate is a matter of luck. ``off_by`` is the factor between the suggestion and the
nearest good rate, 1 among them; ``off_from_best`` the one to the single best rate, luck included.

The rivals are read from the same curve as fastai (2.7) reads its own: the steepest point, a tenth of the rate of the
lowest loss, and the valley. The rule was chosen on the first tables; the others, marked "judged", were made afterwards.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.machine import write
from caviar.analysis.learning_rate_range import ENDS, Found, find
from caviar.data.dataset import prepare
from caviar.data.table import table
from caviar.learners.contract import Keys, TrainingData, never
from caviar.learners.dense.learner import DenseLearner

GRID = np.logspace(-5, 0.5, 23)
EPOCHS = 50
AS_GOOD = 0.02
Floats = npt.NDArray[np.float64]
Data = tuple[Floats, npt.NDArray[Any]]


@dataclass(frozen=True)
class Case:
    """A table: ``make`` draws x (m, n) and y (m,) from a stream of its own; y is a float for regression."""

    name: str
    make: Callable[[np.random.Generator], Data]
    judged: bool = False


def _sample(name: str) -> Callable[[np.random.Generator], Data]:
    def make(stream: np.random.Generator) -> Data:
        from sklearn import datasets

        loaded = getattr(datasets, f"load_{name}")()
        return loaded.data, loaded.target

    return make


def _made(name: str, **how: Any) -> Callable[[np.random.Generator], Data]:
    def make(stream: np.random.Generator) -> Data:
        from sklearn import datasets

        x, y = getattr(datasets, f"make_{name}")(random_state=int(stream.integers(2**31)), **how)
        return x, y

    return make


def _drawn(
    m: int, n: int, target: Callable[[Floats, np.random.Generator], npt.NDArray[Any]], uniform: bool = False
) -> Callable[[np.random.Generator], Data]:
    def make(stream: np.random.Generator) -> Data:
        x = stream.uniform(-1, 1, (m, n)) if uniform else stream.normal(size=(m, n))
        return x, target(x, stream)

    return make


def _noise(x: Floats, stream: np.random.Generator) -> Floats:
    return stream.normal(size=len(x))


CASES = (
    Case("digits", _sample("digits")),
    Case("wine", _sample("wine")),
    Case("breast cancer", _sample("breast_cancer")),
    Case("iris", _sample("iris")),
    Case("diabetes", _sample("diabetes")),
    Case("linear", _drawn(2000, 5, lambda x, s: x @ s.normal(size=5))),
    Case("nonlinear", _drawn(2000, 5, lambda x, s: np.sin(2 * x[:, 0]) + x[:, 1] ** 2)),
    Case("noisy linear", _drawn(3000, 20, lambda x, s: x[:, 0] + 3 * _noise(x, s))),
    Case("noisy friedman", _made("friedman1", n_samples=1000, noise=3.0)),
    Case("large friedman", _made("friedman1", n_samples=20_000, noise=1.0)),
    Case("few rows", _drawn(120, 3, lambda x, s: x[:, 0] - x[:, 1] + _noise(x, s))),
    Case("moons", _made("moons", n_samples=400, noise=0.35)),
    Case(
        "twelve classes",
        _made("classification", n_samples=20_000, n_features=40, n_informative=20, n_redundant=5, n_classes=12),
    ),
    Case("flipped labels", _made("classification", n_samples=2000, n_features=20, n_informative=3, flip_y=0.4)),
    # Made after the rule was chosen.
    Case("steps", _drawn(1500, 6, lambda x, s: np.floor(2 * x[:, 0]) + 0.3 * _noise(x, s)), True),
    Case("product", _drawn(2500, 8, lambda x, s: x[:, 0] * x[:, 1] + 0.5 * _noise(x, s)), True),
    Case("log-normal", _drawn(1200, 5, lambda x, s: np.exp(x[:, 0] + 0.5 * _noise(x, s))), True),
    Case("outliers", _drawn(800, 4, lambda x, s: x[:, 0] + 0.3 * s.standard_t(1.5, size=len(x))), True),
    Case("ripples", _drawn(8000, 2, lambda x, s: np.cos(9 * np.hypot(*x.T)) + 0.2 * _noise(x, s), True), True),
    Case("many columns", _drawn(600, 100, lambda x, s: x[:, :5].sum(axis=1) + _noise(x, s)), True),
    Case("fifty rows", _drawn(50, 4, lambda x, s: np.where(x[:, 0] + 0.5 * _noise(x, s) > 0, "a", "b")), True),
    Case("checkerboard", _drawn(3000, 2, lambda x, s: (np.floor(3 * x).sum(axis=1) % 2).astype(int), True), True),
    Case("one in twenty", _drawn(4000, 10, lambda x, s: (x[:, 0] + x[:, 1] ** 2 > 3.4).astype(int)), True),
    Case("rings", _drawn(1500, 3, lambda x, s: np.digitize(np.linalg.norm(x, axis=1), [1.2, 1.8, 2.4])), True),
    Case("thirty classes", _made("blobs", n_samples=3000, n_features=6, centers=30, cluster_std=1.5), True),
    Case("coin", _drawn(1000, 10, lambda x, s: s.integers(2, size=len(x))), True),
    Case("large and easy", _made("classification", n_samples=30_000, n_features=15, n_informative=8), True),
)


def _data(case: Case, seed: int) -> TrainingData:
    import pandas as pd

    x, y = case.make(np.random.default_rng([42, CASES.index(case)]))
    is_number = y.dtype.kind == "f"
    frame = pd.DataFrame(x, columns=[f"x{i}" for i in range(x.shape[1])])
    labels = y if is_number else np.array([f"class {label}" for label in y], dtype=object)
    task = "regression" if is_number else "classification"
    return TrainingData.of(prepare(table(frame, pd.Series(labels, name="y"), case.name), seed, task=task))


def scores(data: TrainingData, seed: int) -> list[float]:
    """The best epoch's score at every rate of the grid; the worst that counts, -1, where training diverged at once."""
    found = []
    for rate in GRID:
        training = DenseLearner().start({"learning_rate": float(rate)}, data, Keys.of(seed))
        _, epochs = training.train(EPOCHS, never())
        shown = [next(iter(epoch.validation.scores.values())) for epoch in epochs]
        found.append(max([-1.0, *(score for score in shown if np.isfinite(score))]))
    return found


def steepest(found: Found) -> float:
    """The rate at which the smoothed loss falls fastest."""
    values = np.array(found.smoothed[: _end(found)])
    slopes = np.gradient(values, np.log(np.array(found.rates[: len(values)])))
    return found.rates[int(np.argmin(slopes))]


def a_tenth(found: Found) -> float:
    """A tenth of the rate of the lowest smoothed loss."""
    return found.rates[int(np.nanargmin(found.smoothed[: _end(found)]))] / 10


def valley(found: Found) -> float:
    """Two thirds of the way down the longest run of falling losses, by the number of mini-batches."""
    losses = found.smoothed[: _end(found)]
    longest, end = [1] * len(losses), 0
    for i in range(1, len(losses)):
        for j in range(i):
            if losses[i] < losses[j] and longest[i] < longest[j] + 1:
                longest[i] = longest[j] + 1
        if longest[i] > longest[end]:
            end = i
    section = longest[end] / 3
    return found.rates[max(end - longest[end], 0) + int(section) + int(section / 2)]


def _end(found: Found) -> int:
    """The mini-batches before the loss explodes, where fastai stops."""
    lowest = np.minimum.accumulate(found.smoothed)
    over = np.flatnonzero(~(np.array(found.smoothed) <= ENDS * lowest))
    return int(over[0]) if len(over) else len(found.rates)


RIVALS = {"steepest": steepest, "a_tenth": a_tenth, "valley": valley}


def factor(rate: float, good: Floats) -> float:
    """The factor between ``rate`` and the nearest of the ``good`` rates; 1 between the first and the last of them."""
    if good[0] <= rate <= good[-1]:
        return 1.0
    return float(np.exp(np.abs(np.log(rate / good)).min()))


def measure(case: Case, seeds: Sequence[int]) -> list[dict[str, object]]:
    """One row a seed."""
    found = [find({}, _data(case, seed), seed) for seed in seeds]
    score = np.array([scores(_data(case, seed), seed) for seed in seeds])
    average = score.mean(axis=0)
    best = int(np.argmax(average))
    error = (score - score[:, [best]]).std(axis=0, ddof=1) / np.sqrt(len(seeds))
    good = GRID[average >= average[best] - np.maximum(error, AS_GOOD)]
    data = _data(case, seeds[0])
    return [
        {
            "table": case.name,
            "judged": "judged" if case.judged else "",
            "kind": "numbers" if data.n_out == 1 else f"{data.n_out} classes",
            "training_rows": len(data.training.y),
            "seed": seed,
            "suggested": f"{one.suggested:.2g}",
            "unstable_above": "" if one.largest is None else f"{one.largest:.2g}",
            "best": f"{GRID[best]:.2g}",
            "best_score": f"{average[best]:.3f}",
            "score_at_suggestion": f"{np.interp(np.log(one.suggested), np.log(GRID), average):.3f}",
            "good_from": f"{good[0]:.2g}",
            "good_to": f"{good[-1]:.2g}",
            "off_by": f"{factor(one.suggested, good):.1f}",
            "off_from_best": f"{factor(one.suggested, GRID[[best]]):.1f}",
            **{f"{name}_off_by": f"{factor(rule(one), good):.1f}" for name, rule in RIVALS.items()},
        }
        for seed, one in zip(seeds, found, strict=True)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(5)))
    parser.add_argument("--tables", nargs="+", default=[case.name for case in CASES])
    options = parser.parse_args()
    rows: list[dict[str, object]] = []
    for case in CASES:
        if case.name not in options.tables:
            continue
        new = measure(case, options.seeds)
        rows += new
        off = max(float(str(row["off_by"])) for row in new)
        print(
            f"{case.name}: good from {new[0]['good_from']} to {new[0]['good_to']}, suggested "
            f"{', '.join(str(row['suggested']) for row in new)}; at most {off:.1f} off",
            flush=True,
        )
    for part, of_it in (("chosen on", ""), ("judged", "judged")):
        for rule in ("off_by", "off_from_best", *(f"{name}_off_by" for name in RIVALS)):
            values = [float(str(row[rule])) for row in rows if row["judged"] == of_it]
            if values:
                over = sum(value > 10 for value in values)
                print(f"{part}, {rule}: {over} of {len(values)} above 10, largest {max(values):.1f}")
    if len(options.tables) == len(CASES):
        print(write("learning_rates", rows))


if __name__ == "__main__":
    main()
