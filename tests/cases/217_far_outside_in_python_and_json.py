TRIED = (
    "new rows in other units: a warning in Python, a count by column in --json; rows like those of training: nothing"
)
from kit import *
import json

frame = base()
tune(frame)
frame.assign(a=frame.a * 1000).to_csv("mm.csv", index=False)
status, said = caviar("predict", "s.caviar", "mm.csv", "--out", "o.csv", "--json")
first = json.loads(said[said.index("{") : said.rindex("}") + 1])
base().to_csv("like.csv", index=False)
status, said = caviar("predict", "s.caviar", "like.csv", "--out", "o.csv", "--json")
second = json.loads(said[said.index("{") : said.rindex("}") + 1])
_, out, err = script(
    "import caviar; caviar.load('s.caviar').predict('like.csv'); print('quiet'); caviar.load('s.caviar').predict('mm.csv')"
)
good = list(first["outside"]) == ["a"] and first["outside"]["a"] > 350 and second["outside"] == {}
good = good and out == "quiet\n" and err.count("CaviarWarning") == 1 and "'a' (" in err
verdict(
    "right" if good else "WRONG", "counted by column, and nothing for rows like those of training", said + out + err
)
