"""Numbers and configs as people read them."""

from __future__ import annotations

import math

from caviar.records import Config
from caviar.records.result import Scores

NO_LUCK = 5e-5
"""A gap between scores that is 0 in the four decimals that people are shown."""


def number(value: float) -> str:
    """Four significant digits at most: 0.01234, 1.2e-05, 128."""
    return f"{value:.4g}"


def visible(text: str) -> str:
    """``text`` with everything that a terminal would act on, or show in another order, written out."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def value_text(value: object) -> str:
    """A hyperparameter's value: numbers by four digits, true and false as TOML has them."""
    if isinstance(value, float):
        return number(value)
    return str(value).lower() if isinstance(value, bool) else visible(str(value))


def counted(n: int, noun: str, plural: str = "") -> str:
    """1 thread, 2 threads, 1,000 threads; ``plural`` where it does not end in s alone."""
    return f"{n:,} {noun if n == 1 else plural or f'{noun}s'}"


def metric_name(metric: str) -> str:
    """A metric as people write it: log loss, R2, RMSE."""
    return metric.upper() if metric in ("r2", "rmse", "mae") else metric.replace("_", " ")


def score_text(scores: Scores, interval: str = "") -> str:
    """The accuracy, or the R2, with its interval, where it has one."""
    metric = "r2" if "r2" in scores else "accuracy"
    shown = f"{metric_name(metric)} {scores.get(metric, math.nan):.4f}"
    if f"{metric}_low" not in scores:
        return shown
    return f"{shown} ({interval}{scores[f'{metric}_low']:.3f} to {scores[f'{metric}_high']:.3f})"


def config_text(config: Config) -> str:
    """A config on one line: learning_rate 0.012, layers 3, ..."""
    return ", ".join(f"{visible(name)} {value_text(value)}" for name, value in config.items())


def duration(seconds: float) -> str:
    """41 s, 2 min 05 s, 1 h 02 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"
