import caviar


def start(widths, batch_size):
    config = {"layers": len(widths) - 2, "hidden_units": widths[1], "batch_size": batch_size}
    config |= {"optimizer": "momentum", "learning_rate": 0.1, "momentum": 0.9}
    fit = None

    def train(x, y, epochs):
        nonlocal fit
        fit = caviar.train(x, y, config, epochs=epochs)

    def predict(x):
        return fit.model.predict(x)

    return train, predict
