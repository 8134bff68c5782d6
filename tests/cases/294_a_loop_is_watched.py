TRIED = "watch, diary and export of a caviar.babysit.run loop that says loss and accuracy and saves snapshots"
from kit import *

import json

loop = """
import time

import caviar
with caviar.babysit.run("looped", {"learning_rate": 0.1}, store="t.db", snapshot_seconds=0.0) as run:
    w = 5.0
    for step in range(30):
        time.sleep(0.15)
        w -= run.knobs.learning_rate * w
        run.log(loss=w * w + 0.1, accuracy=1 / (1 + abs(w)))
        if run.wants_snapshot:
            run.snapshot(w=w)
"""
status, out, err = script(loop)
if status:
    verdict("WRONG", "the loop fails", err)
_, said = caviar("watch", "looped", "--store", "t.db")
steps = re.findall(r"looped \| step (\d+) \| loss", said)
if len(steps) < 3 or steps[-1] != "30" or "lowest loss" not in said:  # about one a second is kept
    verdict("WRONG", f"only steps {steps} are shown", said)
seen = json.loads(re.search(r"^\{.*\}$", caviar("watch", "looped", "--store", "t.db", "--json")[1], re.M).group())
if not seen.get("snapshots") and "snapshots" not in said:
    verdict("WRONG", "where snapshots lie is not said", said + str(list(seen)))
verdict("right", f"{len(steps)} points of its curves")
