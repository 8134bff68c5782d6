TRIED = "balanced training, babysit from its study, and clipping, from the command line"
from kit import *

rare = rng.random(900) < 0.07
frame = pd.DataFrame(
    {"a": rng.normal(size=900) + 1.5 * rare, "b": rng.normal(size=900), "y": np.where(rare, "ill", "ok")}
)
_, said, _ = tune(frame)
if "--balance" not in said:
    verdict("WRONG", "nothing names --balance where 93 % are of one class", said)
for name in ("t", "b"):
    if name == "t":
        status, said, _ = tune(frame, "y", "--balance", "--metric", "balanced_accuracy", study=name)
    else:
        fixed = ["--epochs", 5, "--store", "t.db", "--name", "b"]
        status, said = caviar("babysit", "table.csv", "--target", "y", "--from", "t", *fixed)
    caviar("predict", f"{name}.caviar", "table.csv", "--proba", "--out", f"{name}.csv")
    found = pd.read_csv(f"{name}.csv")
    if status or not 0.03 < found.p_ill.mean() < 0.14 or (found.prediction == "ill").mean() < 0.12:
        verdict("WRONG", f"p {found.p_ill.mean():.3f}, ill {(found.prediction == 'ill').mean():.3f}", said)
status, said, _ = tune(frame, "a", "--balance", study="n")
if status != 2 or "--balance" not in said:
    verdict("WRONG", "numbers were balanced", said)
frame["y"] = (3 * frame.a + frame.b).clip(0, 4).round(2)
tune(frame, "y", "--clip", study="c")
status, said = caviar("predict", "c.caviar", "table.csv", "--out", "c.csv")
found = pd.read_csv("c.csv").prediction
verdict("right" if found.between(0, 4).all() and "cut to it" in flat(said) else "WRONG", flat(said))
