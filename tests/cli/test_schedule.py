"""Lines for schedulers: each is read by the scheduler's own rules, and comes due as often as was asked."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from caviar.cli.main import run
from caviar.cli.schedule import Schedule, as_text, hours_of, schedule
from caviar.errors import ConfigError
from tests.cli.test_retest_command import folder, there  # noqa: F401

DAY = 86400
NAMES = st.text(st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="/"), min_size=1, max_size=12)


def made(name: str = "old", every: str = "90d", now: float = 0.0, words: tuple[str, ...] = ()) -> Schedule:
    return schedule(name, "/usr/bin/caviar", ["retest", name, *words], "/tmp/my folder", every, now)


def runs(shell: str, at: float, tmp_path: Path) -> bool:
    """True where the line of a crontab, without its times, runs the program at that moment."""
    clock, ran = tmp_path / "date", tmp_path / "ran"
    clock.write_text(f"#!/bin/sh\necho {int(at)}\n")
    clock.chmod(0o755)
    ran.unlink(missing_ok=True)
    program = tmp_path / "caviar"
    program.write_text(f"#!/bin/sh\nprintf '%s\\n' \"$@\" > {ran}\n")
    program.chmod(0o755)
    line = shell.replace("\\%", "%").replace("/usr/bin/caviar", str(program)).replace("'/tmp/my folder'", "/tmp")
    subprocess.run(["/bin/sh", "-c", line], env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, check=False)
    return ran.exists()


@pytest.mark.parametrize(
    ("every", "unit", "period"), [("90d", DAY, 90), ("2w", DAY, 14), ("5h", 3600, 5), ("1d", DAY, 1)]
)
def test_a_line_of_cron_comes_due_once_a_period(every: str, unit: int, period: int, tmp_path: Path):
    now = 1_700_000_000.0
    line = made(every=every, now=now).cron
    *times, shell = line.split(" ", 5)
    assert [re.fullmatch(r"\d+|\*", one) is not None for one in times] == [True] * 5
    assert times[1:] == (["3", "*", "*", "*"] if unit == DAY else ["*"] * 4)
    assert "%" not in shell.replace("\\%", "")  # cron takes a bare one for the end of the line
    due = [k for k in range(2 * period + 1) if runs(shell, now + k * unit, tmp_path)]
    assert due == [0, period, 2 * period]


def test_the_words_come_through_the_shell_as_they_are(tmp_path: Path):
    words = ("--data", "it's 100% $HOME.csv", '--store="x"')
    shell = made(words=words).cron.split(" ", 5)[5]
    assert runs(shell, 0, tmp_path)
    assert (tmp_path / "ran").read_text().splitlines() == ["retest", "old", *words]


@given(NAMES, st.lists(NAMES, max_size=3))
def test_whatever_the_names_yaml_has_one_workflow_and_each_unit_its_lines(name: str, words: list[str]):
    found = made(name, words=tuple(words))
    flow = yaml.safe_load(found.github)
    assert flow[True]["schedule"] == [{"cron": "17 3 * * *"}]  # "on" is true to YAML 1.1, and GitHub knows
    steps = flow["jobs"]["retest"]["steps"]
    assert [step.get("id") for step in steps] == ["due", None, None, None]
    assert steps[-1]["run"].startswith("caviar retest ")
    assert len(found.service.splitlines()) == 8
    assert len(found.timer.splitlines()) == 9
    assert "\n" not in found.cron


@pytest.mark.parametrize(("status", "ends"), [(0, 0), (1, 0), (2, 1), (3, 1)])
def test_the_workflow_fails_where_something_is_to_be_done_alone(status: int, ends: int, tmp_path: Path):
    line = yaml.safe_load(made().github)["jobs"]["retest"]["steps"][-1]["run"]
    program = tmp_path / "caviar"
    program.write_text(f"#!/bin/sh\nexit {status}\n")
    program.chmod(0o755)
    shell = ["/bin/bash", "-e", "-c", line]  # as GitHub does
    assert subprocess.run(shell, env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, check=False).returncode == ends


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd")
@pytest.mark.parametrize("every", ["90d", "7h", "1d"])
def test_systemd_takes_the_units(every: str, tmp_path: Path):
    found = schedule("old", "/bin/true", ['it\'s 100% $HOME \\ "x"'], "/tmp/my folder", every, 0.0)
    for kind, text in (("service", found.service), ("timer", found.timer)):
        (tmp_path / f"caviar-retest-old.{kind}").write_text(text)
    units = [str(tmp_path / f"caviar-retest-old.{kind}") for kind in ("service", "timer")]
    checked = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False)
    ours = [line for line in checked.stderr.splitlines() if "caviar-retest-old" in line]
    assert ours == []
    calendar = re.search(r"OnCalendar=(.*)", found.timer)
    assert calendar
    assert (
        subprocess.run(["systemd-analyze", "calendar", calendar[1]], capture_output=True, check=False).returncode == 0
    )


@pytest.mark.parametrize("every", ["", "90", "0d", "d", "-3d", "1.5d", "90 days", "99999d", "1m"])
def test_a_period_that_is_none(every: str):
    with pytest.raises(ConfigError, match="every"):
        hours_of(every)


def test_the_command_prints_all_of_it_and_trains_nothing(capfd: pytest.CaptureFixture[str]):
    before = sorted(Path().iterdir())
    words = ["retest", "old", "--every", "90d", "--print-cron", "--data", "turned.csv", "--seconds", "30"]
    assert run(words) == 0
    said = capfd.readouterr().out
    assert "retest old --data turned.csv --seconds 30.0 --quiet" in said
    assert run([*words, "--json"]) == 0
    found = json.loads(capfd.readouterr().out)
    assert set(found) == {"study", "every", "cron", "service", "timer", "github"}
    assert said == as_text(Schedule(*(found[name] for name in ("cron", "service", "timer", "github"))), "old")
    assert sorted(Path().iterdir()) == before


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--every", "90d"], "--print-cron"),
        (["--print-cron"], "--every"),
        (["--every", "soon", "--print-cron"], "hours, days or weeks"),
        (["--every", "90d", "--print-cron", "--data", "nosuch.csv"], "nosuch.csv"),
        (["--every", "90d", "--print-cron", "--test", "nosuch.csv"], "nosuch.csv"),
    ],
)
def test_mistakes(words: list[str], says: str, capfd: pytest.CaptureFixture[str]):
    assert run(["retest", "old", *words]) == 2
    assert says in capfd.readouterr().err
    assert run(["retest", "nobody", "--every", "90d", "--print-cron"]) == 2
