"""Times the shortest program of one framework, in that framework's interpreter:  python stopwatch.py PROGRAM CORE

Needs Python 3.6 and NumPy. Imports PROGRAM, says how long that took, and then does what it reads, line by line:

    {"do": "start", "widths": [64, 128, 10], "batch": 32, "steps": 200}   a network, and its first step
    {"do": "train", "seconds": 0.5}                                       steps a second over about so long
    {"do": "learn", "digits": "FOLDER", "epochs": 10}                     the accuracy after so many epochs
"""

import json
import os
import runpy
import sys
import time

VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def main(program, core):
    os.environ.update((name, "1") for name in VARIABLES)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {int(core)})  # every thread that a framework starts is on this core too
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a framework prints is no answer
    sys.path.pop(0)  # this folder: its files must not be taken for modules

    def answer(**values):
        answers.write(json.dumps(values) + "\n")
        answers.flush()

    began = time.perf_counter()
    start = runpy.run_path(program)["start"]
    import_seconds = time.perf_counter() - began
    answer(import_seconds=import_seconds, python=".".join(map(str, sys.version_info[:3])))
    import numpy as np

    train = x = y = batch = epoch_seconds = None
    for line in sys.stdin:
        order = json.loads(line)
        if order["do"] == "start":
            widths, batch = order["widths"], order["batch"]
            random = np.random.RandomState(0)
            x = random.randn(order["steps"] * batch, widths[0]).astype(np.float32)
            y = random.randint(widths[-1], size=len(x)).astype(np.int64)
            y[: widths[-1]] = np.arange(widths[-1])  # all classes are in the first mini-batch
            began = time.perf_counter()
            train, _ = start(widths, batch)
            train(x[:batch], y[:batch], 1)
            answer(first_step_seconds=time.perf_counter() - began)
            train(x, y, 1)  # whatever happens once
            began = time.perf_counter()
            train(x, y, 1)
            epoch_seconds = time.perf_counter() - began
        elif order["do"] == "train":
            epochs = max(1, round(order["seconds"] / epoch_seconds))
            began = time.perf_counter()
            train(x, y, epochs)
            seconds = time.perf_counter() - began
            epoch_seconds = seconds / epochs
            answer(steps_per_second=epochs * (len(x) // batch) / seconds)
        elif order["do"] == "learn":
            parts = ("x", "y", "x_validation", "y_validation")
            x, y, x_validation, y_validation = [np.load(os.path.join(order["digits"], n + ".npy")) for n in parts]
            train, predict = start([64, 128, 10], 32)
            train(x, y, order["epochs"])
            answer(accuracy=float((np.asarray(predict(x_validation)) == y_validation).mean()))


if __name__ == "__main__":
    main(*sys.argv[1:])
