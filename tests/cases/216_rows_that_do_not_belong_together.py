TRIED = "X and y from different places: another order, other rows, NaN and infinity, masks; tune, its test, and train"
from kit import *

status, out, err = script("""
import numpy as np, pandas as pd, caviar
r = np.random.default_rng(0)
X = pd.DataFrame(r.normal(size=(200, 3)), columns=list("abc"))
y = pd.Series(np.where(X.a > X.b, 1, 0))
def refused(what, call, word):
    try: call()
    except caviar.errors.DataError as error: print("ok" if word in str(error) else f"?? {error}", what)
    else: print("?? taken", what)
few = dict(trials=2, store=None, progress=False)
mixed = X.sample(frac=1, random_state=0)
refused("another order", lambda: caviar.tune((mixed, y), **few), "another order")
refused("a frame of labels", lambda: caviar.tune((mixed, y.to_frame()), **few), "another order")
refused("the test", lambda: caviar.tune((X, y), test=(mixed, y), **few), "another order")
refused("other rows", lambda: caviar.tune((X[50:150], y[100:]), **few), "different indexes")
refused("train", lambda: caviar.train(mixed, y, {}, epochs=1), "another order")
refused("lengths", lambda: caviar.tune((X, y[1:]), **few), "200 rows and 199 labels")
for value in (np.nan, np.inf):
    bad = X.to_numpy(copy=True); bad[7, 1] = value
    refused(value, lambda: caviar.train(bad, y, {}, epochs=1), "row 7, column 1")
    refused(value, lambda: caviar.train(X, y, {}, epochs=1, validation=(bad, y)), "row 7, column 1")
print("ok" if caviar.tune((mixed, y.loc[mixed.index]), **few) else "??", "joined by the user")
""")
verdict(
    "right" if status == 0 and "??" not in out and out.count("ok") == 11 else "WRONG",
    "all refused but the last",
    out + err,
)
