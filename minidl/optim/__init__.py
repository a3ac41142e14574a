r"""Optimisers: from gradients to better parameters; and schedules for their learning rate.

| name | step |
|---|---|
| `SGD` | down the gradient; momentum, Nesterov |
| `Adagrad` | divided by the size of all gradients so far |
| `RMSprop` | divided by the size of recent gradients |
| `Adam`, `AdamW` | momentum, divided by the size of recent gradients |
| `StepLR`, `CosineAnnealingLR`, `LinearWarmup`, `ReduceLROnPlateau` | schedules |
| `clip_grad_norm` | shortens gradients before a step |
"""

from minidl.optim.adagrad import Adagrad
from minidl.optim.adam import Adam, AdamW
from minidl.optim.clip import clip_grad_norm
from minidl.optim.optimizer import Optimizer
from minidl.optim.plateau import ReduceLROnPlateau
from minidl.optim.rmsprop import RMSprop
from minidl.optim.schedule import CosineAnnealingLR, LinearWarmup, Schedule, StepLR
from minidl.optim.sgd import SGD

# name -> class: what `fit(optimizer="...")` takes
OPTIMIZERS = {"SGD": SGD, "Adagrad": Adagrad, "RMSprop": RMSprop, "Adam": Adam, "AdamW": AdamW}

SCHEDULES = {
    "StepLR": StepLR,
    "CosineAnnealingLR": CosineAnnealingLR,
    "LinearWarmup": LinearWarmup,
    "ReduceLROnPlateau": ReduceLROnPlateau,
}

__all__ = [*OPTIMIZERS, *SCHEDULES, "OPTIMIZERS", "SCHEDULES", "Optimizer", "Schedule", "clip_grad_norm"]
