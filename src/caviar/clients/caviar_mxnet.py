"""Apache MXNet (1.x, Gluon) under caviar: snapshots of network and trainer, live knobs, the Gluon Estimator.

    import caviar_client, caviar_mxnet

    for trial in caviar_client.trials():
        trainer = mx.gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": trial.config["learning_rate"]})
        caviar_mxnet.attach(trial, net, trainer)
        for epoch in trial.epochs():
            ...
            trial.report(epoch, accuracy)

With an Estimator: ``caviar_mxnet.fit(trial, estimator, train_data, val_data)``. Copy it beside the program, with
caviar_client.py. It needs nothing of caviar.
"""

import json
import os
import shutil
import tempfile

import numpy as np
from mxnet.gluon.contrib.estimator import EpochEnd

_OPTIMIZER = {"momentum": "momentum", "weight_decay": "wd", "beta1": "beta1", "beta2": "beta2", "epsilon": "epsilon"}


def attach(trial, net, trainer):
    """Let caviar save and restore ``net`` (a Block) and ``trainer``, and turn the optimiser's knobs.

    Knobs: learning_rate unless a scheduler sets it; momentum, weight_decay, beta1, beta2 and epsilon, where the
    optimiser has them.

    A snapshot is one file with what net.save_parameters and trainer.save_states write. The latter is a pickle, made by
    MXNet and read by MXNet: restore only what this program has saved itself, as caviar does, which keeps a snapshot's
    SHA-256 and checks it.
    """

    def save(path):
        folder = tempfile.mkdtemp()
        try:
            net.save_parameters(os.path.join(folder, "net"))
            trainer.save_states(os.path.join(folder, "trainer"))
            parts = {name: np.fromfile(os.path.join(folder, name), np.uint8) for name in ("net", "trainer")}
        finally:
            shutil.rmtree(folder)
        with open(path, "wb") as file:
            np.savez(file, knobs=json.dumps(trial.knobs), **parts)

    def restore(path):
        folder = tempfile.mkdtemp()
        try:
            with np.load(path, allow_pickle=False) as saved:
                knobs = json.loads(str(saved["knobs"]))
                for name in ("net", "trainer"):
                    saved[name].tofile(os.path.join(folder, name))
            net.load_parameters(os.path.join(folder, "net"))
            trainer.load_states(os.path.join(folder, "trainer"))
        finally:
            shutil.rmtree(folder)
        turn({name: value for name, value in trial.knobs.items() if knobs.get(name) != value})

    def turn(changed):
        optimizer = trainer.optimizer
        for name, value in changed.items():
            if name == "learning_rate" and optimizer.lr_scheduler is None:
                trainer.set_learning_rate(value)
            elif name in _OPTIMIZER and hasattr(optimizer, _OPTIMIZER[name]):
                setattr(optimizer, _OPTIMIZER[name], value)

    trial.on_save(save)
    trial.on_restore(restore)
    trial.on_knobs(turn)


def fit(trial, estimator, train_data, val_data, monitor=None, event_handlers=()):
    """Train a Gluon Estimator epoch by epoch, for as long as caviar wants.

    The score is the first of its validation metrics, or the one named ``monitor``; all metrics are reported.
    ``event_handlers`` see each epoch as a training of its own.
    """
    attach(trial, estimator.net, estimator.trainer)
    for epoch in trial.epochs():
        reporter = Reporter()
        estimator.fit(train_data, val_data, epochs=1, event_handlers=list(event_handlers) + [reporter])
        names = [name for name in reporter.measured if name.startswith("validation ")]
        name = "validation " + monitor if monitor else names[0]
        if name not in reporter.measured:
            raise ValueError("the estimator measures no %r: name one of %s" % (monitor, names))
        trial.report(epoch, reporter.measured[name], **reporter.measured)


class Reporter(EpochEnd):
    """Keeps what an Estimator has measured at the end of an epoch, after its own handlers have."""

    priority = 1000

    def __init__(self):
        self.measured = {}

    def epoch_end(self, estimator, *args, **kwargs):
        """Read the metrics."""
        for metric in list(estimator.train_metrics) + list(estimator.val_metrics):
            name, value = metric.get()
            self.measured[name] = value
