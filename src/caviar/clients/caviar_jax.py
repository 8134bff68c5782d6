"""JAX, with Optax or without, under caviar: snapshots of trees of arrays, and Optax's hyperparameters turned live.

    import caviar_client, caviar_jax

    for trial in caviar_client.trials():
        optimizer = optax.inject_hyperparams(optax.sgd)(learning_rate=trial.config["learning_rate"], momentum=0.9)
        state = caviar_jax.State(trial, params=params, opt_state=optimizer.init(params))
        for epoch in trial.epochs():
            state.params, state.opt_state = train(state.params, state.opt_state)
            trial.report(epoch, accuracy(state.params))

Copy it beside the program, with caviar_client.py. It needs nothing of caviar.
"""

import json

import jax
import jax.numpy as jnp
import numpy as np

_OPTAX = {"beta1": "b1", "beta2": "b2", "epsilon": "eps"}  # others have the same names there


class State:
    """What training depends on, as attributes: trees of arrays, which a snapshot has and a rollback replaces.

    Arrays and numbers of a tree are saved, in one NumPy archive without pickle; everything else of its structure stays
    the program's. A random key of jax.random.PRNGKey is an array; one of jax.random.key goes in as its key_data.

    Knobs: hyperparameters of optax.inject_hyperparams, wherever in the trees they are; all of the same name. They are
    arrays of the state, so that nothing is compiled anew, not for another trial either: its own are put in here.
    """

    def __init__(self, trial, **trees):
        self.__dict__.update(trees)
        self._trial = trial
        self._names = sorted(trees)
        trial.on_save(self._save)
        trial.on_restore(self._restore)
        trial.on_knobs(self._turn)
        self._turn(trial.knobs)

    def _trees(self):
        return {name: getattr(self, name) for name in self._names}

    def _save(self, path):
        arrays = [np.asarray(leaf) for leaf in jax.tree_util.tree_leaves(self._trees())]
        # bfloat16 and float8, which NumPy cannot save, are widened: that loses nothing.
        arrays = [array if array.dtype.kind in "biufc" else array.astype("float32") for array in arrays]
        with open(path, "wb") as file:
            np.savez(file, json.dumps(self._trial.knobs), *arrays)

    def _restore(self, path):
        with np.load(path, allow_pickle=False) as saved:
            arrays = [saved["arr_%d" % i] for i in range(len(saved.files))]
        knobs, arrays = json.loads(str(arrays[0])), arrays[1:]
        leaves, structure = jax.tree_util.tree_flatten(self._trees())
        if [array.shape for array in arrays] != [np.shape(leaf) for leaf in leaves]:
            raise ValueError("the snapshot is of other trees")
        back = [jnp.asarray(array, jnp.asarray(leaf).dtype) for array, leaf in zip(arrays, leaves)]
        self.__dict__.update(jax.tree_util.tree_unflatten(structure, back))
        self._turn({name: value for name, value in self._trial.knobs.items() if knobs.get(name) != value})

    def _turn(self, changed):
        changed = {_OPTAX.get(name, name): value for name, value in changed.items()}

        def turned(node):
            if not _injected(node):
                return node
            known = dict(node.hyperparams)
            for name in set(known) & set(changed):
                known[name] = jnp.asarray(changed[name], jnp.asarray(known[name]).dtype)
            return node._replace(hyperparams=known)

        self.__dict__.update(jax.tree_util.tree_map(turned, self._trees(), is_leaf=_injected))


def _injected(node):
    """Whether a node of a tree is the state of optax.inject_hyperparams."""
    return hasattr(node, "hyperparams") and hasattr(node, "_replace")
