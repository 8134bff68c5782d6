TRIED = (
    "--metric brier, log_loss and calibration_error: is the smaller one the better, in the search and in the answer?"
)
from kit import *

import json

frame = base(600)
frame.to_csv("table.csv", index=False)
for metric in ("brier", "log_loss", "calibration_error", "mape"):
    if metric == "mape":
        frame["y"] = 50 + 5 * frame.a
        frame.to_csv("table.csv", index=False)
    command = ["tune", "table.csv", "--target", "y", "--metric", metric, "--trials", 12, "--space", "fast.toml"]
    status, out = caviar(*command, "--study", metric, "--json", "--quiet")
    if status:
        verdict("WRONG", f"{metric} is refused", out)
    result = json.loads(out)
    best, finalists = result["best"], result["finalists"]
    means = [sum(one["scores"]) / len(one["scores"]) for one in finalists]
    if means != sorted(means) or best["validation"][metric] > max(means) + 1e-9:
        verdict("WRONG", f"the finalists by {metric} are not the smallest first", out)
    if not 0 <= best["test"][f"{metric}_low"] <= best["test"][metric] <= best["test"][f"{metric}_high"]:
        verdict("WRONG", f"{metric} has no interval around it", out)
verdict("right", "the smallest first, with an interval")
