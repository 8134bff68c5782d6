"""Lines for schedulers that run a command every so many hours or days: cron, a systemd timer, GitHub Actions.

None of them counts days across months. So each starts once a day, or once an hour, and goes on only where the number of
days, or hours, since 1970 leaves the wanted rest: that is exact for every period, and needs no memory.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from caviar.errors import ConfigError

_HOURS = {"h": 1, "d": 24, "w": 168}
_MOST = 3650 * 24
_MINUTE, _HOUR = 17, 3  # not when everybody's jobs start


@dataclass(frozen=True)
class Schedule:
    """The lines: a line for a crontab, the two files of a systemd timer, and a workflow of GitHub Actions."""

    cron: str
    service: str
    timer: str
    github: str


def hours_of(every: str) -> int:
    """The hours of a period such as 90d, 2w or 12h. Raises ConfigError."""
    found = re.fullmatch(r"([1-9][0-9]{0,5})([hdw])", every.strip())
    hours = int(found[1]) * _HOURS[found[2]] if found else 0
    if not 1 <= hours <= _MOST:
        raise ConfigError(
            f"`every` must be a number of hours, days or weeks, of ten years at most, got {every!r:.40}",
            "write `every=90d`, 2w or 12h",
        )
    return hours


def schedule(name: str, program: str, words: Sequence[str], folder: str, every: str, now: float) -> Schedule:
    """The lines that run ``program`` with ``words`` in ``folder``, for the first time one period after ``now``.

    name: of the study, for people. now: seconds since 1970. Raises ConfigError for a period that is none.
    """
    hours = hours_of(every)
    daily = hours % 24 == 0
    unit, period = (86400, hours // 24) if daily else (3600, hours)
    rest = int(now // unit) % period
    due = f"[ $(( $(date +%s) / {unit} % {period} )) -eq {rest} ]" if period > 1 else ""
    command = shlex.join([program, *words])
    at = f"{_MINUTE} {_HOUR} * * *" if daily else f"{_MINUTE} * * * *"
    calendar = f"*-*-* {_HOUR:02}:{_MINUTE}:00" if daily else f"*-*-* *:{_MINUTE}:00"
    said = f"caviar retest {_plain(name)}"
    there = f"cd {shlex.quote(folder)}"
    line = " && ".join([part for part in (due, there, command) if part])
    condition = f"ExecCondition=/bin/sh -c {_unit_word(due)}\n" if due else ""
    service = (
        f"[Unit]\nDescription={said}\n\n[Service]\nType=oneshot\n{condition}"
        f"ExecStart=/bin/sh -c {_unit_word(f'{there} && exec {command}')}\nSuccessExitStatus=1\n"
    )
    timer = (
        f"[Unit]\nDescription={said}, every {every.strip()}\n\n[Timer]\nOnCalendar={calendar}\nPersistent=true\n\n"
        "[Install]\nWantedBy=timers.target\n"
    )
    return Schedule(f"{at} {line.replace('%', chr(92) + '%')}", service, timer, _github(said, at, due, words))


def _github(said: str, at: str, due: str, words: Sequence[str]) -> str:
    """A workflow, whose job fails where something is to be done: GitHub tells people then."""
    run = f"{shlex.join(['caviar', *words])} || [ $? -eq 1 ]"  # 1: it cannot be told yet
    only = "        if: steps.due.outputs.due == 'yes' || github.event_name == 'workflow_dispatch'\n" if due else ""
    check = (
        f"      - id: due\n        run: {_yaml(f'if {due}; then echo due=yes >> $GITHUB_OUTPUT; fi')}\n" if due else ""
    )
    steps = "".join(f"      - {one}\n{only}" for one in ("uses: actions/checkout@v4", "run: pip install caviar-tuner"))
    return (
        f"name: {_yaml(said)}\non:\n  schedule:\n    - cron: {_yaml(at)}\n  workflow_dispatch:\n"
        f"jobs:\n  retest:\n    runs-on: ubuntu-latest\n    steps:\n{check}{steps}      - run: {_yaml(run)}\n{only}"
    )


def _plain(text: str) -> str:
    """A name that no unit file or workflow reads as more than a name."""
    return re.sub(r"[^\w .-]", "_", text)


def _unit_word(text: str) -> str:
    """``text`` as one word of a unit file: quoted, and without its specifiers and variables."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"'


def _yaml(text: str) -> str:
    """``text`` as a scalar of YAML in single quotes."""
    return "'" + text.replace("'", "''") + "'"


def as_text(found: Schedule, name: str) -> str:
    """All of the lines with a word on where they go."""
    unit = f"caviar-retest-{re.sub(r'[^A-Za-z0-9_.-]', '-', name)}"
    return (
        f"# cron: a line for `crontab -e`; a verdict is mailed as all output is, exit status 3 asks for something\n"
        f"{found.cron}\n\n"
        f"# systemd: ~/.config/systemd/user/{unit}.service\n{found.service}\n"
        f"# and {unit}.timer beside it; then: systemctl --user enable --now {unit}.timer\n{found.timer}\n"
        f"# GitHub Actions: .github/workflows/{unit}.yml, in a repository with the store and the data\n{found.github}"
    )
