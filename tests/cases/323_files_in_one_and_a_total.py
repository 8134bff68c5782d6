TRIED = "two files in one, so that the header comes again; a row Total at the end; rows without a label"
from kit import *

frame = base()
lines = frame.to_csv(index=False).splitlines()
Path("two.csv").write_text("\n".join([*lines[:200], lines[0], *lines[200:], ""]))
status, said, model = tune("two.csv", trials=12)
if status or model is None or "line 201 is the header once more" not in flat(said):
    verdict("WRONG", "the header in the middle is not left out, or not said", said)
status, said = caviar("predict", "s.caviar", "two.csv", "--out", "o.csv")
if status or len(pd.read_csv("o.csv")) != 400 or "accuracy 0." not in said:
    verdict("WRONG", "predict does not read it so, or does not score it", said)
shops = frame.assign(shop=[f"S{k % 5}" for k in range(400)])
shops.loc[400] = [shops.a.sum(), shops.b.sum(), "up", "Total"]
shops.loc[[3, 7], "y"] = None
status, said, _ = tune(shops, study="t")
if (
    status != 2
    or "row 4" not in said
    or "--skip-unlabelled" not in said
    or "row 1 is the first below" not in flat(said)
):
    verdict("WRONG", "rows without a label are not refused with the way out", said)
status, said, _ = tune(shops, "y", "--skip-unlabelled", study="u")
good = status == 0 and "2 rows have no label" in flat(said) and "looks like a total" in flat(said)
verdict("right" if good else "WRONG", "left out and said; the total is said", said)
