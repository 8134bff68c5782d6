import numpy as np
from caffe2.python import brew, core, optimizer, workspace
from caffe2.python.model_helper import ModelHelper

core.GlobalInit(["caffe2", "--caffe2_log_level=2"])


def start(widths, batch_size):
    workspace.ResetWorkspace()

    def build(name, training):
        model, blob = ModelHelper(name, arg_scope={"order": "NCHW"}, init_params=training), "x"
        for i, (n_in, n_out) in enumerate(zip(widths, widths[1:-1])):
            blob = brew.fc(model, blob, "z%d" % i, n_in, n_out)
            blob = model.net.ExpandDims(blob, "z%d_4" % i, dims=[2, 3])
            blob = brew.spatial_bn(model, blob, "normalised%d" % i, n_out, momentum=0.9, is_test=not training)
            blob = brew.relu(model, model.net.Squeeze(blob, "squeezed%d" % i, dims=[2, 3]), "h%d" % i)
        brew.softmax(model, brew.fc(model, blob, "scores", widths[-2], widths[-1]), "predicted")
        return model

    model, evaluation = build("train", True), build("evaluate", False)
    loss = model.net.AveragedLoss(model.net.LabelCrossEntropy(["predicted", "y"], "losses"), "loss")
    model.AddGradientOperators([loss])
    optimizer.build_sgd(model, base_learning_rate=0.1, momentum=0.9, policy="fixed", nesterov=0)
    workspace.FeedBlob("x", np.zeros((batch_size, widths[0]), dtype=np.float32))
    workspace.FeedBlob("y", np.zeros(batch_size, dtype=np.int32))
    workspace.RunNetOnce(model.param_init_net)
    workspace.CreateNet(model.net)
    workspace.CreateNet(evaluation.net)

    def train(x, y, epochs):
        y = y.astype(np.int32)
        for _ in range(epochs):
            order = np.random.permutation(len(x))
            for i in range(0, len(x), batch_size):
                workspace.FeedBlob("x", x[order[i : i + batch_size]])
                workspace.FeedBlob("y", y[order[i : i + batch_size]])
                workspace.RunNet(model.net)

    def predict(x):
        workspace.FeedBlob("x", x)
        workspace.RunNet(evaluation.net)
        return workspace.FetchBlob("predicted").argmax(1)

    return train, predict
