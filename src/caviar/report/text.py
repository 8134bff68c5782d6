"""Numbers and configs as people read them."""

from __future__ import annotations

from caviar.records import Config


def number(value: float) -> str:
    """Four significant digits at most: 0.01234, 1.2e-05, 128."""
    return f"{value:.4g}"


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
