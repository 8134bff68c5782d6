"""Keras 3 under caviar, on TensorFlow, JAX or PyTorch: a model that is stopped, saved, rolled back and turned live.

    import caviar_client, caviar_keras

    for trial in caviar_client.trials():
        model = keras.Sequential([keras.layers.Input((64,)), ...])
        model.compile(keras.optimizers.SGD(trial.config["learning_rate"]), ...)
        caviar_keras.fit(trial, model, x, y, validation_data=(x_validation, y_validation))

Copy it beside the program, with caviar_client.py. It needs nothing of caviar.
"""

import json
import sys

import keras
import numpy as np

_ATTRIBUTES = {
    "momentum": "momentum",
    "weight_decay": "weight_decay",
    "epsilon": "epsilon",
    "beta1": "beta_1",
    "beta2": "beta_2",
}  # of the optimiser; the compiled step has their values in it as constants
_NAMES = {"loss": "train_loss", "val_loss": "validation_loss"}


def fit(trial, model, *data, monitor="val_accuracy", callbacks=(), **named):
    """Train ``model`` as ``model.fit(*data, callbacks=callbacks, **named)`` does, for as long as caviar wants.

    ``monitor`` names what is reported after each epoch as the score; all other numbers of the epoch too. The
    number of epochs is the trial's. After a rollback within fit, fit is called again from the restored epoch on: so
    callbacks see training end and begin there. The model is compiled, and knows its input's shape.

    Raises ValueError for a model that is not built, or a monitor that fit does not measure.
    """
    if not model.built or getattr(model, "optimizer", None) is None:
        raise ValueError("caviar_keras.fit takes a model that is built and compiled: begin it with keras.layers.Input")
    reporter = Reporter(trial, monitor)
    reporter.set_model(model)
    attach(trial, model)
    for epoch in trial.epochs():
        reporter.rolled_back = False
        model.fit(
            *data, initial_epoch=epoch - 1, epochs=trial.last_epoch, callbacks=list(callbacks) + [reporter], **named
        )
        if not reporter.rolled_back:  # all epochs are done, or a callback has ended them early
            break


class Reporter(keras.callbacks.Callback):
    """Reports ``monitor`` after each epoch, and ends fit where caviar stops the trial or has rolled it back."""

    def __init__(self, trial, monitor):
        super().__init__()
        self.trial = trial
        self.monitor = monitor
        self.rolled_back = False

    def on_epoch_end(self, epoch, logs=None):
        """Report."""
        logs = dict(logs or {})
        if self.monitor not in logs:
            raise ValueError("fit measures no %r to report: name one of %s as monitor" % (self.monitor, sorted(logs)))
        values = {_NAMES.get(name, name): value for name, value in logs.items()}
        going = self.trial.report(epoch + 1, logs[self.monitor], **values)
        self.rolled_back = going and self.trial.epoch != epoch + 1
        if not going or self.rolled_back:
            self.model.stop_training = True


def attach(trial, model):
    """Let caviar save and restore ``model`` and its optimiser, and turn the optimiser's knobs; ``fit`` does so itself.

    A snapshot is one NumPy archive of the variables: weights, moving averages, states of random layers, and the
    optimiser's; no pickle. Live are learning_rate, and by a new compilation of the training step momentum,
    weight_decay, epsilon, beta1 and beta2, where the optimiser has them.
    """
    model.optimizer.build(model.trainable_variables)

    def variables():
        if hasattr(model, "jax_state_sync"):  # JAX keeps what it trains apart from the model until it is asked
            model.jax_state_sync()
        return list(model.variables) + list(model.optimizer.variables)

    def save(path):
        arrays = [_array(variable) for variable in variables()]
        with open(path, "wb") as file:
            np.savez(file, json.dumps(trial.knobs), *arrays)

    def restore(path):
        with np.load(path, allow_pickle=False) as saved:
            arrays = [saved["arr_%d" % i] for i in range(len(saved.files))]
        knobs, arrays, there = json.loads(str(arrays[0])), arrays[1:], variables()
        if [array.shape for array in arrays] != [tuple(variable.shape) for variable in there]:
            raise ValueError("the snapshot is of another network")
        for variable, array in zip(there, arrays):
            variable.assign(array)
        turn({name: value for name, value in trial.knobs.items() if knobs.get(name) != value})

    def turn(changed):
        optimizer, compiled = model.optimizer, False
        for name, value in changed.items():
            if name == "learning_rate":
                try:
                    optimizer.learning_rate = value
                except TypeError:
                    sys.stderr.write("the learning rate follows a schedule, and is not turned to %s\n" % value)
            elif name in _ATTRIBUTES and getattr(optimizer, _ATTRIBUTES[name], None) is not None:
                setattr(optimizer, _ATTRIBUTES[name], value)
                compiled = True
        if compiled:
            model.make_train_function(force=True)

    trial.on_save(save)
    trial.on_restore(restore)
    trial.on_knobs(turn)


def _array(variable):
    """As NumPy can save it: bfloat16 and float8 are widened, which loses nothing."""
    array = np.asarray(keras.ops.convert_to_numpy(variable))
    return array if array.dtype.kind in "biufSU" else array.astype("float32")
