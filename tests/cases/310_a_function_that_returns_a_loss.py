TRIED = "objectives that return a loss in four dresses, as Hyperopt, Keras and scikit-learn have them, without a goal"
from kit import *

status, out, said = script(
    """import caviar, math
space = caviar.Space(x=caviar.Linear(0, 1))
def badness(x):
    return abs(x - 0.3)
def keras(trial):
    history = {"val_loss": [1.0, badness(trial.config["x"])]}
    return history["val_loss"][-1]
def hyperopt(trial):
    return {"loss": badness(trial.config["x"]), "status": "ok"}
def scikit(trial):
    mean_squared_error = lambda a, b: (a - b) ** 2
    return math.sqrt(mean_squared_error(trial.config["x"], 0.3))
def val_loss(trial):
    return badness(trial.config["x"])
for function in (keras, hyperopt, scikit, val_loss):
    study = caviar.tune(function, space, trials=9, processes=2, progress=False)
    print(study.best_score == study.trials().score.min(), "by its name" in study.notes[0])
"""
)
right = status == 0 and out.split() == ["True"] * 8
verdict("right" if right else "WRONG", "the smallest wins, with a note", out + said)
