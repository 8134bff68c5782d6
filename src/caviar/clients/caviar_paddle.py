"""PaddlePaddle (2 or newer) under caviar: snapshots of network and optimiser, a live learning rate, Model.fit.

    import caviar_client, caviar_paddle

    for trial in caviar_client.trials():
        model = paddle.Model(network)
        model.prepare(paddle.optimizer.Momentum(trial.config["learning_rate"], parameters=network.parameters()), ...)
        caviar_paddle.fit(trial, model, train_data, validation_data, monitor="acc")

In a loop of one's own: ``caviar_paddle.attach(trial, network, optimizer)``, and ``trial.report`` after each epoch. Copy
it beside the program, with caviar_client.py. It needs nothing of caviar.
"""

import json
import sys

import numpy as np
import paddle


def fit(trial, model, train_data, eval_data, monitor="acc", callbacks=(), **named):
    """Train a prepared paddle.Model as ``model.fit(train_data, eval_data, **named)`` does, for as long as caviar wants.

    ``monitor`` names what is measured on ``eval_data`` after each epoch and reported as the score; the other numbers
    are reported too. After a rollback fit is called again from the restored epoch on.
    """
    attach(trial, model.network, model._optimizer)  # Model has no public name for it
    for epoch in trial.epochs():
        reporter = Reporter(trial, monitor, epoch)
        model.stop_training = False
        model.fit(
            train_data, eval_data, epochs=trial.last_epoch - epoch + 1, callbacks=list(callbacks) + [reporter], **named
        )
        if not reporter.rolled_back:  # all epochs are done, or a callback has ended them early
            break


class Reporter(paddle.callbacks.Callback):
    """Reports ``monitor`` after each evaluation of fit; ends fit where caviar stops the trial or has rolled it back."""

    def __init__(self, trial, monitor, first):
        super().__init__()
        self.trial = trial
        self.monitor = monitor
        self.epoch = first - 1
        self.values = {}
        self.rolled_back = False

    def on_epoch_end(self, epoch, logs=None):
        """Keep what was measured in training; the evaluation comes after it."""
        self.epoch += 1
        self.values = {"train_" + name: value for name, value in _numbers(logs).items()}

    def on_eval_end(self, logs=None):
        """Report."""
        measured = _numbers(logs)
        if self.monitor not in measured:
            raise ValueError("fit measures no %r: name one of %s as monitor" % (self.monitor, sorted(measured)))
        self.values.update({"validation_" + name: value for name, value in measured.items()})
        going = self.trial.report(self.epoch, measured[self.monitor], **self.values)
        self.rolled_back = going and self.trial.epoch != self.epoch
        if not going or self.rolled_back:
            self.model.stop_training = True


def attach(trial, network, optimizer):
    """Let caviar save and restore ``network`` (a paddle.nn.Layer) and ``optimizer``, and turn its learning rate.

    A snapshot is one NumPy archive: paddle.save would pickle. The rate is live unless a scheduler sets it; momentum
    and the betas are constants of Paddle's optimisers.
    """

    def parameters():
        """Names that another network of the same layers has too, by those that Paddle counts up in a process."""
        return {parameter.name: name for name, parameter in network.named_parameters()}

    def save(path):
        known = parameters()
        arrays = {"network/" + name: _array(tensor) for name, tensor in network.state_dict().items()}
        plain = {"knobs": dict(trial.knobs)}
        for name, value in optimizer.state_dict().items():
            if isinstance(value, paddle.Tensor):
                parameter = max((p for p in known if name.startswith(p + "_")), key=len)
                arrays["optimizer/" + known[parameter] + "/" + name[len(parameter) :]] = _array(value)
            elif name == "LR_Scheduler":
                plain[name] = value
        with open(path, "wb") as file:
            np.savez(file, plain=json.dumps(plain), **arrays)

    def restore(path):
        owners = {name: parameter for parameter, name in parameters().items()}
        weights, state = {}, {}
        with np.load(path, allow_pickle=False) as saved:
            plain = json.loads(str(saved["plain"]))
            for key in saved.files:
                if key.startswith("network/"):
                    weights[key[len("network/") :]] = paddle.to_tensor(saved[key])
                elif key.startswith("optimizer/"):
                    name, _, suffix = key[len("optimizer/") :].rpartition("/")
                    state[owners[name] + suffix] = paddle.to_tensor(saved[key])
        if "LR_Scheduler" in plain:
            state["LR_Scheduler"] = plain["LR_Scheduler"]
        if set(weights) != set(network.state_dict()):
            raise ValueError("the snapshot is of another network")
        network.set_state_dict(weights)
        optimizer.set_state_dict(state)  # the learning rate is not in it, and stays what it is

    def turn(changed):
        if "learning_rate" in changed:
            try:
                optimizer.set_lr(float(changed["learning_rate"]))
            except RuntimeError:
                sys.stderr.write("the learning rate follows a scheduler, and is not turned\n")

    trial.on_save(save)
    trial.on_restore(restore)
    trial.on_knobs(turn)


def _array(tensor):
    """As NumPy can save it: bfloat16, which Paddle hands out as whole numbers, is widened, which loses nothing."""
    return tensor.astype("float32").numpy() if tensor.dtype == paddle.bfloat16 else tensor.numpy()


def _numbers(logs):
    """Those of fit's logs that are numbers; a loss is a list of one."""
    found = {}
    for name, value in (logs or {}).items():
        value = np.asarray(value)
        if value.size == 1 and value.dtype.kind in "fiu" and name not in ("step", "batch_size"):
            found[name] = float(value.reshape(()))
    return found
