"""``python -m tests.gpu``: the promises to code that trains on a graphics card, tried on a real one.

It needs a PyTorch that sees a card, and does the same with JAX where that sees one. It prints what came of each check;
exit status 1 if one failed, 2 where there is no card. The gate has no card, and does not run it.

    a loop of one's own, and a program with an adapter: a rollback in the middle of a run changes no bit
    a study: a trial that wants more memory than the card has is out of memory, and the others go on
    a study of four processes that share a card, each of which sees that card alone
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import caviar
import caviar.clients
from caviar.store import Store
from caviar.store.runs import Runs
from tests.waiting import until

PREAMBLE = f"""
import os, sys, time
sys.path.insert(0, {str(Path(caviar.clients.__file__).parent)!r})
os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"
os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"
import caviar_client
from sklearn.datasets import load_digits
digits = load_digits()
"""
TORCH = (
    PREAMBLE
    + """
import torch, caviar_torch
torch.use_deterministic_algorithms(True)
x = torch.tensor(digits.data / 16, dtype=torch.float32, device="cuda")
y = torch.tensor(digits.target, device="cuda")
for trial in caviar_client.trials():
    torch.manual_seed(trial.seed)
    hidden = torch.nn.Linear(64, 256), torch.nn.BatchNorm1d(256), torch.nn.ReLU(), torch.nn.Dropout(0.5)
    network = torch.nn.Sequential(*hidden, torch.nn.Linear(256, 10)).cuda()
    optimizer = torch.optim.AdamW(network.parameters(), lr=trial.config["learning_rate"])
    caviar_torch.attach(trial, network, optimizer)
    for epoch in trial.epochs():
        network.train()
        for rows in torch.randperm(1500, device="cuda").split(64):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(network(x[rows]), y[rows]).backward()
            optimizer.step()
        network.eval()
        with torch.no_grad():
            scores = network(x[1500:])
        time.sleep(0.1)
        trial.report(epoch, (scores.argmax(1) == y[1500:]).float().mean(), spread=scores.double().std())
"""
)
JAX = (
    PREAMBLE
    + """
import jax, jax.numpy as jnp, caviar_jax
assert jax.devices()[0].platform == "gpu"
x, y = jnp.asarray(digits.data / 16, jnp.float32), jnp.asarray(digits.target)

def scores(weights, x):
    return jax.nn.relu(x @ weights["w1"]) @ weights["w2"]

@jax.jit
def epoch_of(weights, key, rate):
    def step(weights, rows):
        def loss(weights):
            return -jax.nn.log_softmax(scores(weights, x[rows]))[jnp.arange(50), y[rows]].mean()
        return jax.tree.map(lambda w, g: w - rate * g, weights, jax.grad(loss)(weights)), None
    key, own = jax.random.split(key)
    return jax.lax.scan(step, weights, jax.random.permutation(own, 1500).reshape(30, 50))[0], key

for trial in caviar_client.trials():
    first, second, key = jax.random.split(jax.random.PRNGKey(trial.seed), 3)
    weights = {"w1": jax.random.normal(first, (64, 256)) / 8, "w2": jax.random.normal(second, (256, 10)) / 16}
    state = caviar_jax.State(trial, weights=weights, key=key)
    for epoch in trial.epochs():
        state.weights, state.key = epoch_of(state.weights, state.key, trial.knobs["learning_rate"])
        found = scores(state.weights, x[1500:])
        time.sleep(0.1)
        trial.report(epoch, (found.argmax(1) == y[1500:]).mean(), spread=found.std())
"""
)
MAIN = "from caviar.cli.main import main; main()"
EPOCHS = 25
SPACE = caviar.Space(learning_rate=caviar.Log(1e-4, 1), hidden_units=caviar.Integer(16, 256, log=True))


class Loop:
    """A network with dropout on the card, its optimiser and its random numbers."""

    def __init__(self) -> None:
        import torch

        torch.use_deterministic_algorithms(True)
        torch.manual_seed(1)
        layers = torch.nn.Linear(20, 64), torch.nn.ReLU(), torch.nn.Dropout(0.3), torch.nn.Linear(64, 3)
        self.torch, self.network = torch, torch.nn.Sequential(*layers).cuda()
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=0.01)

    def step(self) -> float:
        x = self.torch.randn(32, 20, device="cuda")
        self.optimizer.zero_grad()
        loss = self.torch.nn.functional.cross_entropy(self.network(x), (x[:, 0] > 0).long())
        loss.backward()
        self.optimizer.step()
        return float(loss)

    def state(self) -> dict[str, Any]:
        random = self.torch.cuda.get_rng_state()
        return {"network": self.network.state_dict(), "optimizer": self.optimizer.state_dict(), "random": random}

    def load(self, state: dict[str, Any]) -> None:
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.torch.cuda.set_rng_state(state["random"])

    def bits(self) -> list[bytes]:
        return [one.detach().cpu().numpy().tobytes() for one in self.network.parameters()]


def own_loop() -> str:
    """Forty steps without caviar, and forty that are counted on from the first snapshot after twenty."""
    calm = Loop()
    for _ in range(40):
        calm.step()
    nursed, steps = Loop(), 0
    with caviar.babysit.run("loop", store="gpu.db", snapshot_seconds=1e9) as run:
        while run.step < 40:
            run.log(loss=nursed.step())
            steps += 1
            if run.wants_snapshot:
                run.snapshot(**nursed.state())
            if steps == 20:
                asked = subprocess.Popen([sys.executable, "-c", MAIN, "rollback", "loop", "--store", "gpu.db"])
                until(lambda: run._urgent)
                run.log(loss=nursed.step())
            if run.wants_rollback:
                nursed.load(run.state)
        assert asked.wait() == 0
    assert steps > 50
    assert nursed.bits() == calm.bits()
    return f"{steps} steps, the last 39 of them a second time to the same bits"


def program(source: str) -> str:
    """A run that nothing happens to, and one that is rolled back in its middle."""
    Path("train.py").write_text(source)
    Path("config.toml").write_text("learning_rate = 0.003\n")
    ends = []
    for name in ("calm", "rolled-back"):
        asked = ["--command", f"{sys.executable} train.py", "--config", "config.toml", "--name", name, "--json"]
        more = ["--epochs", str(EPOCHS), "--no-nurse", "--store", "gpu.db"]
        command = [sys.executable, "-c", MAIN, "babysit", *asked, *more]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as begun:
            if name != "calm":
                until(lambda: _epochs("rolled-back") >= EPOCHS // 2)
                subprocess.run([sys.executable, "-c", MAIN, "rollback", name, "--store", "gpu.db"], check=True)
            ends.append(json.loads(begun.communicate()[0]))
        assert begun.returncode == 0
    calm, back = ends
    assert (calm["rollbacks"], back["rollbacks"]) == (0, 1)
    assert calm["values"] == back["values"], (calm["values"], back["values"])
    return f"score {back['score']:.4f} with and without a rollback, and the same bits in its values"


def _epochs(name: str) -> int:
    with Store.open("gpu.db") as store:
        runs = Runs(store)
        return len(runs.measurements(name)) if name in runs.subjects.names() else 0


def objective(trial: Any) -> None:
    """Digits; the widest networks ask for more memory than any card has."""
    import torch
    from sklearn.datasets import load_digits

    assert os.environ["CUDA_VISIBLE_DEVICES"] == "0"
    units = trial.config["hidden_units"]
    if units > 200:
        torch.empty(2**42, dtype=torch.uint8, device="cuda")
    digits = load_digits()
    x = torch.tensor(digits.data / 16, dtype=torch.float32, device="cuda")
    y = torch.tensor(digits.target, device="cuda")
    torch.manual_seed(trial.seed)
    network = torch.nn.Sequential(torch.nn.Linear(64, units), torch.nn.ReLU(), torch.nn.Linear(units, 10)).cuda()
    optimizer = torch.optim.Adam(network.parameters(), lr=trial.config["learning_rate"])
    for epoch in trial.epochs():
        for rows in torch.randperm(1500, device="cuda").split(64):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(network(x[rows]), y[rows]).backward()
            optimizer.step()
        with torch.no_grad():
            trial.report(epoch, (network(x[1500:]).argmax(1) == y[1500:]).float().mean())


def study(processes: int) -> str:
    """A study of ``objective`` by so many processes on the first card."""
    began = time.monotonic()
    given = {"trials": 24, "epochs": 9, "gpus": [0], "processes": processes, "goal": "maximize", "progress": False}
    found = caviar.tune(objective, SPACE, store="gpu.db", **given)
    states = found.trials()["state"].value_counts().to_dict()
    assert states.get("out_of_memory", 0) >= 1
    assert sum(states.values()) == given["trials"]
    assert set(states) <= {"finished", "stopped", "out_of_memory"}
    assert found.best.config["hidden_units"] <= 200
    return f"{states}, {time.monotonic() - began:.1f} s"


def main() -> int:
    try:
        import torch
    except ImportError:
        torch = None
    if torch is None or not torch.cuda.is_available():
        print("there is no card that PyTorch sees\ninstall a PyTorch for your card: pytorch.org", file=sys.stderr)
        return 2
    print(f"{torch.cuda.get_device_name(0)}, PyTorch {torch.__version__}")
    os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"
    warnings.simplefilter("ignore")
    checks: dict[str, Callable[[], str]] = {
        "a loop of one's own": own_loop,
        "a program with caviar_torch": lambda: program(TORCH),
        "a study": lambda: study(1),
        "a study of four processes": lambda: study(4),
    }
    try:
        import jax

        if jax.devices()[0].platform == "gpu":
            checks["a program with caviar_jax"] = lambda: program(JAX)
    except ImportError:
        pass
    failed = 0
    for name, check in checks.items():
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            try:
                print(f"{name}: {check()}", flush=True)
            except Exception as error:
                failed += 1
                print(f"{name} FAILED: {type(error).__name__}: {error}", flush=True)
            os.chdir("/")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
