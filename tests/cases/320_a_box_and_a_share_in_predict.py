TRIED = "a box that is ticked or blank decides the class; per cent in training, and other dresses of both in predict"
from kit import *

ticked = rng.random(400) < 0.4
share = rng.random(400).round(3)
frame = pd.DataFrame({"paid": np.where(ticked, "1", ""), "rate": [f"{v * 100:.1f}%" for v in share]})
frame["y"] = np.where(ticked, "in", "out")
status, said, model = tune(frame, trials=20)
if status or model is None or "taken as present or absent: 'paid'" not in flat(said):
    verdict("WRONG", "the box is not said, or is no feature", said)
for name, paid in {"float": np.where(ticked, 1.0, np.nan), "truth": ticked, "whole": ticked.astype(int)}.items():
    pd.DataFrame({"paid": paid, "rate": share * 100}).to_parquet(f"{name}.parquet")
    status, said = caviar("predict", "s.caviar", f"{name}.parquet", "--out", "o.csv")
    right = (pd.read_csv("o.csv").prediction == frame.y).mean()
    if status or right < 0.9 or "'rate' had the unit '%' in training" not in flat(said):
        verdict("WRONG", f"{name}: {right:.2f} are right, or the missing unit is not said", said)
pd.DataFrame({"paid": ticked, "rate": share}).to_parquet("share.parquet")
status, said = caviar("predict", "s.caviar", "share.parquet")
clear = status == 2 and "multiply the column by 100" in flat(said) and not crashed(said)
verdict("right" if clear else "WRONG", "boxes are found in any dress; shares for per cent are refused", said)
