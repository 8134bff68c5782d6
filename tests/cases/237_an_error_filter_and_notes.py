TRIED = "a script that turns warnings into errors: does a note end it before hours of training, with two lines and no damage?"
from kit import *

text = """
import warnings, pandas as pd, caviar
warnings.simplefilter("error")
frame = pd.read_csv("table.csv")
try:
    caviar.tune(frame, "y", trials=3, store="c.db", study="strict")
except caviar.CaviarWarning as note:
    print("NOTE", note)
warnings.simplefilter("ignore")
study = caviar.resume("strict", data=frame, store="c.db")
print("NOTES", len(study.notes), study.notes)
"""
frame = base()
frame["name"] = [f"passenger {i * 7919 % 400}" for i in range(400)]
frame.to_csv("table.csv", index=False)
status, out, err = script(text)
right = status == 0 and "NOTE" in out and re.search(r"NOTES [1-9]", out) and "Traceback" not in err
verdict(
    "right" if right else "WRONG", "the note is the error, and the study goes on" if right else "damaged", out + err
)
