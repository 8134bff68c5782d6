TRIED = (
    "NPZ files as others write them: train_images and test_labels, big-endian, feature names as objects, several parts"
)
from kit import *

x, y = rng.normal(size=(200, 4, 2)), rng.integers(0, 3, 200)
x[:, 0, 0] += y
np.savez("a.npz", train_images=x[:150].astype(">f4"), train_labels=y[:150].astype(">i2"), test_images=x[150:],
         test_labels=y[150:], val_images=x[:5], val_labels=y[:5], names=np.array(["p", "q"], dtype=object))  # fmt: skip
status, said, model = tune("a.npz", "train_labels")
good = (
    status == 0 and "'val_images', 'val_labels'" in flat(said) and re.search(r"sealed test.*50", flat(said)) is not None
)
np.savez("new.npz", x=x[:7].astype(">f8"))
status, said = caviar("predict", "s.caviar", "new.npz", "--out", "o.csv")
good = good and status == 0 and len(pd.read_csv("o.csv")) == 7
status, said = caviar("predict", "s.caviar", "a.npz", "--out", "o.csv")
good = good and status == 2 and "one array of features to predict" in flat(said) and not crashed(said)
np.savez("b.npz", x=x.astype(object), y=y)
status, said, _ = tune("b.npz", "y", study="b")
good = good and status == 2 and "'x' holds Python objects" in flat(said)
verdict("right" if good else "WRONG", "read, the test part sealed, the rest said; no pickle", said)
