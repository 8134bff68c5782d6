"""caviar dashboard"""

from __future__ import annotations

import logging
import sys
from typing import Annotated

import typer

from caviar.cli.console import console
from caviar.cli.errors import in_options
from caviar.cli.main import application
from caviar.cli.options import DEFAULT_STORE, StoreUrl
from caviar.cli.signals import Ended
from caviar.errors import UserMistake
from caviar.store import Store

LOOPBACK = "127.0.0.1"
_COMMANDS = {"continue": "resume"}  # acts that have another name there


def in_words(act: str, text: str) -> str:
    """``text`` of an error of an ``act`` as the command of its name would print it."""
    name = _COMMANDS.get(act, act)
    command = typer.main.get_command(application(name))
    options = {parameter.name: parameter for parameter in command.commands[name].params}  # type: ignore[attr-defined]
    return in_options(text, options)


def dashboard(
    store: StoreUrl = DEFAULT_STORE,
    host: Annotated[
        str, typer.Option(help="The name or address to listen on; others reach it only at one of theirs.")
    ] = LOOPBACK,
    port: Annotated[
        int | None, typer.Option(help="By default 8420, or any free one where that is taken.", min=0, max=65535)
    ] = None,
    allow_writes: Annotated[
        bool, typer.Option("--allow-writes", help="Let pages stop, extend and resume studies, and turn runs.")
    ] = False,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Only print the address, and open no page.")] = False,
) -> None:
    """[bold]caviar dashboard[/]

    Look at studies and runs in a browser, while they train. It prints an address with a token, for you alone.

    It only reads the store; with --allow-writes its pages can act on it, too. Ctrl-C ends it, and nothing else.
    """
    try:
        from caviar.web.serving import serve  # heavy, and not installed everywhere
    except ImportError as error:
        if (error.name or "").partition(".")[0] not in ("starlette", "uvicorn", "anyio", "h11"):
            raise
        raise UserMistake(
            f"caviar dashboard needs {error.name}, which is not installed", "pip install 'caviar-tuner[web]'"
        ) from None
    with Store.open(store, create=False):  # made up to date, as by every command: the server only reads
        pass
    logging.basicConfig(format="%(asctime)s %(message)s", level=logging.WARNING, stream=sys.stderr)
    people = console(json=True)

    def ready(address: str) -> None:
        print(address, flush=True)
        if host not in (LOOPBACK, "localhost", "::1"):
            people.print("others can reach it with the token, and nothing on the way is encrypted", markup=False)
        people.print("Ctrl-C ends it", markup=False)

    raise Ended(128 + serve(store, host, port, allow_writes, ready, in_words, browser=not no_browser))
