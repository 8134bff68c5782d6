TRIED = "the target again: in other units, as bands of text, and as a text that only one class has; from a DataFrame"
from kit import *

status, out, err = script("""
import warnings, numpy as np, pandas as pd, caviar
r = np.random.default_rng(0)
warnings.simplefilter("always")
frame = pd.DataFrame(r.normal(size=(500, 3)), columns=list("abc"))
price = np.exp(frame.a + r.normal(size=500))
numbers = frame.assign(euro=price * 0.9, band=[f"band {int(np.log(p) * 8)}" for p in price], price=price)
classes = frame.assign(boat=np.where(r.random(500) < .4, "b" + pd.Series(r.integers(1, 9, 500)).astype(str), None))
classes["y"] = np.where(classes.boat.isna(), "no", "yes")
for table, target in ((numbers, "price"), (classes, "y")):
    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always")
        caviar.tune(table, target, trials=3, store=None, progress=False)
    print(*[str(w.message) for w in given], sep="\\n")
""")
said = flat(out)
good = status == 0 and all(f"'{name}' (" in said for name in ("euro", "band", "boat")) and "'a' (" not in said
verdict("right" if good else "WRONG", "all three are named, and no other", out + err)
