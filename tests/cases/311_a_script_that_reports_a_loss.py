TRIED = "a Python program that reports its loss by the client, tuned and nursed without --goal"
import json
import sys

from kit import *

caviar("client", "python")
Path("train.py").write_text(
    """import caviar_client
for trial in caviar_client.trials():
    for epoch in trial.epochs():
        val_loss = abs(trial.config["lr"] - 0.3) + 1 / epoch
        trial.report(epoch, val_loss)
"""
)
Path("space.toml").write_text('[lr]\nscale = "linear"\nlow = 0.0\nhigh = 1.0\n')
Path("config.toml").write_text("lr = 0.2\n")
command = ["--command", f"{sys.executable} train.py", "--store", "c.db"]
status, said = caviar("tune", *command, "--space", "space.toml", "--trials", 9, "--epochs", 3, "--study", "s")
_, rows = caviar("trials", "s", "--json", "--store", "c.db")
scores = [trial["score"] for trial in json.loads(rows)["trials"] if trial["state"] == "finished"]
_, shown = caviar("show", "s", "--json", "--store", "c.db")
tuned = json.loads(shown[: shown.rindex("}") + 1])["best"]["score"] == min(scores)
nursed = caviar("babysit", *command, "--config", "config.toml", "--epochs", 4, "--name", "n")
noted = all("'val_loss', a loss by its name" in flat(text) and "--goal maximize" in text for text in (said, nursed[1]))
verdict("right" if tuned and noted and not status else "WRONG", "minimized, with a note", said + shown + nursed[1])
