TRIED = "several targets of two labels: tune, predict with --proba, resume, babysit, and what cannot be"
from kit import *

a, b = rng.normal(size=600), rng.normal(size=600)
noise = rng.normal(size=(2, 600)) / 2
frame = pd.DataFrame(
    {
        "a": a,
        "b": b,
        "sport": np.where(a + noise[0] > 0.5, "yes", "no"),
        "kind": np.where(b + noise[1] > 0, "malign", "benign"),
        "topic": rng.choice(["red", "green", "blue"], 600),
    }
)
both = ["--target", "sport", "--target", "kind"]
status, said, model = tune(frame, *both[1:], study="t")
if status or [one.name for one in model.targets] != ["sport", "kind"]:
    verdict("WRONG", "several targets were not tuned", said)
if "'malign' of 'kind'" not in flat(said):
    verdict("WRONG", "nothing says which label the probabilities are of", said)
caviar("predict", "t.caviar", "table.csv", "--proba", "--out", "p.csv")
found = pd.read_csv("p.csv")
if list(found) != ["prediction_sport", "prediction_kind", "p_sport", "p_kind"] or len(found) != 600:
    verdict("WRONG", "other columns than prediction_<target> and p_<target>", list(found))
right = np.mean([(found.prediction_sport == frame.sport).mean(), (found.prediction_kind == frame.kind).mean()])
if right < 0.8 or ((found.p_kind > 0.5) != (found.prediction_kind == "malign")).mean() > 0.02:
    verdict("WRONG", f"{right:.3f} right, or probabilities of the other label", found.head())
status, said = caviar("babysit", "table.csv", *both, "--epochs", 3, "--store", "t.db", "--name", "b")
if status or "hamming accuracy" not in said:
    verdict("WRONG", "no run of several targets", said)
for words in (["--target", "topic"], ["--clip"], ["--metric", "accuracy"], ["--task", "regression"]):
    status, said, _ = tune(frame, *both[1:], *words, study="n")
    if status != 2 or "Traceback" in said:
        verdict("WRONG", f"{words} was taken, or was no user's mistake", said)
frame.loc[4, "kind"] = None
status, said, _ = tune(frame, *both[1:], study="m")
verdict("right" if status == 2 and "'kind', the first is row 5" in flat(said) else "WRONG", flat(said))
