TRIED = "three classes, 94 %, 4 % and 2 %: balanced accuracy and the recall of the rarest beside the accuracy"
QUICK = True
from kit import *

a = rng.normal(size=900)
y = np.select([a > 2.0, a > 1.55], ["storm", "rain"], "fair")
frame = pd.DataFrame({"a": a.round(4), "noise": rng.normal(size=900).round(4), "y": y})
status, said, _ = tune(frame)
text = flat(said)
shown_there = re.search(
    r"9\d(\.\d)? % of the sealed rows are 'fair': balanced accuracy 0\.\d{4}, \d+ of \d+ rows? of 'storm'", text
)
verdict(
    "right" if status == 0 and shown_there else "WRONG", "said" if shown_there else "the rare classes disappear", said
)
