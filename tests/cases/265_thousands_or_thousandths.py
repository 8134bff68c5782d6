TRIED = "1,234 alone: refused with both readings, and each of them can be had; from Python, too"
from kit import *

frame = base()
values = rng.integers(1000, 99_000, 400)
frame["size"] = [f"{v:,}" for v in values]
frame[["size", "y"]].to_csv("d.csv", index=False, sep=";")
status, said, _ = tune("d.csv")
first = f"{values[0]}"
clear = status == 2 and first in said and f"{values[0] / 1000:g}" in said and "--decimal" in said and not crashed(said)
if not clear:
    verdict("WRONG", "not refused with both readings", said)
for mark, factor in ((".", 1), (",", 0.001)):
    status, said, model = tune("d.csv", "y", "--decimal", mark, study=f"s{factor}")
    if status or model is None or abs(model.preprocessing.mean[0] / (values.mean() * factor) - 1) > 0.1:
        verdict("WRONG", f"--decimal {mark} does not read it", said)
status, out, said = script(
    "import caviar, pandas as pd\nframe = pd.read_csv('d.csv', sep=';', dtype=str)\n"
    "try: caviar.tune(frame, 'y', trials=2, store=None)\nexcept caviar.CaviarError as error: print(error)\n"
    "print(caviar.tune(frame, 'y', trials=2, store=None, decimal='.').best.model.preprocessing.mean)\n"
)
good = status == 0 and '`decimal="."`' in out and first in out
verdict("right" if good else "WRONG", "refused with both readings; each can be had", out + said)
