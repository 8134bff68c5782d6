TRIED = "a function that reports its validation loss as the score, as Keras' monitor does, without goal"
from kit import *

status, out, said = script(
    """import caviar
def objective(trial):
    for epoch in range(1, trial.last_epoch + 1):
        value = (trial.config["x"] - 0.3) ** 2 + 0.01234 / epoch
        trial.report(epoch, value, train_loss=value / 2, validation_loss=value)
caviar.tune(objective, caviar.Space(x=caviar.Linear(0, 1)), trials=8, processes=2, progress=False)
"""
)
clear = status != 0 and "validation_loss" in said and 'goal="minimize"' in said
verdict("refusal" if clear else "WRONG", "the larger loss does not win in silence", out + said)
