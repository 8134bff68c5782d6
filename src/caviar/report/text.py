"""Numbers and configs as people read them."""

from __future__ import annotations

from collections.abc import Mapping

from caviar.records import Config

NO_LUCK = 5e-5
"""A gap between scores that is 0 in the four decimals that people are shown."""


def number(value: float) -> str:
    """Four significant digits at most: 0.01234, 1.2e-05, 128."""
    return f"{value:.4g}"


def metric_name(metric: str) -> str:
    """A metric as people write it: log loss, R2, RMSE."""
    return metric.upper() if metric in ("r2", "rmse", "mae") else metric.replace("_", " ")


def main_score(scores: Mapping[str, float], interval: str = "") -> str:
    """The accuracy, or the R2, of an answer's scores, with its interval where it has one."""
    name = "r2" if "r2" in scores else "accuracy"
    score = f"{metric_name(name)} {scores[name]:.4f}"
    if f"{name}_low" not in scores:
        return score
    return f"{score} ({interval}{scores[f'{name}_low']:.3f} to {scores[f'{name}_high']:.3f})"


def config_text(config: Config) -> str:
    """A config on one line: learning_rate 0.012, layers 3, ..."""
    shown = (
        number(value) if isinstance(value, float) else str(value).lower() if isinstance(value, bool) else str(value)
        for value in config.values()
    )
    return ", ".join(f"{name} {value}" for name, value in zip(config, shown, strict=True))


def duration(seconds: float) -> str:
    """41 s, 2 min 05 s, 1 h 02 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"
