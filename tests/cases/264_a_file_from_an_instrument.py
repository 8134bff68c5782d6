TRIED = "a title, a comment, units below the header, separators at the ends, empty rows at the end"
QUICK = True
from kit import *

frame = base(200)
lines = frame.to_csv(index=False, sep=";", decimal=",").splitlines()
head = ["Instrument 7, run of 3 May", "# operator: A.", f"{lines[0]};", "[m];[s];;"]
Path("d.csv").write_text("\n".join([*head, *(f"{line};" for line in lines[1:]), *[";;;"] * 5]) + "\n")
status, said, model = tune("d.csv")
said_so = all(word in flat(said) for word in ("above the header", "looks like units", "the last 5 rows"))
good = status == 0 and model is not None and set(model.preprocessing.numbers) == {"a", "b"} and said_so
verdict("right" if good else "WRONG", "the rows are read, and what is none is said", said)
