"""caviar client"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from caviar.cli.console import console, print_json
from caviar.cli.options import Json
from caviar.clients import CLIENTS
from caviar.errors import UserMistake, did_you_mean
from caviar.files import put


def client(
    name: Annotated[str | None, typer.Argument(help="The client; by default a list of them.")] = None,
    out: Annotated[Path, typer.Option("--out", help="Write into this folder.", metavar="DIR")] = Path("."),
    json: Json = False,
) -> None:
    """[bold]caviar client python[/]

    Write the file through which your own training program speaks to caviar. It needs no caviar, and nothing else.
    """

    if name is None:
        if json:
            print_json({"clients": CLIENTS})
        else:
            for known, files in CLIENTS.items():
                print(f"{known:<12}{'  '.join(files)}")
        return
    if name not in CLIENTS:
        raise UserMistake(f"there is no client {name!r}", did_you_mean(name, CLIENTS))
    written = _write(CLIENTS[name], out)
    if json:
        print_json({"client": name, "files": [str(out / file) for file in CLIENTS[name]], "written": written})
    else:
        for file in CLIENTS[name]:
            state = "written" if str(out / file) in written else "was there already"
            console().print(f"{out / file}: {state}", markup=False, soft_wrap=True)


def _write(names: tuple[str, ...], folder: Path) -> list[str]:
    """Write the missing ones of the files ``names`` into ``folder``, and return these; all of them, or none."""

    contents = {folder / name: (files("caviar.clients") / name).read_bytes() for name in names}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        missing = []
        for path, content in contents.items():
            if not path.exists():
                missing.append(path)
            elif path.read_bytes() != content:
                raise UserMistake(
                    f"{str(path)!r} is there, and is another file: changed, or of another version of caviar",
                    "remove it, or name another folder: `out=...`",
                )
        for path in missing:
            put(path, contents[path])
    except OSError as error:
        raise UserMistake(
            f"the client cannot be written into {str(folder)!r}: {error.strerror}",
            "name a folder that you may write to: `out=...`",
        ) from error
    return [str(path) for path in missing]
