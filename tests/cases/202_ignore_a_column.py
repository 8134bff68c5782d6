TRIED = "--ignore leaves a column out; a wrong name is refused with the nearest one"
QUICK = True
from kit import *

frame = base()
frame["leak"] = (frame.y == "up").astype(int)
status, said, model = tune(frame, "y", "--ignore", "leak")
if status or model is None or "leak" in model.preprocessing.numbers:
    verdict("WRONG", "the column was used", said)
status, said, _ = tune(frame, "y", "--ignore", "laek", study="t")
clear = status == 2 and "did you mean 'leak'" in flat(said) and not crashed(said)
verdict(
    "right" if clear else "WRONG", "left out; a wrong name gets the nearest" if clear else "not refused clearly", said
)
