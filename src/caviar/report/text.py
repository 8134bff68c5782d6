"""Numbers and configs as people read them."""

from __future__ import annotations

from caviar.records import Config
from caviar.records.metrics import metric_name
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


def score_number(metric: str, value: float, digits: int = 4) -> str:
    """A score: four digits after the point, or four that matter where it is in the target's units."""
    return number(value) if metric in ("rmse", "mae") else f"{round(value, digits) + 0.0:.{digits}f}"  # no -0.0000


def score_text(metric: str, scores: Scores, interval: str = "") -> str:
    """The score by ``metric`` with its interval, where it has one."""
    if metric not in scores:
        return f"{metric_name(metric)} not defined"
    shown = f"{metric_name(metric)} {score_number(metric, scores[metric])}"
    if f"{metric}_low" not in scores:
        return shown
    low, high = (score_number(metric, scores[f"{metric}_{end}"], 3) for end in ("low", "high"))
    return f"{shown} ({interval}{low} to {high})"


def beside_text(metric: str, scores: Scores) -> str:
    """The usual scores beside the main one: accuracy and loss of classes, R2 and errors of numbers."""
    usual = ("accuracy", "hamming_accuracy", "exact_match", "log_loss", "r2", "rmse", "mae")
    shown = [name for name in usual if name in scores and name != metric]
    return "".join(f", {metric_name(name)} {score_number(name, scores[name])}" for name in shown)


def bytes_text(size: int) -> str:
    """Bytes as people read them: 3.1 kB, 12 MB, 3.4 GB."""
    unit, factor = next(((u, f) for u, f in (("GB", 1e9), ("MB", 1e6)) if size >= f), ("kB", 1e3))
    return f"{size / factor:.1f} {unit}" if size < 10 * factor else f"{size / factor:,.0f} {unit}"


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
