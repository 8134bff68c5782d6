TRIED = "the target is a price such as $1,234.50: regression, and predictions are numbers in dollars"
from kit import *

frame = base()
price = 20_000 + 3_000 * frame.a + 1_000 * frame.b
frame = frame.drop(columns="y").assign(price=[f"${v:,.2f}" for v in price])
status, said, model = tune(frame, "price", trials=12)
if status or model is None or not model.regression or "the target 'price' is read as numbers" not in flat(said):
    verdict("WRONG", "not a target of regression, or not said", said)
caviar("predict", "s.caviar", "table.csv", "--out", "o.csv")
error = (pd.read_csv("o.csv").prediction - price).abs().mean()
frame.loc[32, "price"] = "n/a"
status, said, _ = tune(frame, "price", study="t")
clear = status == 2 and "row 33" in said and "'n/a'" in said and not crashed(said)
verdict(
    "right" if error < 1500 and clear else "WRONG", f"off by {error:.0f} dollars; a gap is refused by its row", said
)
