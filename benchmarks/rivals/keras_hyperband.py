"""Keras Tuner: Hyperband, Keras on PyTorch with both threads, one trial at a time.

    python -m benchmarks.rivals.keras_hyperband FOLDER

Two of its workers would need a third process as their chief. It ranks a trial by its best epoch; the weights of the
best epoch of all are kept, in memory.
"""

from __future__ import annotations

import os
from typing import Any

os.environ["KERAS_BACKEND"] = "torch"

import keras
import keras_tuner
import torch

from benchmarks.rivals.job import Config, Job, Table, config_from, job_of_command_line, write_result, zeroed


def suggested(hp: Any, name: str, table: Table) -> Any:
    """A value on one of caviar's scales, by what Keras Tuner has for it."""
    if "choices" in table:
        return hp.Choice(name, table["choices"])
    low, high = table["low"], table["high"]
    match table["scale"]:
        case "log" | "linear" if table.get("zero", 0) > 0:
            return zeroed(table, hp.Float(f"{name}_unit", 0.0, 1.0))
        case "log" | "linear":
            return hp.Float(name, low, high, sampling=table["scale"])
        case "one_minus_log":
            return 1.0 - hp.Float(f"one_minus_{name}", 1.0 - high, 1.0 - low, sampling="log")
        case "integer":
            return hp.Int(name, low, high, sampling="log" if table.get("log") else "linear")
        case "power_of_two":
            return 2 ** hp.Int(f"log2_{name}", low.bit_length() - 1, high.bit_length() - 1)
    raise ValueError(table["scale"])


def network_of(config: Config, n_in: int, n_out: int) -> Any:
    """The compiled network of a config; Keras' momentum lacks the (1 - beta) of caviar's."""
    l2 = keras.regularizers.L2(config["l2"] / 2)
    layers: list[Any] = [keras.Input((n_in,)), keras.layers.Dropout(config["input_dropout"])]
    dense = {"kernel_initializer": "he_normal", "kernel_regularizer": l2}
    for _ in range(config["layers"]):
        layers += [
            keras.layers.Dense(config["hidden_units"], use_bias=False, **dense),
            keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5),
            keras.layers.ReLU(),
            keras.layers.Dropout(config["dropout"]),
        ]
    network = keras.Sequential([*layers, keras.layers.Dense(n_out, **dense)])
    rate, beta = config["learning_rate"], config.get("momentum", 0.0)
    optimiser = (
        keras.optimizers.Adam(rate, config["beta1"], config["beta2"], config["epsilon"])
        if config["optimizer"] == "adam"
        else keras.optimizers.SGD(rate * (1 - beta), momentum=beta)
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile(optimiser, loss, metrics=["accuracy"])
    return network


def decay(config: Config) -> Any:
    """The callback that lowers the learning rate epoch by epoch."""
    rate = config["learning_rate"] * (1 - config.get("momentum", 0.0))
    return keras.callbacks.LearningRateScheduler(lambda epoch: rate / (1 + config["decay_rate"] * epoch))


class _Watch(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """Notes the best epoch of all trials, and breaks off at the deadline."""

    def __init__(self, job: Job, config: Config, found: dict[str, Any]) -> None:
        super().__init__()
        self.job, self.config, self.found = job, config, found

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Keras calls it after every epoch."""
        score = float((logs or {})["val_accuracy"])
        self.found["ended"].append((self.job.passed, score))
        if score > self.found["score"]:
            self.found.update(score=score, config=self.config, epochs=epoch + 1, weights=self.model.get_weights())
        if self.job.left <= 0:
            raise KeyboardInterrupt  # any Exception would only be this trial's


class _Networks(keras_tuner.HyperModel):  # type: ignore[misc]  # as above
    """The networks that Keras Tuner trains."""

    def __init__(self, job: Job, found: dict[str, Any]) -> None:
        super().__init__()
        self.job, self.found = job, found

    def config(self, hp: Any) -> Config:
        return config_from(self.job.space, lambda name, table: suggested(hp, name, table))

    def build(self, hp: Any) -> Any:
        """Keras Tuner's name for drawing a network."""
        return network_of(self.config(hp), self.job.x_train.shape[1], self.job.classes)

    def fit(self, hp: Any, model: Any, *rows: Any, **options: Any) -> Any:
        """Keras Tuner's name for training it."""
        config = self.config(hp)
        self.found["trials"] += options.get("initial_epoch", 0) == 0
        watch = [decay(config), _Watch(self.job, config, self.found)]
        options["callbacks"] = [*options.get("callbacks", []), *watch]
        return model.fit(*rows, batch_size=config["batch_size"], **options)


def main() -> None:
    job = job_of_command_line()
    torch.set_num_threads(2)
    keras.utils.set_random_seed(job.seed)
    found: dict[str, Any] = {"score": float("-inf"), "ended": [], "trials": 0}
    tuner = keras_tuner.Hyperband(
        _Networks(job, found),
        objective="val_accuracy",
        max_epochs=job.epochs,
        factor=3,
        hyperband_iterations=1000,
        seed=job.seed,
        directory=str(job.folder / "keras"),
        overwrite=True,
    )
    try:
        validation = (job.x_validation, job.y_validation)
        tuner.search(job.x_train, job.y_train, validation_data=validation, verbose=0)
    except KeyboardInterrupt:
        if job.left > 0:
            raise
    searched = job.passed
    config, sealed = found["config"], job.sealed()

    def test(network: Any) -> float:
        return float((network.predict(sealed[0], verbose=0).argmax(1) == sealed[1]).mean())

    own = network_of(config, job.x_train.shape[1], job.classes)
    own.set_weights(found["weights"])
    again = network_of(config, job.x_train.shape[1], job.classes)
    again.fit(
        *job.everything(),
        batch_size=config["batch_size"],
        epochs=found["epochs"],
        callbacks=[decay(config)],
        verbose=0,
    )
    write_result(
        job,
        ended=found["ended"],
        trials=found["trials"],
        searched=searched,
        best=config,
        validation=found["score"],
        test=test(again),
        test_own=test(own),
        version=f"keras-tuner {keras_tuner.__version__}, keras {keras.__version__}, torch {torch.__version__}",
    )


if __name__ == "__main__":
    main()
