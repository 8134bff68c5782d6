TRIED = "the number of trials that plan promises, beside what tune then does in that time; its command is pasted"
from kit import *

import json
import os
import subprocess

from kit import BIN

base(2000).to_csv("table.csv", index=False)
status, said = caviar("plan", "table.csv", "--target", "y", "--seconds", 8, "--json")
promised = json.loads(re.search(r"^\{.*\}$", said, re.M).group())["trials"]
command = re.search(r"next: (caviar tune .*)", said)
if command is None:
    verdict("WRONG", "no command", said)
environment = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"}
done = subprocess.run(command.group(1) + " --json --out o", shell=True, capture_output=True, text=True, env=environment)
if done.returncode:
    verdict("WRONG", "its command fails", done.stderr)
started = json.loads(done.stdout)["trials"]["started"]
right = promised / 12 < started < promised * 12
verdict("right" if right else "WRONG", f"{promised} were promised, {started} came")
