r"""Losses: how wrong a model is, as one number to go down from.

Each is a function `loss(input, target, ..., reduction="mean", sample_weight=None)` of what the model says and what was
wanted, with its gradient derived by hand; the names and the order of arguments are those of torch.nn.functional.

| file | losses |
|---|---|
| `squared.py` | mse_loss, half_squared_error |
| `absolute.py` | l1_loss, huber_loss, smooth_l1_loss |
| `cross_entropy.py` | cross_entropy (logits), nll_loss (log-probabilities) |
| `binary.py` | binary_cross_entropy, binary_cross_entropy_with_logits |
| `divergence.py` | kl_div |
| `hinge.py` | hinge_loss |
| `reduce.py` | what they share: reduction and weights |

>>> from minidl import Tensor
>>> scores = Tensor([[2.0, 0.0], [0.0, 1.0]], requires_grad=True)
>>> loss = cross_entropy(scores, [0, 1])
>>> loss.backward()
>>> scores.grad  # (softmax - target) / N
array([[-0.0596...,  0.0596...],
       [ 0.1344..., -0.1344...]], dtype=float32)
"""

from minidl.losses.absolute import huber_loss, l1_loss, smooth_l1_loss
from minidl.losses.binary import binary_cross_entropy, binary_cross_entropy_with_logits
from minidl.losses.cross_entropy import cross_entropy, nll_loss
from minidl.losses.divergence import kl_div
from minidl.losses.hinge import hinge_loss
from minidl.losses.reduce import REDUCTIONS
from minidl.losses.squared import half_squared_error, mse_loss

# name -> loss(input, target, reduction=, sample_weight=): what `fit(loss="...")` takes
LOSSES = {
    "mse_loss": mse_loss,
    "half_squared_error": half_squared_error,
    "l1_loss": l1_loss,
    "huber_loss": huber_loss,
    "smooth_l1_loss": smooth_l1_loss,
    "cross_entropy": cross_entropy,
    "nll_loss": nll_loss,
    "binary_cross_entropy": binary_cross_entropy,
    "binary_cross_entropy_with_logits": binary_cross_entropy_with_logits,
    "kl_div": kl_div,
    "hinge_loss": hinge_loss,
}

__all__ = [*LOSSES, "LOSSES", "REDUCTIONS"]
