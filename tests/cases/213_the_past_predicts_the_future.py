TRIED = "sales that rise from week to week: at random the neighbours in time give each other away; --time week"
QUICK = True
from kit import *

week = pd.date_range("2018-01-01", periods=300, freq="W")
level = np.cumsum(rng.normal(1, 1, 300))
frame = pd.DataFrame(
    {
        "week": week.strftime("%d.%m.%Y"),
        "a": level,
        "b": rng.normal(size=300),
        "sales": level * 10 + rng.normal(size=300),
    }
)
frame = frame.sample(frac=1, random_state=0)
status, said, model = tune(frame, "sales", "--time", "week", "--ignore", "week")
ends = sorted(week)
good = status == 0 and f"test from {ends[240].date()} (60, 20 and 20 % of the rows)" in flat(said)
status, said, _ = tune(frame.assign(week="soon"), "sales", "--time", "week", study="t")
good = good and status == 2 and "--time must name a column of numbers or dates" in flat(said) and not crashed(said)
verdict("right" if good else "WRONG", "the latest rows are the test; text without dates is refused", said)
