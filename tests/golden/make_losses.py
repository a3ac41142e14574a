r"""Writes torch's losses and their gradients, `losses.npz`, for `tests/test_losses.py`. Run once, by hand, with torch
2.13.0:

    python tests/golden/make_losses.py

"cases" lists as JSON: the loss, its input and target, and its options; where an option is a text, it names an array.
"loss_3" and "grad_3" are the loss of case 3 and the gradient of its input, in float64, for the gradient "upstream_3".
"""

import itertools
import json
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

rng = np.random.default_rng(11)
SHAPE = (6, 4, 3)
places = rng.integers(0, 4, size=(6, 3))
arrays = {
    "x": rng.normal(size=SHAPE) * 2,
    "y": rng.normal(size=SHAPE),
    "p": rng.random(SHAPE),
    "q": np.moveaxis(rng.dirichlet(np.ones(4), size=(6, 3)), -1, 1),
    "log_p": np.log(np.moveaxis(rng.dirichlet(np.ones(4), size=(6, 3)), -1, 1)),
    "log_q": np.log(np.moveaxis(rng.dirichlet(np.ones(4), size=(6, 3)), -1, 1)),
    "t": places,
    "ignored": np.where(rng.random(places.shape) < 0.3, -100, places),
    "weights": rng.random(4) + 0.1,
    "each": rng.random(SHAPE),
    "pos": rng.random(3) * 3,
}

CASES = [("mse_loss", "x", "y", {}), ("l1_loss", "x", "y", {})]
CASES += [("smooth_l1_loss", "x", "y", {"beta": beta}) for beta in (0.0, 0.5, 1.0, 3.0)]
CASES += [("huber_loss", "x", "y", {"delta": delta}) for delta in (0.5, 1.0, 3.0)]
for weight in ({}, {"weight": "weights"}):
    CASES += [("nll_loss", "log_p", "t", weight), ("nll_loss", "log_p", "ignored", weight)]
    CASES += [("nll_loss", "log_p", "t", {**weight, "ignore_index": 2})]
for target, weight, epsilon in itertools.product(("t", "ignored", "q"), ({}, {"weight": "weights"}), (0.0, 0.1, 1.0)):
    CASES.append(("cross_entropy", "x", target, {**weight, "label_smoothing": epsilon}))
CASES += [("kl_div", "log_p", "q", {}), ("kl_div", "log_p", "log_q", {"log_target": True})]
for weight in ({}, {"weight": "each"}):
    CASES.append(("binary_cross_entropy", "p", "q", weight))
    CASES.append(("binary_cross_entropy_with_logits", "x", "q", weight))
    CASES.append(("binary_cross_entropy_with_logits", "x", "q", {**weight, "pos_weight": "pos"}))
CASES = [(*case[:3], {**case[3], "reduction": r}) for case in CASES for r in ("mean", "sum", "none")]
CASES.append(("kl_div", "log_p", "q", {"reduction": "batchmean"}))

for i, (name, x, t, options) in enumerate(CASES):
    x = torch.tensor(arrays[x], requires_grad=True)
    options = {k: torch.tensor(arrays[v]) if v in arrays else v for k, v in options.items()}
    loss = getattr(F, name)(x, torch.tensor(arrays[t]), **options)
    upstream = rng.normal(size=tuple(loss.shape))
    loss.backward(torch.tensor(upstream))
    arrays[f"upstream_{i}"], arrays[f"loss_{i}"], arrays[f"grad_{i}"] = upstream, loss.detach().numpy(), x.grad.numpy()

texts = {"cases": json.dumps(CASES), "torch": torch.__version__}
np.savez_compressed(Path(__file__).parent / "losses.npz", **arrays, **texts)
