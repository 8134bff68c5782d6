"""`caviar`: the commands, and how every one of them ends.

Exit status: 0 done; 1 ran but has no answer; 2 the user's mistake; 130 after Ctrl-C and 143 after SIGTERM, with
everything saved. A mistake gets two lines on stderr, the rule that was broken and the way out, and never a traceback.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import typer

from caviar.archive import no_room
from caviar.cli import (
    babysit,
    branch,
    client,
    delete,
    demo,
    diary,
    doctor,
    explain,
    export,
    frameworks,
    lr_find,
    optuna,
    pause,
    plan,
    predict,
    replay,
    resume,
    rollback,
    snapshot,
    space,
    stop,
    studies,
    tree,
    trials,
    tune,
    turn,
    watch_run,
    work,
)
from caviar.cli.console import complain
from caviar.cli.signals import Ended
from caviar.errors import CaviarError, NoAnswer

app = typer.Typer(
    name="caviar",
    help="[bold]caviar tune flowers.csv --target species[/]\n\n"
    "Tunes and trains deep networks: thousands a minute on an ordinary processor.",
    no_args_is_help=True,
    add_completion=False,
    suggest_commands=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("demo")(demo.demo)
app.command("tune")(tune.tune)
app.command("resume")(resume.resume)
app.command("work")(work.work)
app.command("predict")(predict.predict)
app.command("explain")(explain.explain)
app.command("studies")(studies.studies)
app.command("trials")(trials.trials)
app.command("doctor")(doctor.doctor)
app.command("export")(export.export)
app.command("frameworks")(frameworks.frameworks)
app.command("import")(optuna.import_optuna)
app.command("delete")(delete.delete)
app.command("client")(client.client)
app.command("space")(space.space)
app.command("plan")(plan.plan)
app.command("lr-find")(lr_find.lr_find)
app.command("babysit")(babysit.babysit)
app.command("turn")(turn.turn)
app.command("pause")(pause.pause)
app.command("snapshot")(snapshot.snapshot)
app.command("rollback")(rollback.rollback)
app.command("branch")(branch.branch)
app.command("stop")(stop.stop)
app.command("watch")(watch_run.watch)
app.command("tree")(tree.tree)
app.command("diary")(diary.diary)
app.command("replay")(replay.replay)

# Typer has Click's exceptions under one name or another, by version; those that it does export lead to them.
_UsageError: type[Exception] = typer.BadParameter.__mro__[1]


def main() -> None:
    """The entry point of the `caviar` command."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command line; returns its exit status."""
    try:
        status = app(list(arguments), prog_name="caviar", standalone_mode=False)
        sys.stdout.flush()
        return status if isinstance(status, int) else 0
    except CaviarError as error:
        complain(error.rule, error.way_out)
        return 1 if isinstance(error, NoAnswer) else 2
    except _UsageError as error:
        return _misused(error)
    except (Ended, KeyboardInterrupt) as ended:
        return ended.status if isinstance(ended, Ended) else 130
    except BrokenPipeError:  # `caviar trials digits | head`: the reader has seen enough
        _drop_output()
        return 0
    except OSError as error:
        if not no_room(error):
            raise
        _drop_output()
        complain(f"the output cannot be written: {error.strerror}", "make room where it goes to, and ask again")
        return 2


def _drop_output() -> None:
    """What is still to be written to stdout goes nowhere, so that Python does not try once more at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _misused(error: Exception) -> int:
    """Two lines for a command line that cannot be understood."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "caviar"
    message = getattr(error, "format_message", lambda: str(error))()
    if not message:  # no arguments at all: Click wants to show the help, and has
        return 2
    rule, _, hint = message.partition(" Did you mean ")
    complain(f"{command}: {rule.rstrip('. ')}", f"did you mean {hint}" if hint else f"{command} --help shows how")
    return 2
