TRIED = "twenty rows of each patient, whose class is the patient's own: --group in tune, babysit, lr-find and plan"
from kit import *

patient = np.repeat(np.arange(40), 20)
own = rng.normal(size=(40, 4))[patient]
frame = pd.DataFrame(own + 0.01 * rng.normal(size=own.shape), columns=list("abcd"))
frame["patient"], frame["y"] = [f"p{n}" for n in patient], np.where(rng.random(40) < 0.5, "ill", "well")[patient]
status, said, model = tune(frame, "y", "--group", "patient", trials=12)
found = re.search(r"accuracy ([0-9.]+)", said.split("sealed test")[-1])
good = status == 0 and "each of 40 groups is in one part" in flat(said) and float(found[1]) < 0.9
for command in (["babysit", "--epochs", 2, "--store", "b.db"], ["lr-find"], ["plan", "--seconds", 5]):
    status, said = caviar(command[0], "table.csv", "--target", "y", "--group", "patient", *command[1:])
    good = good and status == 0 and "each of 40 groups is in one part" in flat(said)
status, said = caviar("tune", "table.csv", "--target", "y", "--group", "patint", "--store", "t.db")
good = good and status == 2 and "did you mean 'patient'" in said and "--group" in said
verdict("right" if good else "WRONG", f"no patient is in two parts: sealed accuracy {found and found[1]}", said)
