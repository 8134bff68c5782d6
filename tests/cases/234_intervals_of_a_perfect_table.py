TRIED = "a table that is learned nearly perfectly, five folds of few rows: does any interval leave [0, 1]?"
QUICK = True
from kit import *

import json

a = rng.normal(size=150)
pd.DataFrame({"a": (a + np.sign(a) * 0.12).round(4), "y": np.where(a > 0, "up", "down")}).to_csv(
    "table.csv", index=False
)
command = [
    "tune",
    "table.csv",
    "--target",
    "y",
    "--trials",
    8,
    "--space",
    "fast.toml",
    "--store",
    "t.db",
    "--study",
    "s",
]
status, out = caviar(*command, "--json")
result = json.loads(out[out.index('{"study"') :].splitlines()[0])
ends = [result["best"]["repeated"]["low"], result["best"]["repeated"]["high"]]
ends += [value for name, value in result["best"]["test"].items() if name.endswith(("_low", "_high"))]
_, explained = caviar("explain", "s", "--store", "t.db")
shown = [float(number) for number in re.findall(r"\d\.\d{3} to (\d\.\d{3})", out + explained)]
right = status == 0 and all(0 <= end <= 1 for end in ends) and shown and max(shown) <= 1
verdict("right" if right else "WRONG", "within" if right else f"intervals end at {ends}, {shown}", out)
