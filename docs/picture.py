"""The README's pictures, read off a real terminal (tmux): `caviar tune` as it runs and at its end; `caviar explain`.

python docs/picture.py        writes docs/tune.svg and docs/explain.svg
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.text import Text

from caviar.data import samples

COLUMNS, LINES, LINES_OF_EXPLAIN = 100, 46, 120
HERE = Path(__file__).parent


def tmux(*arguments: str) -> str:
    command = ["tmux", "-L", "caviar-picture", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def main() -> None:
    if shutil.which("tmux") is None:
        raise SystemExit("tmux is needed: apt-get install tmux")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        samples.write_csv(samples.digits(), folder / "digits.csv")
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        shell = ["env", f"PATH={path}", "PS1=$ ", "TERM=xterm-256color", "COLORTERM=truecolor", "bash", "--norc", "-i"]
        tmux("new-session", "-d", "-x", str(COLUMNS), "-y", str(LINES), "-c", str(folder), *shell)
        try:
            tmux("send-keys", "caviar tune digits.csv --target digit --seconds 30", "Enter")
            time.sleep(17)
            during = tmux("capture-pane", "-p", "-e")
            after = screen_with("next: caviar predict")
            tmux("resize-window", "-y", str(LINES_OF_EXPLAIN))
            tmux("send-keys", "clear; caviar explain digits", "Enter")
            explained = screen_with("next: caviar trials")
        finally:
            tmux("kill-server")
    save("tune", [("after 17 seconds", during), ("\nat the end", after)])
    save("explain", [("", explained)])
    print(after, explained)


def screen_with(words: str) -> str:
    """The screen once it has ``words``: the command has ended."""
    for _ in range(120):
        screen = tmux("capture-pane", "-p", "-e")
        if words in screen:
            return screen
        time.sleep(1)
    raise SystemExit(f"{words!r} never came:\n{screen}")


def save(command: str, screens: list[tuple[str, str]]) -> None:
    """Screens of a command under one another, each with its caption, as docs/COMMAND.svg."""
    console = Console(record=True, width=COLUMNS, file=open(os.devnull, "w"), force_terminal=True)  # noqa: SIM115
    for caption, screen in screens:
        if caption:
            console.print(Text(caption, style="italic dim"))
        console.print(Text.from_ansi(screen.rstrip()))
    console.save_svg(str(HERE / f"{command}.svg"), title=f"caviar {command}")


if __name__ == "__main__":
    main()
