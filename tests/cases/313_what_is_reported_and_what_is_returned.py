TRIED = "a function that reports 0.5 and returns 99; one that returns its best report; one with 100 epochs of its own"
from kit import *

status, out, said = script(
    """import caviar
space = caviar.Space(x=caviar.Linear(0, 1))
def conflict(trial):
    trial.report(1, 0.5)
    return 99
def best(trial):
    accuracies = [trial.config["x"] / epoch for epoch in (1, 2, 3)]
    for epoch, accuracy in enumerate(accuracies, 1):
        trial.report(epoch, accuracy)
    return max(accuracies)
def long(trial):
    for epoch in range(1, 101):
        trial.report(epoch, trial.config["x"])
given = dict(trials=3, processes=1, progress=False, goal="maximize")
print("ended with 99" in caviar.tune(conflict, space, **given).notes[0])
print(caviar.tune(best, space, epochs=3, **given).notes == ())
print("went on after its 27 epochs" in caviar.tune(long, space, **given).notes[0])
print(caviar.tune(long, space, epochs=100, **given).notes == ())
"""
)
verdict("right" if out.split() == ["True"] * 4 else "WRONG", "conflicts are noted, and nothing else", out + said)
