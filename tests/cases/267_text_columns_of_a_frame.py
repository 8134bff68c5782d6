TRIED = (
    "Python: a frame and a Parquet file of text alone (numbers, dates, marks); notes are warnings; predict takes both"
)
from kit import *

frame = base()
frame = frame.assign(a=frame.a.map(str), b=[f"{v:.2f} kg" if i % 50 else "n.a." for i, v in enumerate(frame.b)])
frame["when"] = pd.Series(pd.date_range("2024-01-01", periods=400)).dt.strftime("%d.%m.%Y")
frame.to_parquet("d.parquet")
status, out, said = script(
    "import caviar, pandas as pd, warnings\nframe = pd.read_parquet('d.parquet')\n"
    "with warnings.catch_warnings(record=True) as notes:\n    warnings.simplefilter('always')\n"
    "    study = caviar.tune(frame, 'y', trials=6, store=None)\n"
    "print(*(note.message for note in notes), sep='\\n')\n"
    "model = study.best.model\nprint(sorted(model.preprocessing.numbers), [d.name for d in model.preprocessing.dates])\n"
    "new = frame.drop(columns='y')\nnew.to_parquet('n.parquet'); new.to_csv('n.csv', index=False)\n"
    "found = [list(model.predict(source)) for source in (new, 'n.parquet', 'n.csv')]\n"
    "print(found[0] == found[1] == found[2])\n"
)
words = (
    "read as numbers: 'a', 'b'",
    "'n.a.' are taken as missing",
    "dates become numbers: 'when'",
    "['a', 'b'] ['when']",
)
good = status == 0 and all(word in out for word in words) and out.strip().endswith("True")
verdict("right" if good else "WRONG", "read, said, and predicted alike from three sources", out + said)
