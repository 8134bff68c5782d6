TRIED = "a config as one JSON argument, with a hyperparameter that applies to sgd alone"
import sys

from kit import *

Path("train.py").write_text("import json, sys\njson.loads(sys.argv[1])\nprint('val_acc=0.5')\n")
Path("space.toml").write_text(
    '[optimizer]\nchoices = ["sgd", "adam"]\n[momentum]\nscale = "linear"\nlow = 0.1\nhigh = 0.9\n'
    'when = { optimizer = ["sgd"] }\n'
)
command = sys.executable + """ train.py '{"optimizer": "{optimizer}", "momentum": {momentum}}'"""
fixed = ["--space", "space.toml", "--trials", 6, "--store", "c.db", "--study", "s"]
status, said = caviar("tune", "--command", command, "--score", "val_acc=([0-9.]+)", *fixed)
clear = status == 2 and "momentum does not always apply" in flat(said) and not Path("c.db").exists()
verdict("refusal" if clear else "WRONG", "no half of the JSON reaches the program", said)
