TRIED = "lr-find and plan on a target of few whole numbers: the note names an option that both commands have"
from kit import *

frame = base(200)
frame["y"] = rng.integers(1, 6, size=200)
frame.to_csv("table.csv", index=False)
for command in (["lr-find"], ["plan", "--seconds", "5"]):
    status, said = caviar(command[0], "table.csv", "--target", "y", *command[1:])
    option = re.search(r"--task \w+", said)
    if status or option is None or "`" in said:
        verdict("WRONG", f"{command[0]} names no option", said)
    status, said = caviar(command[0], "table.csv", "--target", "y", *command[1:], *option.group().split())
    if status or f"{option.group()} " not in said + " " or "taken as a class" in said:
        verdict("WRONG", f"{command[0]} does not take {option.group()}", said)
verdict("right", "both take it, and their next commands too")
