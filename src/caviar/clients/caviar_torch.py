"""PyTorch (1.13 or newer) under caviar: snapshots of model and optimiser, and an optimiser whose knobs turn live.

    import caviar_client, caviar_torch

    for trial in caviar_client.trials():
        model = ...
        optimizer = torch.optim.SGD(model.parameters(), lr=trial.config["learning_rate"])
        caviar_torch.attach(trial, model, optimizer)
        for epoch in trial.epochs():
            ...
            trial.report(epoch, accuracy)

Copy it beside the program, with caviar_client.py. It needs nothing of caviar.
"""

import torch

_GROUP = {"learning_rate": "lr", "momentum": "momentum", "weight_decay": "weight_decay", "epsilon": "eps"}


def attach(trial, model, optimizer, **others):
    """Let caviar save and restore ``model`` and ``optimizer``, and turn the optimiser's knobs.

    ``others`` are further parts that have state_dict and load_state_dict: ``scheduler=scheduler, scaler=scaler``. The
    state of PyTorch's random numbers is saved with them; that of NumPy's and of a DataLoader's workers is not. A file
    is read by torch.load(weights_only=True), which runs no code.

    Knobs: learning_rate, momentum, weight_decay, epsilon, beta1 and beta2, where the optimiser has them; the same for
    all of its parameter groups. A scheduler that computes the rate anew from the first one overwrites what was turned.
    """
    parts = dict(others, model=model, optimizer=optimizer)

    def save(path):
        state = {name: part.state_dict() for name, part in parts.items()}
        gpus = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
        torch.save({"parts": state, "knobs": dict(trial.knobs), "random": torch.get_rng_state(), "gpus": gpus}, path)

    def restore(path):
        saved = torch.load(path, map_location="cpu", weights_only=True)
        for name, part in parts.items():
            part.load_state_dict(saved["parts"][name])
        torch.set_rng_state(saved["random"])
        if torch.cuda.is_available() and len(saved["gpus"]) == torch.cuda.device_count():
            torch.cuda.set_rng_state_all(saved["gpus"])
        turn({name: value for name, value in trial.knobs.items() if saved["knobs"].get(name) != value})

    def turn(changed):
        for group in optimizer.param_groups:
            for name, value in changed.items():
                if _GROUP.get(name) in group:
                    group[_GROUP[name]] = value
                elif name in ("beta1", "beta2") and "betas" in group:
                    first, second = group["betas"]
                    group["betas"] = (value, second) if name == "beta1" else (first, value)

    trial.on_save(save)
    trial.on_restore(restore)
    trial.on_knobs(turn)
