TRIED = "decimal commas, currency, a unit and marks: tune, then predict the same file, and one in another dress"
from kit import *

plain = base()
dressed = plain.assign(
    a=[f"{v * 1000 + 5000:,.2f} €".translate({44: ".", 46: ","}) for v in plain.a],
    b=[f"{v:.3f}".replace(".", ",") if i % 40 else "?" for i, v in enumerate(plain.b)],
)
dressed.to_csv("d.csv", index=False, sep=";")
status, said, model = tune("d.csv", trials=12)
if status or model is None or set(model.preprocessing.numbers) != {"a", "b"} or "read as numbers" not in flat(said):
    verdict("WRONG", "not read as numbers, or not said", said)
status, said = caviar("predict", "s.caviar", "d.csv", "--out", "o.csv")
right = (pd.read_csv("o.csv").prediction == plain.y).mean()
if status or right < 0.85 or "10 missing values" not in flat(said):
    verdict("WRONG", f"{right:.2f} of the predictions are right", said)
dressed.loc[6, "a"] = "$12.00"
dressed.to_csv("n.csv", index=False, sep=";")
status, said = caviar("predict", "s.caviar", "n.csv")
clear = status == 2 and "row 7, column 'a'" in flat(said) and "€" in said and not crashed(said)
verdict("right" if clear else "WRONG", "read in the dress of training; another is refused by row and column", said)
