"""scikit-learn's estimators that learn by partial_fit, under caviar: an epoch is one pass over the rows.

    import caviar_client, caviar_sklearn

    for trial in caviar_client.trials():
        model = SGDClassifier(learning_rate="constant", eta0=trial.config["learning_rate"], random_state=trial.seed)
        caviar_sklearn.fit(trial, model, x, y, x_validation, y_validation)

Copy it beside the program, with caviar_client.py. It needs nothing of caviar.
"""

import pickle

import numpy as np

_NAMES = {
    "learning_rate": ("eta0", "learning_rate_init"),  # what scikit-learn calls learning_rate is the schedule's name
    "beta1": ("beta_1",),
    "beta2": ("beta_2",),
}


def fit(trial, model, x, y, x_validation, y_validation, batch_size=None):
    """Train ``model`` epoch by epoch and report ``model.score`` on the validation rows.

    The rows' order is drawn anew for every epoch from the trial's seed; ``batch_size`` rows go to each partial_fit, all
    of them if not given.
    """
    attach(trial, model)
    classes = (
        {"classes": np.unique(y)} if hasattr(model, "predict_proba") or hasattr(model, "decision_function") else {}
    )
    for epoch in trial.epochs():
        order = np.random.RandomState((trial.seed + epoch) % 2**32).permutation(len(x))
        size = batch_size or len(x)
        for start in range(0, len(x), size):
            rows = order[start : start + size]
            model.partial_fit(x[rows], y[rows], **classes)
        trial.report(epoch, model.score(x_validation, y_validation))


def attach(trial, model):
    """Let caviar save and restore ``model``, and turn its knobs: what set_params takes, and learning_rate.

    ``learning_rate`` is eta0 where the model has that (the SGD family), and learning_rate_init of a multi-layer
    perceptron; any other knob is set where the model has a parameter of its name.

    A snapshot is a pickle, as scikit-learn's models are saved, and reading one can run code: restore only what this
    program has saved itself, as caviar does, which keeps a snapshot's SHA-256 and checks it.
    """

    def save(path):
        with open(path, "wb") as file:
            pickle.dump({"model": model.__dict__, "knobs": dict(trial.knobs)}, file, pickle.HIGHEST_PROTOCOL)

    def restore(path):
        with open(path, "rb") as file:
            saved = pickle.load(file)
        model.__dict__.clear()
        model.__dict__.update(saved["model"])
        turn({name: value for name, value in trial.knobs.items() if saved["knobs"].get(name) != value})

    def turn(changed):
        parameters = model.get_params(deep=False)
        inner = getattr(
            model, "_optimizer", None
        )  # a perceptron's, made by the first partial_fit with the values in it
        for knob, value in changed.items():
            for name in _NAMES.get(knob, (knob,)):
                if name in parameters:
                    model.set_params(**{name: value})
                    if hasattr(inner, name):
                        setattr(inner, name, value)
                    if name == "learning_rate_init" and hasattr(inner, "learning_rate"):
                        inner.learning_rate = value

    trial.on_save(save)
    trial.on_restore(restore)
    trial.on_knobs(turn)
