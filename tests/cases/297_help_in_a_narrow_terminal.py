TRIED = "--help of every command at 60 columns: no word is cut, and the list says of each command what it does"
from kit import *

import os

os.environ["COLUMNS"] = "60"
_, said = caviar("--help")
commands = re.findall(r"^│ ([a-z][a-z-]+) {2,}([A-Z]\w+)", said, re.M)
if len(commands) < 25 or any(first in ("A", "The", "What", "How") for _, first in commands):
    verdict("WRONG", "a command without a verb", said)
for name, _ in commands:
    status, said = caviar(name, "--help")
    if status or "…" in said or "[bold]" in said or max(map(len, said.splitlines())) > 60:
        verdict("WRONG", f"{name} --help is cut", said)
verdict("right", f"{len(commands)} commands")
