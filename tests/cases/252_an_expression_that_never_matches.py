TRIED = "--score with an expression that matches nothing: is what the program printed to be seen?"
import sys

from kit import *

Path("p.py").write_text("print('epoch 1: validation accuracy is 0.93')\n")
Path("space.toml").write_text('[lr]\nscale = "log"\nlow = 1e-4\nhigh = 1.0\n')
fixed = ["--space", "space.toml", "--trials", 6, "--store", "c.db", "--study", "s"]
status, said = caviar("tune", "--command", f"{sys.executable} p.py {{lr}}", "--score", "val_acc=([0-9.]+)", *fixed)
clear = status == 1 and "matches none of the 1 line" in flat(said) and "p.py 0." in said and not crashed(said)
clear = clear and "validation accuracy is 0.93" in flat(said)
verdict(
    "refusal" if clear else "WRONG",
    "the expression, the count of lines, the last of them, and a line to try alone",
    said,
)
