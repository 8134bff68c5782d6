TRIED = (
    "the commands after 'next:' pasted into a shell, with spaces and quotes in the names of files, columns and studies"
)
from kit import *

import os
import subprocess

from kit import BIN

frame = base().rename(columns={"y": "the 'class'"})
frame.to_csv("my table.csv", index=False)
given = ["--trials", 3, "--space", "fast.toml", "--study", "my study", "--store", "my store.db"]
status, said = caviar("tune", "my table.csv", "--target", "the 'class'", *given)
environment = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"}
waiting, done = [said], []
while waiting and len(done) < 12:
    lines = waiting.pop().splitlines()
    first = next((i for i, line in enumerate(lines) if line.startswith("next: ")), len(lines))
    for line in lines[first:]:
        command = line.removeprefix("next:").strip()
        if command in done or not command.startswith(("caviar ", "head ")):
            continue
        done.append(command)
        ran = subprocess.run(command, shell=True, capture_output=True, text=True, env=environment)
        if ran.returncode:
            verdict("WRONG", f"{command} fails: {ran.stderr.strip()}", said)
        waiting.append(ran.stdout + ran.stderr)
kinds = {command.split()[1] for command in done}
right = status == 0 and {"predict", "explain", "trials"} <= kinds
verdict("right" if right else "WRONG", f"{len(done)} commands run" if right else f"only {done}", said)
