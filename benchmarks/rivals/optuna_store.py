"""A study of Optuna's with the trials of one of Caviar's, for Optuna's dashboard.

    python -m benchmarks.rivals.optuna_store CAVIAR_STORE STUDY OPTUNA_STORE

Optuna makes its own database and its own study. The trials, their parameters, values and intermediate values are
written into its tables at once, for one value a transaction would take hours.
"""

from __future__ import annotations

import json
import math
import sqlite3
import sys
from datetime import UTC, datetime
from typing import Any

import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution, distribution_to_json

STATES = {"finished": "COMPLETE", "stopped": "PRUNED", "running": "RUNNING", "interrupted": "FAIL"}


def distribution(values: list[Any]) -> Any:
    """The distribution of a parameter that had these values."""
    if all(isinstance(value, str) for value in values):
        return CategoricalDistribution(sorted(set(values)))
    if all(isinstance(value, int) for value in values):
        return IntDistribution(min(values), max(values))
    low, high = float(min(values)), float(max(values))
    return FloatDistribution(low, high, log=low > 0 and high / low > 100)


def main() -> None:
    """Write the store that the command line asks for."""
    source, name, target = sys.argv[1:]
    optuna.create_study(storage=f"sqlite:///{target}", study_name=name, direction="maximize")
    connection = sqlite3.connect(target)
    connection.execute("ATTACH ? AS caviar", [source])
    (study,) = connection.execute("SELECT id FROM caviar.studies WHERE name = ?", [name]).fetchone()
    query = "SELECT number, state, score, config, began, ended FROM caviar.trials WHERE study = ? AND repeat = 0"
    trials = connection.execute(query, [study]).fetchall()
    configs = {number: json.loads(config) for number, _, _, config, _, _ in trials}
    names = list(dict.fromkeys(key for config in configs.values() for key in config))
    known = {key: distribution([c[key] for c in configs.values() if key in c]) for key in names}
    texts = {key: distribution_to_json(found) for key, found in known.items()}

    def moment(seconds: float | None) -> str | None:
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")

    columns = "trial_id, number, study_id, state, datetime_start, datetime_complete"
    connection.executemany(
        f"INSERT INTO trials ({columns}) VALUES (?, ?, 1, ?, ?, ?)",
        [(n + 1, n, STATES.get(state, "FAIL"), moment(began), moment(end)) for n, state, _, _, began, end in trials],
    )
    values = [(n + 1, score) for n, state, score, *_ in trials if state == "finished" and _is_finite(score)]
    connection.executemany(
        "INSERT INTO trial_values (trial_id, objective, value, value_type) VALUES (?, 0, ?, 'FINITE')", values
    )
    connection.executemany(
        "INSERT INTO trial_params (trial_id, param_name, param_value, distribution_json) VALUES (?, ?, ?, ?)",
        [
            (number + 1, key, known[key].to_internal_repr(value), texts[key])
            for number, config in configs.items()
            for key, value in config.items()
        ],
    )
    connection.execute(
        "INSERT INTO trial_intermediate_values (trial_id, step, intermediate_value, intermediate_value_type) "
        "SELECT number + 1, epoch, score, 'FINITE' FROM caviar.measurements "
        "WHERE study = ? AND repeat = 0 AND typeof(score) = 'real'",
        [study],
    )
    connection.commit()


def _is_finite(score: Any) -> bool:
    return isinstance(score, float) and math.isfinite(score)


if __name__ == "__main__":
    main()
