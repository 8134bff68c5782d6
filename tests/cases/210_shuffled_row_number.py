TRIED = "a row number without a name, with gaps, from 5000 on, shuffled; the file was sorted by class when it was made"
QUICK = True
from kit import *

frame = pd.DataFrame(rng.normal(size=(700, 3)).round(3), columns=list("abc"))
frame["y"], frame["nr2"] = np.repeat(["p", "q"], 350), np.arange(5000, 5700)
frame = frame.sample(600, random_state=0)
status, said, model = tune(frame, "y")
out = "'nr2'" in flat(said) and "--keep nr2" in flat(said) and "nr2" not in model.preprocessing.numbers
status, said, kept = tune(frame, "y", "--keep", "nr2", study="k")
used = "nr2" in kept.preprocessing.numbers and "gives 'y' away" in flat(said)
verdict("right" if out and used else "WRONG", "left out and said; kept by --keep, and then named as a leak", said)
