import torch
from torch.nn import BatchNorm1d, Linear, ReLU, Sequential
from torch.nn.functional import cross_entropy


def start(widths, batch_size):
    layers = []
    for n_in, n_out in zip(widths, widths[1:-1]):
        layers += [Linear(n_in, n_out), BatchNorm1d(n_out), ReLU()]
    network = Sequential(*layers, Linear(widths[-2], widths[-1]))
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)

    def train(x, y, epochs):
        x, y = torch.from_numpy(x), torch.from_numpy(y)
        network.train()
        for _ in range(epochs):
            for rows in torch.randperm(len(x)).split(batch_size):
                optimizer.zero_grad()
                cross_entropy(network(x[rows]), y[rows]).backward()
                optimizer.step()

    def predict(x):
        network.eval()
        with torch.no_grad():
            return network(torch.from_numpy(x)).argmax(1).numpy()

    return train, predict
