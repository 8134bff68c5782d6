TRIED = (
    "boxes of coarse to fine: whatever one narrows had different values in the trials before it, closed tiers included"
)
from kit import *

import csv
import io
import json

space = """
[learning_rate]
scale = "log"
low = 1e-4
high = 1.0
tier = 1
[hidden_units]
scale = "integer"
low = 4
high = 32
tier = 2
[dropout]
scale = "linear"
low = 0.0
high = 0.5
tier = 3
[decay_rate]
value = 0.0
[layers]
value = 1
"""
Path("space.toml").write_text(space)
base(300).to_csv("table.csv", index=False)
given = ["--target", "y", "--space", "space.toml", "--seconds", 8, "--study", "s", "--store", "t.db"]
status, said = caviar("tune", "table.csv", *given)
boxes = json.loads(re.search(r"^\{.*\}$", caviar("explain", "s", "--store", "t.db", "--json")[1], re.M).group())[
    "boxes"
]
rows = list(csv.DictReader(io.StringIO(caviar("trials", "s", "--csv", "--store", "t.db")[1])))
narrowed = 0
for box in boxes:
    for name in re.findall(r"(\w+) narrowed from", box["reason"]):
        narrowed += 1
        before = {row[name] for row in rows if int(row["number"]) < box["first_trial"]}
        if len(before) < 2:
            verdict("WRONG", f"{name} was never varied: {before}", box["reason"])
    if "decay_rate" in box["reason"] or "layers" in box["reason"]:
        verdict("WRONG", "a fixed value is narrowed", box["reason"])
verdict("right" if narrowed else "WRONG", f"{narrowed} of {len(boxes)} boxes' ranges were looked at", said)
