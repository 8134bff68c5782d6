TRIED = (
    "2,000 columns of which one decides, --seconds 15: is it found, in time, and is it said that not all were measured?"
)
from kit import *

import json
import time

frame = pd.DataFrame(rng.normal(size=(400, 2000)).round(3), columns=[f"gene {i}" for i in range(2000)])
frame["y"] = np.where(frame["gene 1234"] > 0, "ill", "well")
frame.to_csv("table.csv", index=False)
began = time.monotonic()
status, out = caviar("tune", "table.csv", "--target", "y", "--seconds", 15, "--json")
result = json.loads(out[out.index('{"study"') :].splitlines()[0])
took = time.monotonic() - began
measured = [column for column in result["columns"] if column["importance"] is not None]
best = result["columns"][0]
shown_there = len(measured) == 2000 or "measured alone" in flat(out)
learned = result["best"]["test"]["accuracy"] > 0.8
right = status == 0 and shown_there and took < 90 and (best["name"] == "gene 1234" or not learned)
verdict("right" if right else "WRONG", f"{len(measured)} measured, first {best['name']}, {took:.0f} s", out[-3000:])
