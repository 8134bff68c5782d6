"""The first hyperparameters of a run: from a file, a study's best, or the defaults."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from caviar.errors import ConfigError, NoAnswer, did_you_mean
from caviar.files import MOST_TEXT, read_file, reason
from caviar.learners.balance import BALANCED, NAME
from caviar.learners.dense.config import HYPERPARAMETERS
from caviar.records import Config, ProgramSpec, Study
from caviar.records.ranking import WORST, rank_key_of
from caviar.runs.knobs import check_own
from caviar.store import Store


def read_config(path: str | None, study: str | None, store: str, own: bool = False) -> Config:
    """The config in the TOML file at ``path``, or the best of ``study``; empty, all defaults, where both are None.

    ``own``: the hyperparameters are those of a program, and have any names. Raises ConfigError for a file that is none,
    and where both are given; NoAnswer for a study without a best.
    """
    if path is not None and study is not None:
        raise ConfigError("a config comes from a file or from a study, got both", "leave out `config` or `from_study`")
    if path is not None:
        return _read_file(Path(path), own)
    return {} if study is None else _best_of(study, store, own)


def balanced(config: Config) -> Config:
    """``config`` with class_weights "balanced". Raises ConfigError where it has others."""
    if config.get(NAME, BALANCED) != BALANCED:
        raise ConfigError(
            f"`balance` sets {NAME} to {BALANCED}, and the config has {config[NAME]!r}", "leave one of the two out"
        )
    return {**config, NAME: BALANCED}


def goal_of(study: str, store: str) -> str:
    """The goal, maximize or minimize, of a study of a program. Raises ConfigError for a study of a table."""
    with Store.open(store, create=False) as opened:
        return _program(opened.study(study), True).goal


def _program(study: Study, own: bool) -> ProgramSpec:
    """The program of ``study``; ConfigError where it is a table's, and ``own`` asks for a program's."""
    if own != (study.spec.program is not None):
        whose = "a table" if own else "a program"
        raise ConfigError(f"study {study.name!r} tuned {whose}, whose hyperparameters are others", "give `config=FILE`")
    return study.spec.program or ProgramSpec()


def _read_file(path: Path, own: bool) -> Config:
    try:
        config: dict[str, Any] = tomllib.loads(read_file(path, MOST_TEXT).decode("utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"the config {str(path)!r} cannot be read: {reason(error)}", "check the path") from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(
            f"a config file must be TOML, {str(path)!r} is not: {reason(error)}",
            "write a line a hyperparameter: learning_rate = 0.01",
        ) from None
    if own:
        check_own(config)
        return config
    for name, value in config.items():
        if name not in HYPERPARAMETERS:
            raise ConfigError(f"{name[:60]!r} is no hyperparameter", did_you_mean(name, HYPERPARAMETERS))
        if isinstance(value, dict):
            raise ConfigError(
                f"{name} is one value in a config, got a table", f"write {name} = ..., a space is for tune"
            )
    return config


def _best_of(study: str, store: str, own: bool) -> Config:
    with Store.open(store, create=False) as opened:
        record = opened.study(study)
        _program(record, own)
        if record.result is not None:
            return dict(record.result.best.config)
        trials = [trial for trial in opened.trials(study) if trial.repeat == 0]
    best = max(trials, key=lambda trial: (rank_key_of(record.metric, trial), -trial.number), default=None)
    if best is None or rank_key_of(record.metric, best) == WORST:
        raise NoAnswer(f"study {study!r} has no trial that was measured", "let it run longer, or give `config=FILE`")
    return dict(best.config)
