TRIED = "the new file for predict has no header; another has marks of missing values where training had none"
from kit import *

frame = base()
status, said, _ = tune(frame)
frame.to_csv("n.csv", index=False, header=False)
status, said = caviar("predict", "s.caviar", "n.csv")
if status != 2 or "header" not in said or "line 1" not in said or crashed(said):
    verdict("WRONG", "a file without a header is not refused as such", said)
frame.assign(a=frame.a.astype(str).where(frame.index > 7, "NA")).to_csv("m.csv", index=False)
status, said = caviar("predict", "s.caviar", "m.csv", "--out", "o.csv")
good = status == 0 and "8 missing values" in said and len(pd.read_csv("o.csv")) == 400
verdict("right" if good else "WRONG", "no header is refused; NA in numbers is missing, and counted", said)
