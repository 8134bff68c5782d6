"""`caviar`: the commands, and the way that every one of them ends.

Exit status: 0 done; 1 ran but has no answer; 2 the user's mistake; 3 the data have changed (drift), or something is to
be done about it (retest); 130 after Ctrl-C, 143 after SIGTERM, 129 after SIGHUP of a terminal that was closed, with
everything saved. A mistake gets two lines on stderr, the rule that was broken and the way out, and never a traceback.
"""

from __future__ import annotations

import ast
import errno
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from importlib import import_module
from pathlib import Path
from shutil import get_terminal_size
from typing import Annotated, Any

import typer

from caviar import other_tuners
from caviar.arguments import check_text
from caviar.cli.console import complain
from caviar.cli.errors import in_options, with_first_row
from caviar.cli.signals import Ended, end_at_once, hear_interrupts, terminal_is_gone
from caviar.errors import CaviarError, DataError, NoAnswer, StoreLost
from caviar.files import no_room, reason
from caviar.machine import VERSION
from caviar.ranges import check_ranges

COMMANDS = {
    "demo": "demo:demo",
    "tune": "tune:tune",
    "resume": "resume:resume",
    "enqueue": "enqueue:enqueue",
    "extend": "extend:extend",
    "respace": "respace:respace",
    "work": "work:work",
    "predict": "predict:predict",
    "drift": "drift:drift",
    "retest": "retest:retest",
    "retests": "retest:retests",
    "dashboard": "dashboard:dashboard",
    "show": "show:show",
    "explain": "explain:explain",
    "studies": "studies:studies",
    "trials": "studies:trials",
    "doctor": "doctor:doctor",
    "export": "export:export",
    "frameworks": "frameworks:frameworks",
    "import": "optuna:import_optuna",
    "delete": "delete:delete",
    "client": "client:client",
    "space": "space:space",
    "plan": "plan:plan",
    "lr-find": "lr_find:lr_find",
    "babysit": "babysit:babysit",
    "turn": "interventions:turn",
    "pause": "interventions:pause",
    "snapshot": "interventions:snapshot",
    "rollback": "interventions:rollback",
    "branch": "branch:branch",
    "stop": "interventions:stop",
    "watch": "watch:watch",
    "tree": "diary:tree",
    "diary": "diary:diary",
    "replay": "replay:replay",
}
"""The file and the function in cli/ of each command, in the order of --help."""

MANY, ONE = "Tune many networks", "Nurse one network"
"""The two ways to a network, as headings."""

_GROUPS = {
    MANY: ("demo", "tune", "resume", "enqueue", "extend", "respace", "work", "predict", "drift", "retest"),
    "Look at studies": (
        "dashboard",
        "show",
        "explain",
        "studies",
        "trials",
        "retests",
        "export",
        "delete",
        "import",
        "doctor",
    ),
    "Before you begin": ("plan", "lr-find", "space", "client", "frameworks"),
}
"""The groups of --help; all other commands nurse one network."""

_PANELS = 80  # letters of a terminal; in a narrower one the panels of a command's help cut the names of options
_TAG = re.compile(r"\[/?(?:bold)?\]")

# Typer has Click's exceptions under one name or another, by version; those that it does export lead to them.
_UsageError: type[Exception] = typer.BadParameter.__mro__[1]


def main() -> None:
    """Run the command line of this process, and end it; see entry.py."""
    _settle_streams()
    status = run(sys.argv[1:])
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, end_at_once)  # all is said, and Python takes a moment to end
    sys.exit(status)


def _settle_streams() -> None:
    """Let no letter end a command that a terminal of another encoding lacks; a stream that is closed takes nothing."""
    for name in ("stdin", "stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by whoever started us; a file that is opened must not take its number
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), "r" if name == "stdin" else "w"))
        elif name != "stdin" and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def application(name: str | None) -> typer.Typer:
    """The command ``name``; or, for the list of all commands, their names and help, with none of them loaded."""
    plain = name is not None and get_terminal_size().columns < _PANELS
    app = typer.Typer(
        name="caviar",
        rich_markup_mode=None if plain else "rich",
        help="[bold]caviar tune flowers.csv --target species[/]\n\n"
        "Tunes and trains deep networks: thousands a minute on an ordinary processor.",
        no_args_is_help=True,
        add_completion=False,
        suggest_commands=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_options)  # or Typer takes an only command for the whole application
    if name is not None:
        command = _loaded(name)
        text = _unbroken(command.__doc__ or "")
        app.command(name, help=_TAG.sub("", text) if plain else text)(command)
        return app
    for other in COMMANDS:
        panel = next((panel for panel, names in _GROUPS.items() if other in names), ONE)
        app.command(other, help=_help_of(other), rich_help_panel=panel)(lambda: None)
    return app


def run(arguments: Sequence[str]) -> int:
    """Run one command line; returns its exit status."""
    started = time.monotonic()  # a budget of seconds counts from here, so loading the command is part of it
    parameters: Mapping[str, Any] = {}
    try:
        name = arguments[0] if arguments and arguments[0] in COMMANDS else None
        command = typer.main.get_command(application(name))
        if name is not None:
            parameters = {parameter.name: parameter for parameter in command.commands[name].params}  # type: ignore[attr-defined]
        status = command(list(arguments), prog_name="caviar", standalone_mode=False, obj=started)
        sys.stdout.flush()
        return status if isinstance(status, int) else 0
    except CaviarError as error:
        way_out = with_first_row(error.way_out, error.rule) if isinstance(error, DataError) else error.way_out
        complain(in_options(error.rule, parameters), in_options(way_out, parameters))
        return 1 if isinstance(error, NoAnswer | StoreLost) else 2
    except _UsageError as error:
        return _misused(error)
    except (Ended, KeyboardInterrupt) as ended:
        return ended.status if isinstance(ended, Ended) else 130
    except MemoryError as error:
        complain(
            f"there is not enough memory: {reason(error) or 'no more could be had'}",
            "give it less data, or ask for less at once",
        )
        return 2
    except BrokenPipeError:  # `caviar trials digits | head`: the reader has seen enough
        _drop_output()
        return 0
    except OSError as error:
        if error.errno == errno.EIO and terminal_is_gone():  # it was closed in the middle of a line
            _drop_output()
            return 128 + signal.SIGHUP
        if not no_room(error):
            if error.filename is None:  # no file of the user's
                raise
            complain(f"{os.fsdecode(error.filename)!r:.200}: {reason(error)}", "check that path, or give another")
            return 2
        _drop_output()
        complain(f"the output cannot be written: {error.strerror}", "make room where it goes to, and ask again")
        return 2


def _loaded(name: str) -> Callable[..., object]:
    """The function of the command ``name``."""
    file, function = COMMANDS[name].split(":")
    command: Callable[..., object] = getattr(import_module(f"caviar.cli.{file}"), function)

    @wraps(command)
    def checking(*arguments: Any, **options: Any) -> object:
        hear_interrupts()
        check_ranges(options)
        for option, given in options.items():
            for text in given if isinstance(given, list) else [given]:
                check_text(option, text)
        return command(*arguments, **options)

    return checking


def _unbroken(text: str) -> str:
    """``text`` with a line a paragraph, for the terminal to break."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


def _show_version(asked: bool) -> None:
    if asked:
        print(f"caviar {VERSION}")
        raise typer.Exit


def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """Take the options that stand before a command."""


def _help_of(name: str) -> str:
    """The first clause on the command ``name``, read from its file: the list of commands loads none of them."""
    file, function = COMMANDS[name].split(":")
    source = ast.parse((Path(__file__).parent / f"{file}.py").read_text(encoding="utf-8"))
    found = next(node for node in source.body if isinstance(node, ast.FunctionDef) and node.name == function)
    _, _, text = (ast.get_docstring(found) or "").partition("\n\n")  # the first paragraph is an example
    return re.split(r"[.:;] ", " ".join(text.partition("\n\n")[0].split()))[0].rstrip(".")


def _drop_output() -> None:
    """Send the rest of stdout nowhere, so that Python does not try once more at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _misused(error: Exception) -> int:
    """Two lines for a command line that cannot be understood."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "caviar"
    message = getattr(error, "format_message", lambda: str(error))()
    if not message:  # no arguments at all: Click wants to show the help, and has
        return 2
    rule, _, hint = message.partition(" Did you mean ")
    asked = str(getattr(error, "option_name", "")).lstrip("-").replace("-", "_")
    known = {} if context is None else {parameter.name: parameter for parameter in context.command.params}
    if asked and (ours := other_tuners.argument(asked, known)) is not None:
        complain(f"{command}: {rule.rstrip('. ')}", in_options(ours, known))
        return 2
    complain(f"{command}: {rule.rstrip('. ')}", f"did you mean {hint}" if hint else f"{command} --help shows how")
    return 2
