TRIED = "explain, trials, studies, tune and watch in real terminals of 40, 60, 80, 100 and 200 columns: nothing is cut"
from kit import *

import fcntl
import os
import pty
import struct
import termios

from kit import BIN


def shown(width: int, *command: str) -> str:
    """All that a terminal of ``width`` columns is sent, without its colours."""
    child, terminal = pty.fork()
    if child == 0:
        os.environ.update(TERM="xterm-256color", COLUMNS="", LINES="")
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 50, width, 0, 0))
        os.execv(BIN / "caviar", ["caviar", *command])
    said = b""
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:
            break
        if not part:
            break
        said += part
    os.waitpid(child, 0)
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", said.decode())


frame = base().rename(columns={"a": "a_column_with_a_name", "b": "another_of_them"})
for study in ("a_study_with_a_rather_long_name", "s"):
    status, said, model = tune(frame, "y", study=study, trials=6)
for width in (40, 60, 80, 100, 200):
    for command in (["explain", "s"], ["trials", "s"], ["studies"], ["watch", "s", "--once"]):
        text = shown(width, *command, "--store", "t.db")
        body = text.split("next: ")[0]  # a command to paste is one line, which the terminal breaks
        longest = max(map(len, re.split(r"[\r\n]+", body)))
        if "…" in body or longest > width or crashed(text):
            verdict("WRONG", f"{command} at {width}: a line of {longest}, or words that are cut", text)
    for name in ("learning_rate", "a_column_with_a_name"):
        if name not in shown(width, "explain", "s", "--store", "t.db"):
            verdict("WRONG", f"{name} is broken at {width}")
verdict("right", "whole at every width")
