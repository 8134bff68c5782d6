TRIED = "a latin-1 file of semicolons with --encoding: tune, then predict it and the same file in UTF-8"
from kit import *

frame = base()
frame["where"] = np.where(frame.a > 0, "Köln", "Malmö")
frame["y"] = frame.y.replace("up", "größer")
Path("d.csv").write_bytes(frame.to_csv(index=False, sep=";", decimal=",").encode("latin-1"))
status, said, model = tune("d.csv", "y", "--encoding", "latin-1")
if status or model is None or "größer" not in model.classes:
    verdict("WRONG", "not read", said)
Path("u.csv").write_text(frame.to_csv(index=False, sep=";", decimal=","))
said = [caviar("predict", "s.caviar", file, "--out", f"{file}.out") for file in ("d.csv", "u.csv")]
same = Path("d.csv.out").read_text() == Path("u.csv.out").read_text()
good = same and all(status == 0 and "unknown" not in text for status, text in said)
verdict("right" if good else "WRONG", "both encodings are read alike", str(said))
