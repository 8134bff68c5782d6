TRIED = "--out new/models in tune, babysit and resume; a refused study leaves no folder; a file in the way is refused"
from kit import *

frame = base()
status, said, _ = tune(frame, "y", "--out", "one/models")
good = status == 0 and Path("one/models/s.caviar").is_file()
status, said = caviar(
    "babysit", "table.csv", "--target", "y", "--epochs", 2, "--name", "n", "--store", "b.db", "--out", "two/models"
)
good = good and status == 0 and Path("two/models/n.caviar").is_file()
status, said = caviar("resume", "s", "--trials", 6, "--store", "t.db", "--out", "three/models")
good = good and status == 0 and Path("three/models/s.caviar").is_file()
status, said, _ = tune(frame, "z", "--out", "four/models", study="z")
good = good and status == 2 and not Path("four").exists()
status, said, _ = tune(frame, "y", "--out", "table.csv/models", study="f")
good = good and status == 2 and "table.csv is no folder" in flat(said) and "--out" in said
verdict("right" if good else "WRONG", "made when the model is saved, and only then", said)
