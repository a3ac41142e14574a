r"""Writes what torch's optimisers and schedules do, `optim.npz`, for tests/test_optim.py and tests/test_schedules.py.
Run once, by hand, with torch 2.13.0:

    python tests/golden/make_optim.py

Two parameters (3, 4) and (5,) take 20 steps along random gradients, in float64; "cases" lists the optimisers and their
options as JSON, and "w0_3" holds the first parameter after each step of case 3. In the case with "groups" the second
parameter has these options of its own. "schedules" lists the schedules, "lr_1" the learning rates of schedule 1 before
each of 30 steps.
"""

import json
from pathlib import Path

import numpy as np
import torch

CASES = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "weight_decay": 0.05}),
    ("SGD", {"lr": 0.1, "momentum": 0.9}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.05}),
    ("Adagrad", {}),
    ("Adagrad", {"lr": 0.1, "weight_decay": 0.05, "initial_accumulator_value": 0.3, "eps": 1e-3}),
    ("RMSprop", {}),
    ("RMSprop", {"lr": 0.03, "alpha": 0.8, "eps": 1e-3, "weight_decay": 0.05, "momentum": 0.7}),
    ("RMSprop", {"centered": True}),
    ("RMSprop", {"centered": True, "momentum": 0.9, "weight_decay": 0.05}),
    ("Adam", {}),
    ("Adam", {"lr": 0.05, "betas": [0.8, 0.95], "eps": 1e-3, "weight_decay": 0.1}),
    ("AdamW", {}),
    ("AdamW", {"lr": 0.05, "betas": [0.8, 0.95], "eps": 1e-3, "weight_decay": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "groups": {"lr": 0.01, "momentum": 0.5}}),
    ("Adam", {"lr": 0.1, "groups": {"betas": [0.5, 0.6], "weight_decay": 0.3}}),
]
METRICS = [5, 4, 4, 4, 4, 4.1, 3, 2.9999, 2.9999, 3, 3, 3, 3, 3, 1, 1, 1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5, 9, 9, 9, 9, 9, 9]
SCHEDULES = [
    ("StepLR", {"step_size": 7, "gamma": 0.3}),
    ("CosineAnnealingLR", {"T_max": 12, "eta_min": 0.01}),
    ("ReduceLROnPlateau", {"patience": 2, "factor": 0.5}),
    ("ReduceLROnPlateau", {"mode": "max", "patience": 1, "factor": 0.3, "cooldown": 2, "min_lr": 0.02}),
    ("ReduceLROnPlateau", {"patience": 0, "threshold": 0.3, "factor": 0.9}),
]
STEPS = 20

rng = np.random.default_rng(7)
starts = [rng.normal(size=(3, 4)), rng.normal(size=5)]
gradients = [rng.normal(size=(STEPS, *w.shape)) for w in starts]
arrays = {"start_0": starts[0], "start_1": starts[1], "gradients_0": gradients[0], "gradients_1": gradients[1]}

for i, (name, options) in enumerate(CASES):
    options = dict(options)
    own = options.pop("groups", {})
    ws = [torch.tensor(w, requires_grad=True) for w in starts]
    optimizer = getattr(torch.optim, name)([{"params": ws[:1]}, {"params": ws[1:], **own}], **options)
    paths = [[], []]
    for step in range(STEPS):
        for w, g in zip(ws, gradients, strict=True):
            w.grad = torch.tensor(g[step])
        optimizer.step()
        for path, w in zip(paths, ws, strict=True):
            path.append(w.detach().numpy().copy())
    arrays[f"w0_{i}"], arrays[f"w1_{i}"] = np.array(paths[0]), np.array(paths[1])

for i, (name, options) in enumerate(SCHEDULES):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    schedule = getattr(torch.optim.lr_scheduler, name)(optimizer, **options)
    lrs = []
    for metric in METRICS:
        lrs.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step(metric) if name == "ReduceLROnPlateau" else schedule.step()
    arrays[f"lr_{i}"] = np.array(lrs)

texts = {"cases": json.dumps(CASES), "schedules": json.dumps(SCHEDULES), "torch": torch.__version__}
np.savez_compressed(Path(__file__).parent / "optim.npz", metrics=METRICS, **arrays, **texts)
