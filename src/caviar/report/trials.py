"""The trials of a study."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from caviar.records import Study, Trial
from caviar.report.text import metric_name, number
from caviar.search.ranking import merit


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
    ranked = sorted(trials, key=lambda t: (merit(study.metric, t.score, t.validation_loss), -t.number), reverse=True)[
        :most
    ]
    names = list(dict.fromkeys(name for trial in trials for name in trial.config))
    varied = [name for name in names if len({trial.config.get(name) for trial in trials}) > 1]
    table = Table(box=None, pad_edge=False)
    for heading in ("trial", "state", "epochs", metric_name(study.metric), "loss", *varied):
        table.add_column(Text(heading.replace("_", " ")), justify="left" if heading == "state" else "right")
    for trial in ranked:
        cells = [trial.config.get(name, "") for name in varied]
        table.add_row(
            f"{trial.number}" + (f" again {trial.repeat}" if trial.repeat else ""),
            str(trial.state),
            str(trial.epochs),
            "" if trial.score is None else f"{trial.score:.4f}",
            "" if trial.validation_loss is None else f"{trial.validation_loss:.4f}",
            *(Text(number(cell) if isinstance(cell, float) else str(cell)) for cell in cells),
        )
    left = len(trials) - len(ranked)
    return Group(table, Text(f"{left:,} more: --best N shows N, --csv and --json give all")) if left else Group(table)
