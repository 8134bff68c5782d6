"""Ask a study for something from outside of its process: its end, or more of its budget; through the store."""

from __future__ import annotations

import shlex
import time
from collections.abc import Mapping
from typing import Any

from caviar.errors import ConfigError, StoreError
from caviar.ranges import check_range
from caviar.records import Intervention, InterventionState, Study, StudyState
from caviar.records.names import cleaned
from caviar.store import Store
from caviar.store.process import person
from caviar.study.spec import StorePath

KINDS = ("extend", "respace", "stop")

WAIT = 3.0
"""Seconds that ``intervene`` waits for the outcome: six times what a study needs, unless a fold takes longer."""


def intervene(
    study: str,
    kind: str,
    arguments: Mapping[str, Any],
    store: StorePath,
    because: str = "",
    who: str | None = None,
    wait: float = WAIT,
) -> Intervention:
    """Ask running study ``study`` for something, and return that with its outcome, or as it waits after ``wait`` s.

    kind: "stop": end the search, and choose among the trials that there are; a second one ends the study at once, with
        everything saved. "extend": go on for so many ``seconds`` or ``trials`` more.
        "respace": go on in another ``space``; respacing.py makes its arguments.

    Raises UserMistake where no process runs the study, and where its process refuses.
    """
    with Store.open(store, create=False) as opened:
        _check(opened, opened.study(study), kind, arguments)
        asked = opened.intervene(study, kind, arguments, cleaned(who or person()), cleaned(because))
        ended = time.monotonic() + wait
        while asked.state is InterventionState.WAITING and time.monotonic() < ended:
            time.sleep(0.05)
            asked = opened.spec(study).interventions[asked.number - 1]
    if asked.state in (InterventionState.REFUSED, InterventionState.OVERTAKEN):
        rule, way_out = asked.refusal
        raise StoreError(f"study {study!r} refused: {rule}", way_out or f"caviar watch {shlex.quote(study)}")
    return asked


def _check(store: Store, study: Study, kind: str, arguments: Mapping[str, Any]) -> None:
    """Raise UserMistake for what the study could not do, before anything is written."""
    name = shlex.quote(study.name)
    if kind == "extend":
        _check_more(study, arguments)
    if study.state is not StudyState.RUNNING or not store.leases.living(study.name):
        ways = {"extend": f"take it up with more: caviar resume {name} --seconds 60", "stop": f"caviar show {name}"}
        if study.state is not StudyState.FINISHED:
            ways["stop"] = f"its process has ended; to go on: caviar resume {name}"
        ways["respace"] = "its process has just ended: ask once more"
        raise StoreError(f"study {study.name!r} is not running", ways[kind])


def _check_more(study: Study, more: Mapping[str, Any]) -> None:
    seconds, trials = more.get("seconds"), more.get("trials")
    if (seconds is None) == (trials is None):
        raise ConfigError("a study is given more of one: `seconds` or `trials`", "give it a minute more: `seconds=60`")
    check_range("seconds", seconds)
    check_range("trials", trials)
    if study.spec.seconds is None and study.spec.trials is None:
        raise ConfigError(f"study {study.name!r} has no budget: its own program trains", "ask for more trials there")
    if trials is not None and study.spec.trials is None:
        raise ConfigError(f"the budget of study {study.name!r} is time, got `trials`", "give it more: `seconds=60`")
    if seconds is not None and study.spec.seconds is None:
        raise ConfigError(f"the budget of study {study.name!r} is trials, got `seconds`", "give it more: `trials=100`")
