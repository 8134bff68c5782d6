TRIED = "births from 1935 to 2003 with years of two digits: the past, in training and in predict; and said"
from kit import *

days = pd.Timestamp("1935-01-01") + pd.to_timedelta(rng.integers(0, 25_000, 400), unit="D")
frame = pd.DataFrame({"born": days.strftime("%d.%m.%y"), "z": rng.normal(size=400).round(3)})
frame["y"] = np.where(days.year < 1968, "old", "young")
status, said, model = tune(frame, trials=20)
if status or model is None or "years of two digits are 1935 to 2003" not in flat(said):
    verdict("WRONG", "the years are not said", said)
pd.DataFrame({"born": ["01.02.36", "05.06.67", "03.04.01"], "z": 0.0}).to_csv("n.csv", index=False)
status, said = caviar("predict", "s.caviar", "n.csv", "--out", "o.csv")
found = pd.read_csv("o.csv").prediction.tolist()
good = status == 0 and found[0] == "old" and found[2] == "young"
verdict("right" if good else "WRONG", f"born in 1936, 1967 and 2001: {found}", said)
