TRIED = "labels that are formulas to a spreadsheet, have leading zeros, or look like numbers, through predict"
from kit import *

frame = base()
for labels in (["-10.000)", "=1+1"], ["007", "12"], ["1.0", "2.0"], ["TRUE", "FALSE"], ["+1", "-1"], ["NA", "None"]):
    frame["y"] = np.where(frame.a + frame.b > 0, *labels)
    name = re.sub(r"\W", "x", labels[0] + labels[1])
    status, said, _ = tune(frame, study=name)
    caviar("predict", f"{name}.caviar", "table.csv", "--out", "o.csv")
    found = set(Path("o.csv").read_text().split()[1:])
    if status or not found <= set(labels):
        verdict("WRONG", f"predicted {sorted(found)} where the file has {labels}", said)
name = "x10x000xx1x1"
caviar("predict", f"{name}.caviar", "table.csv", "--out", "o.csv", "--for-spreadsheet")
found = set(Path("o.csv").read_text().split()[1:])
safe = found <= {"'-10.000)", "'=1+1"}
verdict("right" if safe else "WRONG", f"as they were; for a spreadsheet {sorted(found)}")
