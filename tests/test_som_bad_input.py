"""What a map does not take, each with a message that says so, and the map as it was."""

import numpy as np
import pytest

from minidl import Tensor, nn
from tests.test_bad_input import NONSENSE, refused

X = np.random.default_rng(0).normal(size=(6, 3)).astype("float32")
WITH_NAN = np.where(np.arange(18).reshape(6, 3) == 7, np.nan, X)
OPTIONS = {
    **{"rows": 2, "cols": 3, "in_features": 3, "topology": "hexagonal", "toroidal": True, "neighbourhood": "bubble"},
    **{"sigma": 2.0, "sigma_end": 0.5, "learning_rate": 0.5, "learning_rate_end": 0.1, "decay": "linear"},
    **{"init": "pca", "distance": "manhattan", "num_classes": 2},
}

# options, and what the message says
MADE = {
    "no rows": ({"rows": 0}, r"rows must be >= 1, got 0"),
    "no features": ({"in_features": 0}, r"in_features must be >= 1, got 0"),
    "half a unit": ({"cols": 2.5}, r"cols must be an integer, got 2.5"),
    "a map larger than the memory": ({"rows": 2**20, "cols": 2**15, "in_features": 16}, "weights"),
    "sigma 0": ({"sigma": 0}, r"sigma must be >= 0.001, got 0"),
    "sigma negative": ({"sigma": -1.0}, r"sigma must be >= 0.001, got -1"),
    "sigma_end 0": ({"sigma_end": 0.0}, r"sigma_end must be >= 0.001, got 0"),
    "sigma NaN": ({"sigma": float("nan")}, r"sigma must be a finite number"),
    "learning rate 0": ({"learning_rate": 0}, r"learning_rate must be > 0, got 0"),
    "learning rate above 1": ({"learning_rate": 1.5}, r"learning_rate must be <= 1, got 1.5"),
    "last learning rate 0": ({"learning_rate_end": 0}, r"learning_rate_end must be > 0"),
    "topology": ({"topology": "round"}, r"topology must be one of 'rectangular', 'hexagonal', got 'round'"),
    "neighbourhood": ({"neighbourhood": "step"}, r"neighbourhood must be one of 'gaussian', .*, got 'step'"),
    "decay": ({"decay": "never"}, r"decay must be one of 'exponential', .*, got 'never'"),
    "init": ({"init": "zeros"}, r"init must be one of 'random', 'sample', 'pca', got 'zeros'"),
    "distance": ({"distance": "l2"}, r"distance must be one of 'euclidean', .*, got 'l2'"),
    "toroidal": ({"toroidal": "yes"}, r"toroidal must be one of True, False"),
    "odd hexagonal torus": ({"rows": 3, "topology": "hexagonal", "toroidal": True}, r"even number of rows, got rows=3"),
    "no classes": ({"num_classes": 0}, r"num_classes must be >= 1, got 0"),
}
# a call of a map that has learned, and what the message says
CALLED = {
    "features": (
        lambda som: som.fit(X[:, :2]),
        r"SOM.fit: expected axis 1 of x to be in_features=3, got shape \(6, 2\)",
    ),
    "features, later": (lambda som: som.winner(X[:, :2]), r"SOM.winner: expected axis 1 of x to be in_features=3"),
    "one row": (lambda som: som.winner(X[0]), r"SOM.winner: x must have shape \(N, D\), got \(3,\)"),
    "zero rows": (lambda som: som.partial_fit(X[:0]), r"SOM.partial_fit: x must have at least one row"),
    "NaN": (lambda som: som.fit(WITH_NAN), r"SOM.fit: x must hold finite numbers \(of float32\), got nan"),
    "infinite": (lambda som: som.hit_map(np.full((1, 3), np.inf)), r"SOM.hit_map: x must hold finite numbers"),
    "too large for float32": (
        lambda som: som.fit(np.full((2, 3), 1e300)),
        r"finite numbers \(of float32\), got 1e\+300",
    ),
    "words": (lambda som: som.fit([["a", "b", "c"]]), r"SOM.fit: x must hold numbers"),
    "no epochs": (lambda som: som.fit(X, epochs=0), r"epochs must be >= 1, got 0"),
    "epochs done": (lambda som: som.fit(X, epochs=2, initial_epoch=3), r"initial_epoch must be <= 2, got 3"),
    "mode": (lambda som: som.fit(X, mode="offline"), r"mode must be one of 'online', 'batch', got 'offline'"),
    "mode of a pass": (lambda som: som.partial_fit(X, mode=None), r"SOM.partial_fit: mode must be one of"),
    "verbose": (lambda som: som.fit(X, verbose=2), r"verbose must be one of True, False, got 2"),
    "no steps": (lambda som: som.partial_fit(X, total_steps=0), r"total_steps must be >= 1, got 0"),
    "too few labels": (lambda som: som.fit_labels(X, [0, 1]), r"y must have shape \(6,\), one class a row of x"),
    "a class too many": (lambda som: som.fit_labels(X, [0, 1, 2, 0, 1, 2]), r"y must be in 0 ... 1, got 2"),
    "a negative class": (lambda som: som.labels_map(X, [0, 1, -1, 0, 1, 1]), r"y must be in 0 ..., got -1|got -1"),
    "labels of floats": (lambda som: som.labels_map(X, X[:, 0]), r"y must hold integers"),
    "sigma of predict": (lambda som: som.predict(X, sigma=-0.5), r"SOM.predict: sigma must be >= 0, got -0.5"),
    "predict before fit_labels": (lambda som: som.predict(X), r"no class has been counted; call fit_labels"),
    "a call with integers": (lambda som: som(Tensor([[1, 2, 3]])), r"SOM: x must hold floats"),
    "a call with float64": (lambda som: som(Tensor(X).to("float64")), r"one dtype, got float64 and float32"),
}
ASKED = {
    "transform winner outlier_scores quantization_error topographic_error hit_map": lambda som, f: getattr(som, f)(X),
    "u_matrix": lambda som, f: som.u_matrix(),
    "labels_map fit_labels": lambda som, f: getattr(som, f)(X, [0, 1] * 3),
    "forward": lambda som, f: som(Tensor(X)),
}
ASKED = {name: call for names, call in ASKED.items() for name in names.split()}


@pytest.mark.parametrize("name", MADE)
def test_it_is_not_made(name):
    options, message = MADE[name]
    with pytest.raises((ValueError, TypeError), match=f"SOM: .*{message}"):
        nn.SOM(**{"rows": 2, "cols": 3, "in_features": 3, **options})


@pytest.mark.parametrize("name", CALLED)
def test_it_is_not_done_and_nothing_changes(name):
    call, message = CALLED[name]
    som = nn.SOM(2, 3, 3, num_classes=2).partial_fit(X)
    before = som.state_dict()
    with pytest.raises((ValueError, TypeError), match=message):
        call(som)
    assert all(np.array_equal(v, before[k]) for k, v in som.state_dict().items())


@pytest.mark.parametrize("name", ASKED)
def test_a_map_without_weights_is_asked(name):
    with pytest.raises(ValueError, match=rf"SOM.{name}: the map has no weights yet; call fit\(x\) first"):
        ASKED[name](nn.SOM(2, 3, 3, num_classes=2), name)


def test_predict_before_fit():
    with pytest.raises(ValueError, match=r"SOM.predict: .* call fit_labels"):
        nn.SOM(2, 3, 3, num_classes=2).predict(X)
    with pytest.raises(ValueError, match=r"SOM.predict: the map counts no classes; make it with num_classes="):
        nn.SOM(2, 3, 3).partial_fit(X).predict(X)


def test_going_on_needs_a_map_to_go_on_with():
    with pytest.raises(ValueError, match=r"SOM.fit: the map has no weights yet"):
        nn.SOM(2, 3, 3).fit(X, epochs=4, initial_epoch=2)


def test_one_unit_has_no_topographic_error():
    with pytest.raises(ValueError, match="a map of one unit has no second nearest one"):
        nn.SOM(1, 1, 3).partial_fit(X).topographic_error(X)


def test_no_batch_training_with_negative_weights():
    with pytest.raises(ValueError, match=r"SOM.fit: mode='batch' takes means, and a mexican_hat has negative weights"):
        nn.SOM(2, 3, 3, neighbourhood="mexican_hat").fit(X, mode="batch")


def test_weights_that_overflow_are_not_kept():
    som = nn.SOM(9, 9, 3, neighbourhood="mexican_hat", sigma=2.0, sigma_end=2.0, learning_rate_end=0.5)
    som.partial_fit(X, total_steps=1000)
    before = som.state_dict()
    with pytest.raises(FloatingPointError, match="SOM: the weights overflow; a smaller learning_rate or sigma"):
        som.partial_fit(np.repeat(X, 1000, axis=0), total_steps=10**6)
    assert all(np.array_equal(v, before[k]) for k, v in som.state_dict().items())


@pytest.mark.parametrize("option", OPTIONS)
def test_nonsense_as_an_option(option):
    for value in NONSENSE:
        try:
            som = nn.SOM(**{**OPTIONS, option: value})
        except (ValueError, TypeError) as error:
            assert option in str(error) or str(value) in str(error), f"{error} names neither {option} nor {value!r}"
            continue
        repr(som)
        refused(som.fit, X, epochs=1, verbose=False)


def test_nonsense_as_an_argument():
    som = nn.SOM(**OPTIONS).partial_fit(X)
    y = [0, 1] * 3
    som.fit_labels(X, y)
    calls = {  # a method, and arguments that work
        "fit": {"x": X, "epochs": 1, "mode": "online", "initial_epoch": 0, "verbose": False},
        "partial_fit": {"x": X, "total_steps": 9, "mode": "batch"},
        "labels_map": {"x": X, "y": y},
        "fit_labels": {"x": X, "y": y},
        "predict": {"x": X, "sigma": 0.5},
        **{name: {"x": X} for name in "forward transform winner outlier_scores quantization_error hit_map".split()},
        "topographic_error": {"x": X},
    }
    for name, arguments in calls.items():
        refused(getattr(som, name), **{**arguments, "x": Tensor(X)})
        for argument in arguments:
            for value in NONSENSE:
                if argument != "epochs" or not isinstance(value, int) or value < 9:  # 2^40 of them take a while
                    refused(getattr(som, name), **{**arguments, argument: value})
