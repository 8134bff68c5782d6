TRIED = "a number that no column predicts: is the mean named beside R2, and is that said loudly, to scripts too?"
from kit import *

import json

frame = pd.DataFrame(rng.normal(size=(400, 3)).round(4), columns=list("abc"))
frame["y"] = rng.normal(100, 7, size=400).round(3)
status, said, _ = tune(frame)
loud = re.search(
    r"(no|hardly) better than always predicting the mean, 100|better than always predicting the mean", flat(said)
)
_, out = caviar("tune", "table.csv", "--target", "y", "--trials", 3, "--space", "fast.toml", "--json", "--quiet")
result = json.loads(out)
noted = any("better than always predicting the mean" in note for note in result["notes"])
mean = result["baseline"]["majority"]
right = status == 0 and loud and noted and abs(mean["always"] - 100) < 2 and abs(mean["r2"]) < 0.1
verdict("right" if right else "WRONG", "said, with the mean and its R2" if right else "not said", said)
