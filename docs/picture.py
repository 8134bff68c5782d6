"""The README's picture: `caviar tune` in a real terminal (tmux), read off the screen while it runs and when it is done.

python docs/picture.py        writes docs/tune.svg
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

COLUMNS, LINES = 100, 32
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
            time.sleep(18)
            after = tmux("capture-pane", "-p", "-e")
        finally:
            tmux("kill-server")
    console = Console(record=True, width=COLUMNS, file=open(os.devnull, "w"), force_terminal=True)  # noqa: SIM115
    console.print(Text("after 17 seconds", style="italic dim"))
    console.print(Text.from_ansi(during.rstrip()))
    console.print(Text("\nat the end", style="italic dim"))
    console.print(Text.from_ansi(after.rstrip()))
    console.save_svg(str(HERE / "tune.svg"), title="caviar tune")
    print(after)


if __name__ == "__main__":
    main()
