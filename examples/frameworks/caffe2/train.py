"""Digits with Caffe2, tuned and nursed by Caviar."""

import caviar_client
import numpy as np
from caffe2.python import brew, core, workspace
from caffe2.python.model_helper import ModelHelper
from digits import batches, digits

core.GlobalInit(["caffe2", "--caffe2_log_level=2"])
x, y, x_validation, y_validation = digits()
y, y_validation = y.astype(np.int32), y_validation.astype(np.int32)


def build(name, units, training):
    model = ModelHelper(name, arg_scope={"order": "NCHW"}, init_params=training)
    brew.fc(model, "x", "z", 64, units)
    model.net.ExpandDims("z", "z4", dims=[2, 3])  # batch norm here is of pictures
    brew.spatial_bn(model, "z4", "normalised", units, momentum=0.9, is_test=not training)
    brew.relu(model, "normalised", "h")
    brew.fc(model, "h", "scores", units, 10)
    brew.softmax(model, "scores", "predicted")
    model.net.LabelCrossEntropy(["predicted", "y"], "losses")
    model.net.AveragedLoss("losses", "loss")
    return model


def feed(rows, labels):
    workspace.FeedBlob("x", rows)
    workspace.FeedBlob("y", labels)


def train(trial):
    workspace.ResetWorkspace()
    feed(x, y)
    model = build("train", trial.config["hidden_units"], training=True)
    model.param_init_net.Proto().device_option.random_seed = trial.seed % 2**31
    evaluation = build("evaluate", trial.config["hidden_units"], training=False)
    model.AddGradientOperators(["loss"])
    weights = model.GetParams()
    for weight in weights:
        velocity = model.param_init_net.ConstantFill(weight, weight + "_velocity", value=0.0)
        gradient = model.param_to_grad[weight]
        model.net.MomentumSGDUpdate(
            [gradient, velocity, "learning_rate", weight],
            [gradient, velocity, weight],
            momentum=trial.config["momentum"],
            nesterov=0,
        )
    workspace.RunNetOnce(model.param_init_net)
    workspace.FeedBlob("learning_rate", np.array([1], dtype=np.float32))
    workspace.CreateNet(model.net)
    workspace.CreateNet(evaluation.net)
    state = model.GetAllParams() + [weight + "_velocity" for weight in weights]

    def save(path):
        with open(path, "wb") as file:
            np.savez(file, *[workspace.FetchBlob(name) for name in state])

    def restore(path):
        saved = np.load(path)
        for number, name in enumerate(state):
            workspace.FeedBlob(name, saved["arr_%d" % number])

    trial.on_save(save)
    trial.on_restore(restore)
    for epoch in trial.epochs():
        workspace.FeedBlob("learning_rate", np.array([trial.knobs["learning_rate"]], dtype=np.float32))
        for rows in batches(trial.seed, epoch, len(x), trial.config["batch_size"]):
            feed(x[rows], y[rows])
            workspace.RunNet(model.net)
        feed(x_validation, y_validation)
        workspace.RunNet(evaluation.net)
        accuracy = (workspace.FetchBlob("predicted").argmax(1) == y_validation).mean()
        trial.report(epoch, accuracy, validation_loss=workspace.FetchBlob("loss"))


caviar_client.run(train)
