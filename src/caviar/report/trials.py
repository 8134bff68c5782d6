"""The trials of a study."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from caviar.records import Study, Trial, Value
from caviar.records.ranking import rank_key_of
from caviar.report.text import config_text, metric_name


def trial_row(trial: Trial) -> dict[str, Any]:
    """A trial as plain data."""
    return {
        "trial": trial.number,
        "repeat": trial.repeat,
        "state": str(trial.state),
        "epochs": trial.epochs,
        "score": trial.score,
        "validation_loss": trial.validation_loss,
        "config": dict(trial.config),
    }


def trials_table(study: Study, trials: Sequence[Trial], most: int) -> Group:
    """The ``most`` best trials and their repeats, and only the hyperparameters that differ between trials."""
    ranked = sorted(trials, key=lambda t: (rank_key_of(study.metric, t), -t.number), reverse=True)[:most]
    varied = {name for name, values in _values(trials).items() if len(values) > 1}
    table = Table(box=None, pad_edge=False)
    for heading in ("trial", "state", "epochs", metric_name(study.metric), "loss", "config"):
        table.add_column(Text(heading), justify="left" if heading in ("state", "config") else "right")
    for trial in ranked:
        table.add_row(
            f"{trial.number}" + (f" again {trial.repeat}" if trial.repeat else ""),
            str(trial.state),
            str(trial.epochs),
            "" if trial.score is None else f"{trial.score:.4f}",
            "" if trial.validation_loss is None else f"{trial.validation_loss:.4f}",
            Text(config_text({name: value for name, value in trial.config.items() if name in varied})),
        )
    left = len(trials) - len(ranked)
    return Group(table, Text(f"{left:,} more: --best N shows N, --csv and --json give all")) if left else Group(table)


def _values(trials: Sequence[Trial]) -> dict[str, set[Value]]:
    """Every value that each hyperparameter has in some trial."""
    values: dict[str, set[Value]] = {}
    for trial in trials:
        for name, value in trial.config.items():
            values.setdefault(name, set()).add(value)
    return values
