"""A page of docs/frameworks as a user has it: its program is run as it stands, and caviar is played to it.

``python -m tests.clients.nursed PAGE PYTHON`` nurses the program of docs/frameworks/PAGE.md under another interpreter,
one that has the framework: ``make frameworks`` does so for those that this project's own environment lacks.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from caviar.cli.main import run
from caviar.clients import CLIENTS
from tests.clients.played import Played

PAGES = Path(__file__).parent.parent.parent / "docs" / "frameworks"
CONFIG = {"learning_rate": 0.1, "momentum": 0.9, "hidden_units": 32, "batch_size": 32}
MOMENTUM_IS_LIVE = {"torch", "keras", "tensorflow", "jax", "mxnet", "sklearn"}
# A rollback repeats an epoch but for the order of its rows, where the framework shuffles them. And a tf.Module has its
# knobs among its variables.
AS_NURSED = {
    "keras": ("verbose=0", "verbose=0, shuffle=False"),
    "paddle": ("verbose=0", "verbose=0, shuffle=False"),
    "tensorflow": ("attach(trial, weights + velocities,", "attach(trial, weights + velocities + [learning_rate],"),
}
_ESTIMATOR = """
    from mxnet.gluon.contrib.estimator import Estimator

    size = trial.config["batch_size"]
    training = gluon.data.DataLoader(gluon.data.ArrayDataset(x_train, y_train), batch_size=size)
    validation = gluon.data.DataLoader(gluon.data.ArrayDataset(x[held_out], y[held_out]), batch_size=size)
    estimator = Estimator(net, loss_of, train_metrics=mx.metric.Accuracy(), trainer=trainer)
    caviar_mxnet.fit(trial, estimator, training, validation)
"""
# Other ways that the pages tell of, made of their programs.
OTHER_WAYS: dict[str, Callable[[str], str]] = {
    "keras": lambda text: (
        text.replace("for trial in caviar_client.trials():", "def train(trial):") + "\n\ncaviar_client.run(train)\n"
    ),
    "mxnet": lambda text: text[: text.index("    caviar_mxnet.attach(")] + _ESTIMATOR,
}
# Environments without scikit-learn get this in its place.
STAND_IN = """
import os
import numpy as np
def load_digits(return_X_y):
    with np.load(os.path.join(os.path.dirname(__file__), "digits.npz")) as file:
        return file["x"], file["y"]
"""


def program(page: str) -> str:
    """The one program of a page."""
    found = re.findall(r"^```python\n(.*?)^```", (PAGES / f"{page}.md").read_text(), re.MULTILINE | re.DOTALL)
    assert len(found) == 1, f"{page}.md has {len(found)} programs"
    return str(found[0])


def nurse(
    page: str, python: str, folder: Path, environment: Mapping[str, str] | None = None, other_way: bool = False
) -> dict[str, Any]:
    """Train, save, roll back, turn and branch the network of ``page``; what was seen. Raises AssertionError."""
    text = OTHER_WAYS[page](program(page)) if other_way else program(page)
    if page in AS_NURSED:
        assert text.count(AS_NURSED[page][0]) == 1
        text = text.replace(*AS_NURSED[page])
    (folder / "train.py").write_text(text)
    assert run(["client", page, "--out", str(folder)]) == 0
    assert {path.name for path in folder.iterdir()} == {"train.py", *CLIENTS[page]}
    if subprocess.run([python, "-c", "import sklearn"], capture_output=True).returncode:
        from sklearn.datasets import load_digits

        (folder / "sklearn").mkdir()
        (folder / "sklearn" / "__init__.py").write_text("")
        (folder / "sklearn" / "datasets.py").write_text(STAND_IN)
        x, y = load_digits(return_X_y=True)
        np.savez(folder / "sklearn" / "digits.npz", x=x, y=y)
    # One thread, as caviar gives to each of its processes on a small machine; more would wait for each other.
    own = {"PYTHONPATH": "", "OMP_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1"}
    with Played([python, "train.py"], folder, own | dict(environment or {})) as caviar:
        return _nurse(page, caviar, folder)


def _nurse(page: str, caviar: Played, folder: Path) -> dict[str, Any]:
    at = {epoch: {"epoch": epoch, "path": str(folder / f"{epoch}.snapshot")} for epoch in (2, 4)}

    def epoch(number: int) -> dict[str, float]:
        """The values of the next epoch, which is ``number``."""
        while (said := caviar.hear())["type"] == "step":
            caviar.say("go_on")
        assert said["type"] == "epoch", said
        assert (said["epoch"], said["saves"]) == (number, True)
        return {"score": said["score"], **said["values"]}

    def go_on(**asked: Any) -> None:
        caviar.say("go_on", **asked)
        for name, answer in (("save", "saved"), ("restore", "restored")):
            if name in asked:
                assert caviar.hear() == {"type": answer}
                if name == "save":
                    assert {path.name for path in folder.glob(f"{Path(asked[name]).name}*")} == {Path(asked[name]).name}

    caviar.trial(epochs=6, **CONFIG)
    first = epoch(1)
    go_on()
    epoch(2)
    go_on(save=at[2]["path"])
    third = epoch(3)
    go_on()
    fourth = epoch(4)
    assert fourth["score"] > 0.85, "four epochs of digits"
    # A rollback: the same epochs again, to the same numbers, and from there on.
    go_on(restore=at[2])
    assert _same(epoch(3), third)
    go_on()
    assert _same(epoch(4), fourth)
    go_on(save=at[4]["path"])
    unturned = epoch(5)
    # A turn comes with a rollback, and later without one.
    slow = CONFIG["learning_rate"] / 1000
    go_on(restore=at[4], knobs={"learning_rate": slow})
    turned = epoch(5)
    assert not _same(turned, unturned), "the learning rate was not turned"
    go_on(restore=at[4], knobs={"learning_rate": CONFIG["learning_rate"]})
    assert _same(epoch(5), unturned)
    if page in MOMENTUM_IS_LIVE:
        go_on(restore=at[4], knobs={"momentum": 0.1})
        without = epoch(5)
        assert not _same(without, unturned), "the momentum was not turned"
        go_on(restore=at[4], knobs={"momentum": CONFIG["momentum"]})
        assert _same(epoch(5), unturned)
    go_on()
    usual = epoch(6)
    go_on(restore=at[4])
    epoch(5)
    go_on(knobs={"learning_rate": slow})
    assert not _same(epoch(6), usual), "the learning rate was not turned without a rollback"
    caviar.say("stop", why="it has been seen")
    assert caviar.hear()["type"] == "done"
    # In the same process: a branch of that trial, with another learning rate than its snapshot has; then that trial.
    caviar.trial(epochs=6, start=at[4], **{**CONFIG, "learning_rate": slow})
    assert _same(epoch(5), turned)
    caviar.say("stop", why="it has been seen")
    assert caviar.hear()["type"] == "done"
    caviar.trial(epochs=6, start=at[4], **CONFIG)
    assert _same(epoch(5), unturned)
    go_on()
    assert _same(epoch(6), usual)
    go_on()
    assert caviar.hear()["type"] == "done"
    # Another network altogether cannot take that snapshot; the trial fails and says why.
    caviar.trial(1, epochs=6, start=at[4], **{**CONFIG, "hidden_units": 16})
    if page != "sklearn":  # a pickle is whatever it was
        failed = caviar.hear()
        assert failed["type"] == "failed", failed
    return {"first": first["score"], "fourth": fourth["score"], "sixth": usual["score"]}


def _same(one: Mapping[str, float], other: Mapping[str, float]) -> bool:
    """But for the order in which a framework's threads add up."""
    assert one.keys() == other.keys()
    return all(np.isclose(one[name], other[name], rtol=1e-4, atol=1e-7) for name in one)


def main() -> None:
    """Nurse one page's program under one interpreter, and say what was seen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("page", choices=sorted(path.stem for path in PAGES.glob("*.md") if path.stem != "README"))
    parser.add_argument("python")
    given = parser.parse_args()
    for other_way in (False, True) if given.page in OTHER_WAYS else (False,):
        with tempfile.TemporaryDirectory() as folder:
            seen = nurse(given.page, os.path.abspath(given.python), Path(folder), other_way=other_way)
        print(f"{given.page}: " + ", ".join(f"{name} epoch {score:.3f}" for name, score in seen.items()))


if __name__ == "__main__":
    sys.exit(main())
