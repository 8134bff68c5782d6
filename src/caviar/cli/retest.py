"""caviar retest, caviar retests"""

from __future__ import annotations

import sys
import time
from dataclasses import asdict, replace
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING, Annotated, Any

import typer

from caviar.cli import options
from caviar.cli.console import check_apart, console, print_json, write_page
from caviar.cli.follow_study import follow_study, status_of
from caviar.cli.next_steps import at, say_next
from caviar.cli.notes import in_commands
from caviar.cli.options import DEFAULT_STORE, Json, StoreUrl
from caviar.cli.schedule import as_text as lines_of
from caviar.cli.schedule import hours_of, schedule
from caviar.errors import ConfigError
from caviar.records import StudyResult
from caviar.report.retest import as_html, as_text, plain, retests_table
from caviar.report.retest import rows as plain_rows
from caviar.report.text import visible
from caviar.store import Store
from caviar.study.retest import request_of, retesting
from caviar.views.retest import HEADLINES, retest_rows, retest_view

if TYPE_CHECKING:
    from rich.console import Console

_TIMES = "Again and again"


def retest(
    context: typer.Context,
    study: Annotated[
        str, typer.Argument(help="A study of a table, or a model that caviar tune saved.", metavar="STUDY|MODEL")
    ],
    data: Annotated[
        str | None, typer.Option(help="Today's data; by default the study's file as it is today.", metavar="FILE")
    ] = None,
    test: Annotated[
        str | None, typer.Option(help="Today's data that is kept sealed until the end.", metavar="FILE")
    ] = None,
    seconds: Annotated[float | None, typer.Option(help="The budget: all in all. 60 if neither is given.")] = None,
    trials: Annotated[int | None, typer.Option(help="The budget as a number of challengers.")] = None,
    seed: Annotated[
        int | None, typer.Option(help="Of the splits, the configs and every weight; by default the study's and 1.")
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="The name of the new study, which must be free.", metavar="NAME")
    ] = None,
    html: Annotated[
        str | None, typer.Option(help="Write the verdict as a page, with all that it is made of.", metavar="FILE")
    ] = None,
    store: StoreUrl = DEFAULT_STORE,
    threads: options.Threads = None,
    out: options.OutFolder = None,
    every: Annotated[
        str | None,
        typer.Option(help="With --print-cron: the period, 90d, 2w or 12h.", metavar="PERIOD", rich_help_panel=_TIMES),
    ] = None,
    print_cron: Annotated[
        bool,
        typer.Option(
            "--print-cron",
            help="Print lines for cron, a systemd timer and GitHub Actions that do this, and do nothing else.",
            rich_help_panel=_TIMES,
        ),
    ] = False,
    json: Json = False,
    quiet: Annotated[
        bool,
        typer.Option("--quiet", "-q", help="Say nothing but the verdict in a line, errors, and what --json prints."),
    ] = False,
) -> int:
    """[bold]caviar retest flowers --data new.csv --seconds 60[/]

    Test an old answer again: is it still the best on today's data and machine? Its finalists and a few challengers are
    trained on the same new splits and compared on the same rows.
    Exit status 0: keep it; 3: retrain or retune it; 1: cannot tell yet.
    """
    if every is not None or print_cron:
        if every is None or not print_cron:
            raise ConfigError(
                "`every` and `print_cron` go together: lines are printed for a scheduler, and nothing runs by itself",
                "caviar retest STUDY --every 90d --print-cron",
            )
        words = options.given(data=data, test=test, seconds=seconds, trials=trials, seed=seed, threads=threads, out=out)
        words |= {} if store == DEFAULT_STORE else {"store": store}
        _print_schedule(study, every, words, store, json=json)
        return 0
    if html is not None:
        check_apart(html, study, data, test)

    def ended_with(people: Console, result: StudyResult) -> dict[str, Any]:
        if quiet and not json:
            assert result.retest is not None
            print(visible(f"{result.study}: {HEADLINES[result.retest.verdict]}: {result.retest.why}"))
        return _show(people, result, study, html)

    result = follow_study(
        lambda ended: retesting(
            study,
            store=store,
            data=data,
            test=test,
            seconds=seconds,
            trials=trials,
            seed=seed,
            study=name,
            threads=threads,
            out="." if out is None else out,
            started=context.obj,
            ended=ended,
        ),
        f"what there is of {study}",
        store,
        json=json,
        quiet=quiet,
        ended_with=ended_with,
    )
    return 1 if result is None else status_of(result)


def _print_schedule(study: str, every: str, given: dict[str, Any], store: str, *, json: bool) -> None:
    """Print the lines that run this command with what is ``given``. Raises UserMistake where it could not run."""
    hours_of(every)
    request_of(study, store, given.get("data"), given.get("test"))
    words = ["retest", study, *(word for name, value in given.items() for word in (f"--{name}", str(value)))]
    program = which("caviar") or str(Path(sys.executable).parent / "caviar")
    found = schedule(study, program, [*words, "--quiet"], str(Path.cwd()), every, time.time())
    if json:
        print_json({"study": study, "every": every, **asdict(found)})
    else:
        print(lines_of(found, study), end="")


def _show(people: Console, result: StudyResult, asked: str, html: str | None) -> dict[str, Any]:
    """Show what the verdict is made of, and write the page; the JSON object."""
    assert result.retest is not None
    view = retest_view(str(result.study), result.retest)
    people.print("")
    people.print(as_text(view))
    people.print("")
    if html is not None:
        write_page(html, as_html(view, f"{Path(asked).name}, tested again"))
    return {**plain(result), "html": html}


def retests(
    study: Annotated[str, typer.Argument(help="The name of a study; caviar studies lists them.")],
    store: StoreUrl = DEFAULT_STORE,
    json: Json = False,
) -> None:
    """[bold]caviar retests flowers[/]

    List the tests of a study's answer, with their verdicts, the oldest first.
    """
    with Store.open(store, create=False) as opened:
        found = [replace(row, why=in_commands([row.why], "retest")[0]) for row in retest_rows(opened, study)]
    if json:
        print_json(plain_rows(study, found))
        return
    people = console()
    people.print(retests_table(found))
    people.print("")
    say_next(people, ["explain", found[-1].study, *at(store)] if found else ["retest", study, *at(store)])
