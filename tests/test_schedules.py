"""The schedules: torch's learning rates, formulas, warm-up, resuming and bad input."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from minidl import Tensor
from minidl.optim import (
    SCHEDULES,
    SGD,
    CosineAnnealingLR,
    LinearWarmup,
    ReduceLROnPlateau,
    Schedule,
    StepLR,
)

GOLDEN = np.load(Path(__file__).parent / "golden" / "optim.npz")
CASES = json.loads(str(GOLDEN["schedules"]))
METRICS = GOLDEN["metrics"].tolist()


def optimizer(*lrs):
    return SGD([{"params": [Tensor([1.0], requires_grad=True)], "lr": lr} for lr in lrs or (0.1,)])


def lrs(opt):
    return [group["lr"] for group in opt.param_groups]


def advance(schedule, metric):
    watches = isinstance(schedule, ReduceLROnPlateau) or isinstance(getattr(schedule, "after", None), ReduceLROnPlateau)
    schedule.step(metric) if watches else schedule.step()


def run(opt, schedule, metrics):
    """The learning rates before each step."""
    seen = []
    for metric in metrics:
        seen.append(lrs(opt))
        advance(schedule, metric)
    return seen


@pytest.mark.parametrize("i", range(len(CASES)), ids=[name for name, _ in CASES])
def test_torch(i):
    name, options = CASES[i]
    opt = optimizer()
    got = run(opt, SCHEDULES[name](opt, **options), METRICS)
    np.testing.assert_allclose(np.ravel(got), GOLDEN[f"lr_{i}"], rtol=1e-9, atol=1e-15)


def test_each_group_keeps_its_own_rate():
    opt = optimizer(1.0, 0.1)
    schedule = StepLR(opt, 1, gamma=0.5)
    schedule.step()
    assert lrs(opt) == [0.5, 0.05]


def test_cosine_is_half_way_half_way():
    opt = optimizer(1.0)
    schedule = CosineAnnealingLR(opt, T_max=8, eta_min=0.2)
    path = np.ravel(run(opt, schedule, range(9)))
    assert path[0] == 1 and path[4] == pytest.approx(0.6) and path[8] == pytest.approx(0.2)
    np.testing.assert_allclose(path + path[::-1], 1.2)


def test_warm_up_then_constant():
    opt = optimizer(1.0, 0.5)
    path = run(opt, LinearWarmup(opt, 4), range(6))
    np.testing.assert_allclose(path, [[f, f / 2] for f in (0.25, 0.5, 0.75, 1, 1, 1)])


def test_warm_up_then_another_schedule():
    opt = optimizer(1.0)
    path = np.ravel(run(opt, LinearWarmup(opt, 3, after=CosineAnnealingLR(opt, T_max=4)), range(7)))
    cosine = [(1 + math.cos(math.pi * t / 4)) / 2 for t in range(5)]
    np.testing.assert_allclose(path, [1 / 3, 2 / 3, *cosine], atol=1e-15)


def test_warm_up_then_plateau():
    opt = optimizer(1.0)
    schedule = LinearWarmup(opt, 2, after=ReduceLROnPlateau(opt, factor=0.5, patience=0))
    assert np.ravel(run(opt, schedule, [9, 5, 5, 4, 4])).tolist() == [0.5, 1.0, 1.0, 0.5, 0.5]
    assert lrs(opt) == [0.25]


def test_plateau_with_numbers_of_every_kind():
    opt = optimizer(1.0)
    schedule = ReduceLROnPlateau(opt, factor=0.5, patience=1)
    for metric in (np.float32(2.0), Tensor([1.0]), math.nan, math.inf):
        schedule.step(metric)
    assert lrs(opt) == [0.5] and schedule.best == 1.0
    for bad in ("low", None, [1.0, 2.0]):
        with pytest.raises(TypeError, match="ReduceLROnPlateau.step: metric must be a number"):
            schedule.step(bad)
    assert schedule.t == 4


def test_plateau_of_a_negative_metric():
    opt = optimizer(1.0)
    schedule = ReduceLROnPlateau(opt, factor=0.5, patience=0, threshold=0.1)
    for metric, lr in [(-1.0, 1.0), (-0.95, 0.5), (-1.05, 0.25), (-1.2, 0.25)]:
        schedule.step(metric)
        assert lrs(opt) == [lr]


def test_plateau_never_raises_a_rate_to_min_lr():
    opt = optimizer(1.0, 0.01)
    schedule = ReduceLROnPlateau(opt, factor=0.1, patience=0, min_lr=0.3)
    for _ in range(3):
        schedule.step(1.0)
    assert lrs(opt) == [0.3, 0.01]


# ---- resuming ----
def factories():
    return {
        "StepLR": lambda opt: StepLR(opt, 3, 0.5),
        "CosineAnnealingLR": lambda opt: CosineAnnealingLR(opt, 20, 0.01),
        "LinearWarmup": lambda opt: LinearWarmup(opt, 12),
        "ReduceLROnPlateau": lambda opt: ReduceLROnPlateau(opt, patience=1, cooldown=1, factor=0.7),
        "warm-up, step": lambda opt: LinearWarmup(opt, 5, after=StepLR(opt, 3, 0.5)),
        "warm-up, plateau": lambda opt: LinearWarmup(opt, 5, after=ReduceLROnPlateau(opt, patience=0, factor=0.9)),
    }


every_schedule = pytest.mark.parametrize("make", factories().values(), ids=factories())


def test_every_schedule_is_resumed():
    assert set(SCHEDULES) <= set(factories())


@every_schedule
@pytest.mark.parametrize("stop", [0, 3, 4, 5, 10])
@pytest.mark.parametrize("optimizer_first", [True, False])
def test_resuming_is_bit_identical(make, stop, optimizer_first):
    opt = optimizer(0.1, 0.03)
    schedule = make(opt)
    run(opt, schedule, METRICS[:stop])
    saved = json.loads(json.dumps([schedule.state_dict(), opt.state_dict()], allow_nan=False))
    rest = run(opt, schedule, METRICS[stop:])
    other = optimizer(0.1, 0.03)
    if optimizer_first:
        other.load_state_dict(saved[1])
    again = make(other)
    again.load_state_dict(saved[0])
    if not optimizer_first:
        other.load_state_dict(saved[1])
    assert run(other, again, METRICS[stop:]) == rest
    assert again.state_dict() == schedule.state_dict()


@every_schedule
def test_a_broken_state_changes_nothing(make):
    opt = optimizer(0.1, 0.03)
    schedule = make(opt)
    run(opt, schedule, METRICS[:7])
    state = schedule.state_dict()
    broken = [
        (None, ValueError, "must be a dict of t, base_lrs, lrs"),
        ({**state, "more": 1}, ValueError, "must be a dict of"),
        ({k: v for k, v in state.items() if k != "t"}, ValueError, "must be a dict of"),
        ({**state, "t": -1}, ValueError, "t must be >= 0, got -1"),
        ({**state, "t": 1.5}, TypeError, "t must be an integer"),
        ({**state, "lrs": [0.1]}, ValueError, "lrs must be a list of 2 numbers"),
        ({**state, "lrs": [0.1, math.nan]}, ValueError, "lrs must be a finite number"),
        ({**state, "base_lrs": 3}, ValueError, "base_lrs must be a list of 2 numbers, got 3"),
        ({**state, "base_lrs": [0.1, "x"]}, TypeError, "base_lrs must be a number"),
    ]
    if "best" in state:
        broken.append(({**state, "best": "low"}, TypeError, "best must be a number"))
        broken.append(({**state, "bad_steps": -1}, ValueError, "bad_steps must be >= 0"))
    if "after" in state:
        broken.append(({**state, "after": {}}, ValueError, "must be a dict of"))
        broken.append(({**state, "after": {**state["after"], "t": None}}, TypeError, "t must be an integer"))
    for bad, error, message in broken:
        with pytest.raises(error, match=f"load_state_dict: .*{message}"):
            schedule.load_state_dict(bad)
        assert schedule.state_dict() == state


# ---- bad input ----
OPT = optimizer()
BAD = [
    (lambda: StepLR(None, 1), TypeError, "StepLR: optimizer must be an Optimizer, got NoneType"),
    (lambda: StepLR(OPT, 0), ValueError, "StepLR: step_size must be >= 1, got 0"),
    (lambda: StepLR(OPT, 1.5), TypeError, "StepLR: step_size must be an integer, got 1.5"),
    (lambda: StepLR(OPT, 1, -0.1), ValueError, "StepLR: gamma must be >= 0, got -0.1"),
    (lambda: StepLR(OPT, 1, math.nan), ValueError, "StepLR: gamma must be a finite number"),
    (lambda: CosineAnnealingLR(OPT, 0), ValueError, "CosineAnnealingLR: T_max must be >= 1, got 0"),
    (lambda: CosineAnnealingLR(OPT, 5, -1), ValueError, "CosineAnnealingLR: eta_min must be >= 0, got -1"),
    (lambda: LinearWarmup(OPT, 0), ValueError, "LinearWarmup: warmup_steps must be >= 1, got 0"),
    (lambda: LinearWarmup(OPT, 5, after="cosine"), ValueError, "LinearWarmup: after must be a schedule .*'cosine'"),
    (lambda: LinearWarmup(OPT, 5, after=StepLR(optimizer(), 1)), ValueError, "LinearWarmup: after must be a schedule"),
    (lambda: ReduceLROnPlateau(OPT, mode="auto"), ValueError, "ReduceLROnPlateau: mode must be one of 'min', 'max'"),
    (lambda: ReduceLROnPlateau(OPT, factor=1.0), ValueError, "ReduceLROnPlateau: factor must be < 1, got 1.0"),
    (lambda: ReduceLROnPlateau(OPT, patience=-1), ValueError, "ReduceLROnPlateau: patience must be >= 0"),
    (lambda: ReduceLROnPlateau(OPT, threshold=math.nan), ValueError, "ReduceLROnPlateau: threshold must be a finite"),
    (lambda: ReduceLROnPlateau(OPT, cooldown=0.5), TypeError, "ReduceLROnPlateau: cooldown must be an integer"),
    (lambda: ReduceLROnPlateau(OPT, min_lr=-1), ValueError, "ReduceLROnPlateau: min_lr must be >= 0, got -1"),
]


@pytest.mark.parametrize("make, error, message", BAD, ids=[b[2] for b in BAD])
def test_bad_input(make, error, message):
    with pytest.raises(error, match=message):
        make()
    assert lrs(OPT) == [0.1]


def test_the_base_class_has_no_formula():
    with pytest.raises(NotImplementedError, match="Schedule has no lr"):
        Schedule(optimizer())
