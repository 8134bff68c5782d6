TRIED = "950, 1.250, 12.400: refused with both readings, each can be had; read as thousands beside decimal commas"
from kit import *

price = rng.integers(250, 40_000, 400)
cells = [f"{v:,}".replace(",", ".") for v in price]
frame = pd.DataFrame(
    {"price": cells, "z": rng.normal(size=400).round(2), "y": np.where(price > 20_000, "dear", "cheap")}
)
status, said, _ = tune(frame)
if status != 2 or "--decimal . reads" not in flat(said) or "--decimal , reads" not in flat(said):
    verdict("WRONG", "not refused with both readings", said)
for mark, mean in ((",", price.mean()), (".", np.where(price < 1000, price, price / 1000).mean())):
    status, said, model = tune(frame, "y", "--decimal", mark, study=f"s{ord(mark)}")
    if status or model is None or abs(model.preprocessing.mean[0] / mean - 1) > 0.15:
        verdict("WRONG", f"--decimal {mark} does not read it", said)
frame["z"] = [f"{v:.2f}".replace(".", ",") for v in frame.z]
status, said, model = tune(frame, study="t")
good = status == 0 and model is not None and abs(model.preprocessing.mean[0] / price.mean() - 1) < 0.15
verdict("right" if good and "'price' ('" in said else "WRONG", "refused, or read as thousands with a note", said)
