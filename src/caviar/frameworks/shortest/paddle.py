import paddle
from paddle.nn import BatchNorm1D, Linear, ReLU, Sequential
from paddle.nn.functional import cross_entropy


def start(widths, batch_size):
    layers = []
    for n_in, n_out in zip(widths, widths[1:-1]):
        layers += [Linear(n_in, n_out), BatchNorm1D(n_out), ReLU()]
    network = Sequential(*layers, Linear(widths[-2], widths[-1]))
    optimizer = paddle.optimizer.Momentum(0.1, 0.9, parameters=network.parameters())

    def train(x, y, epochs):
        x, y = paddle.to_tensor(x), paddle.to_tensor(y)
        network.train()
        for _ in range(epochs):
            order = paddle.randperm(len(x))
            for i in range(0, len(x), batch_size):
                rows = order[i : i + batch_size]
                cross_entropy(network(x[rows]), y[rows]).backward()
                optimizer.step()
                optimizer.clear_grad()

    def predict(x):
        network.eval()
        with paddle.no_grad():
            return network(paddle.to_tensor(x)).argmax(1).numpy()

    return train, predict
