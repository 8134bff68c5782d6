"""Every framework of the course, tuned and nursed by Caviar, each in its own environment:  make frameworks [NAME=...]

    python -m benchmarks.frameworks [NAME ...] [--only rows|speed|pages]

For each row of examples/frameworks: its environment (benchmarks/environments.py); a study of 8 trials of its train.py,
the poorer half and more of them stopped early; one run that is nursed: a snapshot, the learning rate turned while it
trains, a rollback. Then `caviar frameworks` times all of them. What was seen goes to benchmarks/results/frameworks.csv
and framework_speeds.csv, and from there into the tables of docs/frameworks.md. A row that cannot be run says why.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import machine
from benchmarks.environments import (
    CHECKOUT,
    EXAMPLES,
    CannotBeSetUp,
    Environment,
    Row,
    digits_folder,
    folder,
    rows,
    set_up,
)
from caviar.errors import StoreError
from caviar.frameworks.facts import Facts, read_facts
from caviar.report import plain
from caviar.store import Store
from caviar.views.run import run_view

PAGE = CHECKOUT / "docs" / "frameworks.md"
TRIALS, EPOCHS, SEED = 8, 9, 1
NURSED = {"learning_rate": 0.03, "momentum": 0.9, "hidden_units": 64, "batch_size": 32}
TURNED = 0.003
_PATIENCE = 300.0  # seconds until a run has trained its first epochs: Theano's first compile takes 90
_CAVIAR = (sys.executable, "-c", "from caviar.cli.main import main; main()")


class Failed(Exception):
    """A row did not do what it should."""


@dataclass(frozen=True)
class Command:
    """The way that ``caviar`` is run for one row: its environment's variables, the row's folder, a store of its own."""

    row: Row
    environment: Environment
    store: Path

    @property
    def program(self) -> str:
        """The command line that trains."""
        return self.row.fill(self.row.command, Path(self.environment.folder))

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """A process of ``caviar ARGUMENTS``."""
        return subprocess.Popen(
            [*_CAVIAR, *arguments, "--store", str(self.store), "--json"],
            cwd=self.row.folder,
            env=self.environment.process_variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def ask(self, *arguments: str) -> dict[str, Any]:
        """The JSON of ``caviar ARGUMENTS``. Raises Failed."""
        return answer(self.start(*arguments), arguments[0])


def answer(process: subprocess.Popen[str], what: str) -> dict[str, Any]:
    """The JSON object that a command ends with. Raises Failed with its last line where there is none."""
    said, complained = process.communicate()
    if process.returncode:
        lines = [line.strip() for line in complained.splitlines() if line.strip()]
        raise Failed(f"caviar {what}: {'; '.join(lines[-2:]) or f'exit status {process.returncode}'}")
    result: dict[str, Any] = json.loads(said)
    return result


def tuned(command: Command) -> dict[str, Any]:
    """A study of a few trials; what became of them. Raises Failed."""
    began = time.monotonic()
    said = command.ask(
        "tune", "--command", command.program, "--space", str(EXAMPLES / "digits" / "space.toml"),
        "--trials", str(TRIALS), "--epochs", str(EPOCHS), "--processes", "1", "--seed", str(SEED), "--study", "tuned",
    )  # fmt: skip
    counts = said["trials"]
    if counts["failed"] or counts["started"] != TRIALS or not counts["stopped"]:
        raise Failed(f"of {TRIALS} trials {counts['stopped']} were stopped early and {counts['failed']} failed")
    return {
        "accuracy": round(said["best"]["score"], 4),
        "finished": counts["finished"],
        "stopped": counts["stopped"],
        "diverged": counts["diverged"],
        "tune_seconds": round(time.monotonic() - began, 1),
    }


def nursed(command: Command) -> dict[str, Any]:
    """A run whose learning rate is turned, and that is rolled back, while it trains. Raises Failed."""
    config = command.store.parent / "config.toml"
    config.write_text("".join(f"{name} = {value}\n" for name, value in NURSED.items()), encoding="utf-8")
    begun = command.start(
        "babysit", "--command", command.program, "--config", str(config), "--name", "nursed",
        "--epochs", "1000000", "--no-nurse",
    )  # fmt: skip
    with ended(begun) as run:
        wait_until(command, run, lambda diary: any(entry["epoch"] >= 2 for entry in diary))
        command.ask("snapshot", "nursed")
        command.ask("turn", "nursed", f"learning_rate={TURNED}", "--because", "make frameworks")
        command.ask("rollback", "nursed", "--because", "make frameworks")
        wait_until(command, run, trained_on)
        command.ask("stop", "nursed")
        answer(run, "babysit")
    diary = diary_of(command)
    before_and_after = [NURSED["learning_rate"], TURNED]
    if not any(entry["facts"]["turned"]["learning_rate"] == before_and_after for entry in of_kind(diary, "turn")):
        raise Failed("the diary has no turn of the learning rate")
    if len(of_kind(diary, "rollback")) != 1 or not trained_on(diary):
        raise Failed("the diary has no rollback after which it trained on")
    return {"turned": "yes", "rolled_back": "yes"}


Diary = Sequence[Mapping[str, Any]]


def diary_of(command: Command) -> Diary:
    """The diary of the run, empty before it is there; a process that is asked for it would take a second."""
    try:
        with Store.open(command.store, create=False, read_only=True) as store:
            return plain.diary(run_view(store, "nursed"))["diary"]  # type: ignore[no-any-return]
    except StoreError:
        return []


def of_kind(diary: Diary, kind: str) -> list[Mapping[str, Any]]:
    """The entries of one kind."""
    return [entry for entry in diary if entry["kind"] == kind]


def trained_on(diary: Diary) -> bool:
    """True if epochs were trained after the last rollback; ticks count all epochs, those that were undone too."""
    rollbacks = of_kind(diary, "rollback")
    return bool(rollbacks) and diary[-1]["tick"] > rollbacks[-1]["tick"]


def wait_until(command: Command, run: subprocess.Popen[str], enough: Callable[[Diary], bool]) -> None:
    """Until the diary of the run has what is awaited. Raises Failed."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        if run.poll() is not None:
            answer(run, "babysit")
            raise Failed("caviar babysit ended by itself")
        if enough(diary_of(command)):
            return
        time.sleep(0.2)
    raise Failed(f"the run did not do for {_PATIENCE:.0f} s what was awaited")


@contextmanager
def ended(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    """The process, which does not outlive the block."""
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def seen(row: Row) -> dict[str, Any]:
    """The row's line of the table: what it did, or why it could not."""
    line: dict[str, Any] = dict.fromkeys(_COLUMNS, "")
    line |= {"row": row.name, "title": row.title, "framework": row.framework}
    try:
        environment = set_up(row)
        line |= {
            "python": environment.python,
            "megabytes": environment.megabytes,
            "setup_seconds": environment.seconds,
        }
        work = folder() / "studies" / row.name
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        command = Command(row, environment, work / "caviar.db")
        line |= tuned(command)
        line |= nursed(command)
    except (CannotBeSetUp, Failed) as error:
        line["why_not"] = str(error)
    return line


_COLUMNS = (
    "row", "title", "framework", "python", "megabytes", "setup_seconds", "accuracy", "finished", "stopped", "diverged",
    "tune_seconds", "turned", "rolled_back", "why_not",
)  # fmt: skip


def write_digits() -> None:
    """train.csv and validation.csv, 64 pixels and the label a row, four fifths and one; unless they are there."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    into = digits_folder()
    if (into / "validation.csv").exists():
        return
    into.mkdir(parents=True, exist_ok=True)
    x, y = load_digits(return_X_y=True)
    parts = train_test_split(np.column_stack([x, y]), test_size=0.2, random_state=0, stratify=y)
    for name, part in zip(
        ("train", "validation"), parts, strict=True
    ):  # the last to be written says that both are there
        np.savetxt(into / f"{name}.csv", part, fmt="%d", delimiter=",")


def time_them(names: Sequence[str]) -> list[dict[str, Any]]:
    """`caviar frameworks`, as rows of a CSV."""
    command = [*_CAVIAR, "frameworks", *names, "--environments", str(folder()), "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    lines = []
    for said in json.loads(done.stdout)["frameworks"]:
        if said["version"] is None:
            continue
        line = {"row": said["name"], **{name: said[name] for name in _TIMED}}
        for speed in said["speeds"]:
            network = speed["network"]
            line[f"{network}_steps_per_second"] = round(speed["theirs"], 1)
            line[f"{network}_caviar"] = round(speed["ours"], 1)
            line[f"{network}_ratio"] = f"{speed['ratio']:.3g} ({speed['ratio_low']:.3g} to {speed['ratio_high']:.3g})"
        lines.append({column: "" if (value := line.get(column)) is None else value for column in _SPEED_COLUMNS})
    return lines


_TIMED = ("title", "version", "lines", "import_seconds", "first_step_seconds", "accuracy", "failure")
_SPEED_COLUMNS = (
    "row", *_TIMED[:-1],
    *(f"{network}_{what}" for network in ("small", "wide") for what in ("steps_per_second", "caviar", "ratio")),
    "failure",
)  # fmt: skip


def write_page(path: Path = PAGE) -> None:
    """Put the tables into the page, between its markers."""
    page = path.read_text(encoding="utf-8")
    tables = {
        "rows": rows_table(machine.read("frameworks")),
        "speeds": speeds_table(machine.read("framework_speeds")),
        "known": known_table(read_facts()),
    }
    for name, table in tables.items():
        page = between(page, name, table)
    path.write_text(page, encoding="utf-8")


def between(page: str, name: str, text: str) -> str:
    """``page`` with ``text`` between ``<!-- name -->`` and ``<!-- end of name -->``."""
    start, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    if page.count(start) != 1 or page.count(end) != 1:
        raise ValueError(f"the page needs one line {start} and one line {end}")
    before, _, rest = page.partition(start)
    _, _, after = rest.partition(end)
    return f"{before}{start}\n{text}\n{end}{after}"


def markdown(headings: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    """A table."""
    lines = [headings, ["---"] * len(headings), *body]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)


def rows_table(lines: Sequence[Mapping[str, str]]) -> str:
    """The results of each framework under Caviar."""
    headings = (
        "framework", "version", "Python", "environment", "set up in", "best of 8 trials", "stopped early", "study took",
        "rate turned live", "rolled back",
    )  # fmt: skip
    body = []
    for line in lines:
        cells = [line["title"], line["framework"], line["python"]]
        if line["megabytes"]:
            cells += [f"{int(line['megabytes']):,} MB", f"{float(line['setup_seconds']):.0f} s"]
        else:
            cells += ["-", "-"]
        if line["accuracy"]:
            cells += [line["accuracy"], line["stopped"], f"{float(line['tune_seconds']):.0f} s"]
        else:
            cells += ["-", "-", "-"]
        body.append([*cells, line["turned"] or "-", line["rolled_back"] or "-"])
    whys = [f"- **{line['title']}**: {line['why_not']}." for line in lines if line["why_not"]]
    table = markdown(headings, body)
    return "\n".join([table, "", *whys, *([""] if whys else []), _where(lines)])


def speeds_table(lines: Sequence[Mapping[str, str]]) -> str:
    """Ease of programming, and speed."""
    headings = (
        "framework",
        "lines",
        "import",
        "first step",
        "small, steps/s",
        "ours to it",
        "wide, steps/s",
        "ours to it",
    )
    ranked = sorted(lines, key=lambda line: -float(line["small_steps_per_second"] or 0))
    body = []
    for line in ranked:
        cells = [
            line["title"],
            line["lines"],
            *(_seconds(line[f"{what}_seconds"]) for what in ("import", "first_step")),
        ]
        for network in ("small", "wide"):
            rate = line[f"{network}_steps_per_second"]
            ours = line["row"] == "caviar"
            cells += [f"{float(rate):,.0f}" if rate else "-", "-" if ours else line[f"{network}_ratio"] or "-"]
        body.append(cells)
    whys = [f"- **{line['title']}**: {line['failure']}." for line in ranked if line["failure"]]
    return "\n".join([markdown(headings, body), "", *whys, *([""] if whys else []), _where(lines)])


def _seconds(text: str) -> str:
    return f"{float(text):.2f} s" if text else "-"


def known_table(facts: Mapping[str, Facts]) -> str:
    """Openness and ways to deploy, with the sources."""
    body = []
    for known in facts.values():
        said = (known.licence, known.governance, known.release, known.deploy)
        body.append([known.title, *("unknown" if entry is None else f"{entry[0]} ({entry[1]})" for entry in said)])
    return markdown(("framework", "licence", "governed by", "last release", "can be deployed as"), body)


def _where(lines: Sequence[Mapping[str, str]]) -> str:
    """The machines and days of the measurements; the CSV has the commits."""
    places = sorted({f"{line['machine']}, {line['date']}" for line in lines})
    return f"Measured on: {'; '.join(places)}."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these rows, or all of a folder")
    parser.add_argument("--only", choices=("rows", "speed", "pages"), help="not all three")
    options = parser.parse_args()
    chosen = [row for row in rows() if not options.names or {row.name, row.folder.name} & set(options.names)]
    known = {name for row in rows() for name in (row.name, row.folder.name)}
    for name in options.names:
        if name not in known:
            sys.exit(f"{name!r} is no framework of examples/frameworks\nknown: {', '.join(sorted(known))}")
    os.environ["CAVIAR_FRAMEWORKS"] = str(folder())
    if options.only in (None, "rows"):
        write_digits()
        for row in chosen:
            print(f"{row.title} ...", flush=True)
            line = seen(row)
            machine.merge("frameworks", [line], ["row"])
            print("  " + (f"cannot: {line['why_not']}" if line["why_not"] else f"accuracy {line['accuracy']}, done"))
    if options.only in (None, "speed"):
        there = [row.name for row in chosen if row.python and (folder() / row.name / "ready.json").exists()]
        if there:
            machine.merge("framework_speeds", time_them(there), ["row"])
    write_page()
    print(f"written to {PAGE.relative_to(CHECKOUT)}")


if __name__ == "__main__":
    main()
