TRIED = "the class depends on the weekday; predict for days after all of training, written with the day first"
from kit import *

days = pd.Series(pd.date_range("2023-01-01", periods=400))
frame = pd.DataFrame({"a": rng.normal(size=400).round(3), "when": days.dt.strftime("%d/%m/%Y")})
frame["y"] = np.where(days.dt.day_of_week < 5, "work", "rest")
status, said, model = tune(frame, trials=40)
if status or model is None or "dates become numbers" not in flat(said):
    verdict("WRONG", "dates are not numbers, or nothing is said", said)
later = pd.Series(pd.date_range("2024-03-01", periods=70))
new = pd.DataFrame({"a": 0.0, "when": later.dt.strftime("%d/%m/%Y")})
new.to_csv("new.csv", index=False)
status, said = caviar("predict", "s.caviar", "new.csv", "--out", "o.csv")
right = (pd.read_csv("o.csv").prediction == np.where(later.dt.day_of_week < 5, "work", "rest")).mean()
good = status == 0 and "unknown" not in said and right > 0.9
verdict("right" if good else "WRONG", f"{right:.2f} of the later days are right", said)
