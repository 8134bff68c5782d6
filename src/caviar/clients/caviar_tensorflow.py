"""A training loop of one's own in TensorFlow 2 under caviar: snapshots of variables, and knobs that are variables.

    import caviar_client, caviar_tensorflow

    for trial in caviar_client.trials():
        learning_rate = tf.Variable(trial.config["learning_rate"], trainable=False, dtype=tf.float32)
        weights = [tf.Variable(...), ...]
        velocities = [tf.Variable(tf.zeros_like(w), trainable=False) for w in weights]
        caviar_tensorflow.attach(trial, weights + velocities, learning_rate=learning_rate)
        for epoch in trial.epochs():
            ...
            trial.report(epoch, accuracy)

For models of Keras take caviar_keras.py. Copy this beside the program, with caviar_client.py. It needs no caviar.
"""

import json

import numpy as np
import tensorflow as tf


def attach(trial, variables, **knobs):
    """Let caviar save and restore ``variables``, and set the variables ``knobs`` to the knobs of their names.

    ``variables`` is a list of tf.Variable, or a tf.Module whose variables are meant: weights, the optimiser's, a
    tf.random.Generator's state. A knob that is a tf.Variable is live within a tf.function too; a Python number would be
    a constant of its graph. A snapshot is one NumPy archive, without pickle.
    """
    if isinstance(variables, tf.Module):
        variables = variables.variables
    kept = list(variables)

    def save(path):
        with open(path, "wb") as file:
            np.savez(file, json.dumps(trial.knobs), *[_array(variable) for variable in kept])

    def restore(path):
        with np.load(path, allow_pickle=False) as saved:
            arrays = [saved["arr_%d" % i] for i in range(1, len(saved.files))]
        if [array.shape for array in arrays] != [tuple(variable.shape) for variable in kept]:
            raise ValueError("the snapshot is of other variables")
        for variable, array in zip(kept, arrays):
            variable.assign(tf.cast(array, variable.dtype))
        turn(trial.knobs)

    def turn(changed):
        for name, variable in knobs.items():
            if name in changed:
                variable.assign(tf.cast(changed[name], variable.dtype))

    trial.on_save(save)
    trial.on_restore(restore)
    trial.on_knobs(turn)


def _array(variable):
    """As NumPy can save it: bfloat16 is widened, which loses nothing."""
    array = variable.numpy()
    return array if array.dtype.kind in "biuf" else array.astype("float32")
