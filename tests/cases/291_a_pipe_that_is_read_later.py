TRIED = (
    "what commands say in a pipe, with COLUMNS=40 in the environment: a line a thing, no blanks at its end, no colours"
)
from kit import *

import os

os.environ["COLUMNS"] = "40"
status, said, model = tune(base(), "y", trials=6)
texts = {"tune": said}
for command in ("explain", "trials", "watch"):
    texts[command] = caviar(command, "s", "--store", "t.db")[1]
texts["studies"] = caviar("studies", "--store", "t.db")[1]
texts["babysit"] = caviar("babysit", "table.csv", "--target", "y", "--epochs", 3, "--store", "t.db")[1]
for command, text in texts.items():
    lines = text.splitlines()
    if any(line != line.rstrip() for line in lines) or "\x1b" in text or "…" in text:
        verdict("WRONG", f"{command}: blanks, colours or cut words", text)
head, *rows = texts["trials"].splitlines()
if head.split()[:3] != ["trial", "state", "epochs"] or not all(re.search(r"learning_rate \S+$", r) for r in rows[:20]):
    verdict("WRONG", "the table of trials has not a line a trial", texts["trials"])
if not re.search(r"^config +trial \d+: learning_rate .*batch_size 64$", texts["tune"], re.M):
    verdict("WRONG", "the config is broken over lines", texts["tune"])
verdict("right", "a line a thing")
