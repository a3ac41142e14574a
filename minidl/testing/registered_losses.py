r"""The places of minidl's losses in the registry.

What a loss has no gradient for (labels, probabilities, weights) stands in the `partial`; what it has one for is an
input.
"""

from functools import partial

import numpy as np

from minidl import losses
from minidl.losses.reduce import REDUCTIONS
from minidl.testing.registry import register
from minidl.testing.values import distinct, distribution, integers, positive, probabilities


def loss(pick, function, inputs, reductions=tuple(REDUCTIONS), **options):
    r"""The loss with every reduction and with sample weights, one of which is 0."""
    N = len(inputs[0])
    weights = positive(N)
    weights[1:2] = 0
    options["reduction"] = pick("reduction", "mean", *(r for r in reductions if r != "mean"))
    options["sample_weight"] = weights if pick("sample_weight", False, True) else None
    return partial(function, **options), inputs


def several(pick):
    r"""The shape of an input: examples, numbers of each."""
    return pick("shape", (4, 3), (1, 1), (5,), (2, 3, 2))


no_rungs_on_request = {"batch": False, "empty": False, "rank": False}


def pair_of(shape):
    r"""An input and a target, nowhere equal (|x - t| has a kink there)."""
    both = distinct(2, *shape)
    return [both[0], both[1]]


@register(losses.mse_loss, **no_rungs_on_request)
def _(pick):
    return loss(pick, losses.mse_loss, pair_of(several(pick)))


@register(losses.half_squared_error, **no_rungs_on_request)
def _(pick):
    return loss(pick, losses.half_squared_error, pair_of(several(pick)))


@register(losses.l1_loss, **no_rungs_on_request)
def _(pick):
    return loss(pick, losses.l1_loss, pair_of(several(pick)))


@register(losses.huber_loss, **no_rungs_on_request)
def _(pick):
    return loss(pick, losses.huber_loss, pair_of(several(pick)), delta=pick("delta", 1.0, 0.3, 10.0))


@register(losses.smooth_l1_loss, **no_rungs_on_request)
def _(pick):
    return loss(pick, losses.smooth_l1_loss, pair_of(several(pick)), beta=pick("beta", 1.0, 0.0, 0.3))


@register(losses.cross_entropy, **no_rungs_on_request)
def _(pick):
    N, K = pick("N", 4, 1), pick("K", 3, 1)
    shape = (N, K, *pick("places", (), (2,), (2, 2)))
    options = {"weight": positive(K) if pick("weight", False, True) else None}
    options["label_smoothing"] = pick("label_smoothing", 0.0, 0.1, 1.0)
    if pick("target", "labels", "probabilities") == "labels":
        labels = integers(N, *shape[2:], high=K)
        if pick("ignore_index", None, -1) is not None and labels.size > 1:
            labels.ravel()[0] = options["ignore_index"] = -1
        options["target"] = labels
    else:
        options["target"] = distribution(*shape)
    options["class_axis"] = axis = pick("class_axis", 1, -1)
    if options["target"].ndim == len(shape):
        options["target"] = np.moveaxis(options["target"], 1, axis)
    return loss(pick, losses.cross_entropy, [np.moveaxis(distinct(*shape), 1, axis)], **options)


@register(losses.nll_loss, **no_rungs_on_request)
def _(pick):
    N, K = pick("N", 4, 1), pick("K", 3, 1)
    places = pick("places", (), (2,), (2, 2))
    options = {"weight": positive(K) if pick("weight", False, True) else None}
    labels = integers(N, *places, high=K)
    if pick("ignore_index", None, -1) is not None and labels.size > 1:
        labels.ravel()[0] = options["ignore_index"] = -1
    options["class_axis"] = pick("class_axis", 1, -1)
    x = np.moveaxis(np.log(probabilities(N, K, *places)), 1, options["class_axis"])
    return loss(pick, losses.nll_loss, [x], target=labels, **options)


@register(losses.binary_cross_entropy, **no_rungs_on_request)
def _(pick):
    shape = several(pick)
    weight = positive(*shape) if pick("weight", False, True) else None
    target = probabilities(*shape) if pick("target", "probabilities", "labels") == "probabilities" else None
    target = integers(*shape, high=2) if target is None else target
    return loss(pick, losses.binary_cross_entropy, [probabilities(*shape)], target=target, weight=weight)


@register(losses.binary_cross_entropy_with_logits, **no_rungs_on_request)
def _(pick):
    shape = several(pick)
    return loss(
        pick,
        losses.binary_cross_entropy_with_logits,
        [distinct(*shape)],
        target=probabilities(*shape),
        weight=positive(*shape) if pick("weight", False, True) else None,
        pos_weight=positive(shape[-1]) if pick("pos_weight", False, True) else None,
    )


@register(losses.kl_div, **no_rungs_on_request)
def _(pick):
    target, log_target = distribution(pick("N", 3, 1), 4), pick("log_target", False, True)
    return loss(
        pick,
        losses.kl_div,
        [np.log(distribution(*target.shape))],
        reductions=(*REDUCTIONS, "batchmean"),
        target=np.log(target) if log_target else target,
        log_target=log_target,
    )


@register(losses.hinge_loss, **no_rungs_on_request)
def _(pick):
    shape = several(pick)
    return loss(pick, losses.hinge_loss, [distinct(*shape)], target=2 * integers(*shape, high=2) - 1)
