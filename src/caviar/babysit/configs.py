"""Where a run's first hyperparameters come from: a file, a study's best, or the defaults."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from caviar.errors import ConfigError, NoAnswer, did_you_mean
from caviar.nn.config import HYPERPARAMETERS
from caviar.records import Config


def read_config(path: str | None, study: str | None, store: str) -> Config:
    """The config in the TOML file at ``path``, or the best of ``study``; empty, all defaults, where both are None.

    Raises ConfigError for a file that is none, and where both are given; NoAnswer for a study without a best.
    """
    if path is not None and study is not None:
        raise ConfigError("a config comes from a file or from a study, got both", "leave --config or --from out")
    if path is not None:
        return _read_file(Path(path))
    return {} if study is None else _best_of(study, store)


def _read_file(path: Path) -> Config:
    try:
        config: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"the config {str(path)!r} cannot be read: {error.strerror}", "check the path") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(
            f"a config file must be TOML, {str(path)!r} is not: {str(error).splitlines()[0]}",
            "write a line a hyperparameter: learning_rate = 0.01",
        ) from None
    for name, value in config.items():
        if name not in HYPERPARAMETERS:
            raise ConfigError(f"{name[:60]!r} is no hyperparameter", did_you_mean(name, HYPERPARAMETERS))
        if isinstance(value, dict):
            raise ConfigError(
                f"{name} is one value in a config, got a table", f"write {name} = ..., a space is for tune"
            )
    return config


def _best_of(study: str, store: str) -> Config:
    from caviar.store import Store

    with Store.open(store, create=False) as opened:
        record = opened.study(study)
        if record.result and "best" in record.result:
            return dict(record.result["best"]["config"])
        scored = [trial for trial in opened.trials(study) if trial.validation_loss is not None and trial.repeat == 0]
    best = min(
        (t for t in scored if t.validation_loss == t.validation_loss),
        key=lambda t: t.validation_loss or 0.0,
        default=None,
    )
    if best is None:
        raise NoAnswer(f"study {study!r} has no trial that was measured", "let it run longer, or give --config FILE")
    return dict(best.config)
