"""Nonsense in every place of the public layers and functions: either it works, or it is a ValueError or TypeError that
names the argument. Never another error, a crash or a hang. (What is wrong with sensible types has its place in the file
of each layer.)"""

import inspect
from functools import partial

import numpy as np
import pytest

import minidl
import minidl.functional as F
from minidl import Tensor, datasets, init, nn, ops, optim
from minidl.cluster import KMeans
from minidl.train import CSVLogger, EarlyStopping, ModelCheckpoint

NONSENSE = [
    *(
        None,
        "a",
        "",
        b"x",
        1j,
        {},
        {1: 2},
        {2},
        object(),
        int,
        abs,
        [],
        (),
        [None],
        ["a", "b"],
        [[1, 2], [3]],
        [object()],
    ),
    *(-1, 0, 1.5, 2**40, 2**70, 10**400, float("nan"), float("inf"), -float("inf"), True, False, -0.0, 1e-300),
    *(
        np.float32(2.5),
        np.int64(2),
        np.array(3),
        np.array([]),
        np.array([1, 2]),
        np.ones((2, 2), object),
        np.array("x"),
    ),
    *(np.ones((2, 3), "float16"), np.ones((2, 3), complex), np.array(5, "M8[s]"), np.array([0, 99, -7]), range(2)),
]

# a layer -> options that work, and an input for them
IMAGE, LINE, ROWS = (2, 2, 6, 6), (2, 2, 6), (2, 3)
CONV = {"in_channels": 2, "out_channels": 4, "kernel_size": 3, "stride": 1, "padding": 0, "dilation": 1, "groups": 1}
POOL = {"kernel_size": 2, "stride": None, "padding": 0, "ceil_mode": False}
NORM = {"num_features": 2, "eps": 1e-5, "momentum": 0.1, "affine": True, "track_running_stats": True}
RECURRENT = {
    **{"input_size": 3, "hidden_size": 2, "bias": True, "return_sequences": True, "return_state": True},
    **{"go_backwards": True, "stateful": True, "dropout": 0.1, "recurrent_dropout": 0.1},
}
LAYERS = {
    "Linear": ({"in_features": 3, "out_features": 2, "bias": True}, ROWS),
    "Conv1d": ({**CONV, "bias": True, "padding_mode": "zeros"}, LINE),
    "Conv2d": ({**CONV, "bias": True, "padding_mode": "zeros"}, IMAGE),
    "ConvTranspose2d": ({**CONV, "bias": True, "output_padding": 0}, IMAGE),
    "MaxPool1d": ({**POOL, "dilation": 1}, LINE),
    "MaxPool2d": ({**POOL, "dilation": 1}, IMAGE),
    "AvgPool1d": ({**POOL, "count_include_pad": True}, LINE),
    "AvgPool2d": ({**POOL, "count_include_pad": True, "divisor_override": None}, IMAGE),
    "SumPool1d": (POOL, LINE),
    "SumPool2d": (POOL, IMAGE),
    "GlobalAvgPool2d": ({"keepdims": False}, IMAGE),
    "GlobalMaxPool2d": ({"keepdims": False}, IMAGE),
    "AdaptiveAvgPool2d": ({"output_size": 2}, IMAGE),
    "Upsample": ({"size": (9, 9), "mode": "bilinear", "align_corners": True}, IMAGE),
    "BatchNorm1d": (NORM, LINE),
    "BatchNorm2d": (NORM, IMAGE),
    "LayerNorm": ({"normalized_shape": 3, "eps": 1e-5, "elementwise_affine": True, "bias": True}, ROWS),
    "GroupNorm": ({"num_groups": 1, "num_channels": 2, "eps": 1e-5, "affine": True}, IMAGE),
    "Dropout": ({"p": 0.5}, ROWS),
    "Dropout2d": ({"p": 0.5}, IMAGE),
    "GaussianNoise": ({"std": 0.1}, ROWS),
    "Embedding": ({"num_embeddings": 4, "embedding_dim": 2, "padding_idx": 1, "mask_zero": True}, None),
    "Masking": ({"value": 0.0}, (2, 3, 2)),
    "RepeatVector": ({"n": 3}, ROWS),
    "RBF": ({"in_features": 3, "num_prototypes": 4, "radial": "gaussian", "normalised": True, "beta": 0.1}, ROWS),
    "RBFNet": (
        {"in_features": 3, "num_prototypes": 4, "out_features": 2, "radial": "gaussian", "normalised": True},
        ROWS,
    ),
    "LeakyReLU": ({"negative_slope": 0.1}, ROWS),
    "PReLU": ({"num_parameters": 1, "init": 0.25}, ROWS),
    "ELU": ({"alpha": 1.0}, ROWS),
    "GELU": ({"approximate": "none"}, ROWS),
    "Softplus": ({"beta": 1.0, "threshold": 20.0}, ROWS),
    "Softmax": ({"axis": -1}, ROWS),
    "LogSoftmax": ({"axis": -1}, ROWS),
    "Flatten": ({"start_dim": 1, "end_dim": -1}, ROWS),
    "SimpleRNN": (RECURRENT, (2, 4, 3)),
    "LSTM": ({**RECURRENT, "unit_forget_bias": True}, (2, 4, 3)),
    "GRU": ({**RECURRENT, "reset_after": True}, (2, 4, 3)),
    "RNNCell": ({"input_size": 3, "hidden_size": 2, "bias": True}, ROWS),
    "LSTMCell": ({"input_size": 3, "hidden_size": 2, "bias": True, "unit_forget_bias": True}, ROWS),
    "GRUCell": ({"input_size": 3, "hidden_size": 2, "bias": True, "reset_after": True}, ROWS),
    **{name: ({}, ROWS) for name in ("ReLU", "SELU", "SiLU", "Sigmoid", "Tanh")},
}
ELSEWHERE = {"Module", "ModuleList", "Sequential", "Concat", "Residual", "Identity"}  # tests/test_containers.py
ELSEWHERE |= {"TimeDistributed"}  # tests/test_time_wrappers.py
ELSEWHERE |= {"SOM"}  # tests/test_som_bad_input.py
ELSEWHERE |= {"Bidirectional", "Seq2Seq"}  # tests/test_bidirectional.py, tests/test_seq2seq.py


def layer_input(shape):
    return Tensor([1, 2]) if shape is None else Tensor(np.random.default_rng(0).normal(size=shape).astype("float32"))


def refused(function, *arguments, **options):
    r"""Whether the call raises a ValueError or TypeError; nothing else may come out of it."""
    try:
        function(*arguments, **options)
    except (ValueError, TypeError):
        return True
    except Exception as error:
        raise AssertionError(f"{arguments} {options} raise {type(error).__name__}: {error}") from error
    return False


def test_every_layer_is_in_the_table():
    layers = {n for n, v in vars(nn).items() if inspect.isclass(v) and issubclass(v, nn.Module)}
    assert layers == set(LAYERS) | ELSEWHERE


@pytest.mark.parametrize("name", LAYERS)
def test_nonsense_as_an_option_of_a_layer(name):
    options, shape = LAYERS[name]
    x = layer_input(shape)
    getattr(nn, name)(**options)(x)
    for option in options:
        for value in NONSENSE:
            layer = made_or_refused(name, {**options, option: value}, option)
            if layer is not None:
                repr(layer)
                with np.errstate(all="ignore"):
                    refused(layer, x)


def made_or_refused(name, options, option):
    value = options[option]
    try:
        return getattr(nn, name)(**options)
    except (ValueError, TypeError) as error:
        assert option in str(error) or str(value) in str(error), f"{error} names neither {option} nor {value!r}"
        return None


@pytest.mark.parametrize("name", LAYERS)
def test_nonsense_as_the_input_of_a_layer_changes_nothing(name):
    options, _ = LAYERS[name]
    layer = getattr(nn, name)(**options)
    before = layer.state_dict()
    for value in [*NONSENSE, np.ones((2, 3), ">f8"), np.ones((1,) * 9, "float32"), np.ones((2, 0, 0, 0), "float32")]:
        if refused(layer, value):
            assert all(np.array_equal(v, before[k]) for k, v in layer.state_dict().items())
        else:
            assert isinstance(value, np.ndarray)  # which is taken for a constant tensor


def optimizer(cls, **options):
    return cls([nn.Parameter([1.0])], **options)


X, V, ONE = Tensor(np.ones((2, 3), "float32")), Tensor([1.0, 2.0]), Tensor(np.ones((2, 1), "float32"))


def cell(gates):
    r"""Arguments of a recurrent cell with H = 1."""
    w, u, b = (Tensor(np.ones(shape, "float32")) for shape in ((gates, 3), (gates, 1), gates))
    return {"x": X, "h": ONE, "weight_ih": w, "weight_hh": u, "bias_ih": b, "bias_hh": b}


def recurrent(gates):
    r"""Arguments of a recurrent layer with H = 1, T = 4."""
    steps = Tensor(np.ones((2, 4, 3), "float32"))
    arguments = {**cell(gates), "x": steps, "h0": ONE, "mask": np.ones((2, 4), bool)}
    del arguments["h"]
    return arguments


SPREAD, LABELS = np.arange(12.0).reshape(4, 3) ** 2, np.array([0, 0, 1, 1])
RNN, KERAS = nn.SimpleRNN(3, 1), [np.ones((3, 1)), np.ones((1, 1)), np.ones(1)]
CALLS = {  # a function, and arguments that work
    **{n: (getattr(ops, n), {"x": X}) for n in "exp log log1p sqrt abs sin cos tanh sigmoid relu squeeze".split()},
    **{
        n: (getattr(ops, n), {"x": X, "axis": 1})
        for n in "sum mean var std max min argmax argmin logsumexp norm".split()
    },
    **{n: (getattr(ops, n), {"x": X, "axis": 1}) for n in "cumsum flip unsqueeze".split()},
    **{n: (getattr(ops, n), {"a": X, "b": X}) for n in "add sub mul div pow maximum minimum lt".split()},
    "clip": (ops.clip, {"x": X, "min": 0, "max": 1}),
    "flatten": (ops.flatten, {"x": X, "start_axis": 0, "end_axis": 1}),
    "transpose": (ops.transpose, {"x": X, "axis0": 0, "axis1": 1}),
    "reshape": (lambda x, shape: ops.reshape(x, shape), {"x": X, "shape": (3, 2)}),
    "expand": (lambda x, shape: ops.expand(x, shape), {"x": ONE, "shape": (2, 3)}),
    "permute": (lambda x, axes: ops.permute(x, axes), {"x": X, "axes": (1, 0)}),
    "pad": (ops.pad, {"x": X, "pads": (1, 1), "mode": "constant", "value": 0}),
    "split": (ops.split, {"x": X, "sizes": 1, "axis": 0}),
    "chunk": (ops.chunk, {"x": X, "chunks": 2, "axis": 0}),
    "gather": (ops.gather, {"x": X, "axis": 1, "index": [[0], [1]]}),
    "index_select": (ops.index_select, {"x": X, "axis": 1, "index": [0, 1]}),
    "where": (ops.where, {"condition": X > 0, "a": X, "b": X}),
    "cat": (ops.cat, {"tensors": [X, X], "axis": 0}),
    "stack": (ops.stack, {"tensors": [X, X], "axis": 0}),
    "matmul": (ops.matmul, {"a": X, "b": X.T}),
    "to": (ops.to, {"x": X, "where": "float64"}),
    "Tensor": (Tensor, {"data": [1.0]}),
    "getitem": (lambda index: X[index], {"index": 0}),
    "setitem": (lambda index, v: Tensor([1.0, 2.0]).__setitem__(index, v), {"index": 0, "v": 1.0}),
    "mse_loss": (F.mse_loss, {"input": X, "target": X, "reduction": "mean", "sample_weight": [1.0, 2.0]}),
    "huber_loss": (F.huber_loss, {"input": X, "target": X, "delta": 1.0}),
    "cross_entropy": (F.cross_entropy, {"input": X, "target": [0, 2], "weight": [1.0, 1, 1], "label_smoothing": 0.1}),
    "nll_loss": (F.nll_loss, {"input": X, "target": [0, 2], "ignore_index": 1}),
    "binary_cross_entropy": (F.binary_cross_entropy, {"input": X * 0.5, "target": X * 0.25, "weight": 1.0}),
    "bce_with_logits": (F.binary_cross_entropy_with_logits, {"input": X, "target": X * 0.5, "pos_weight": 2.0}),
    "linear": (F.linear, {"x": X, "weight": X, "bias": V}),
    "layer_norm": (F.layer_norm, {"x": X, "normalized_shape": 3, "weight": Tensor([1.0, 1, 1]), "eps": 1e-5}),
    "batch_norm": (
        F.batch_norm,
        {"x": X, "running_mean": None, "running_var": None, "training": True, "momentum": 0.1},
    ),
    "embedding": (F.embedding, {"ids": Tensor([0, 1]), "weight": X, "padding_idx": 0}),
    "prelu": (F.prelu, {"x": X, "weight": Tensor([1.0])}),
    "rbf": (F.rbf, {"x": X, "centers": X, "betas": V, "radial": "gaussian", "normalised": True}),
    "KMeans": (
        lambda x, **options: KMeans(**options).fit(x).predict(x),
        {"x": SPREAD, "n_clusters": 2, "init": "k-means++", "max_iter": 3, "tol": 0.0, "seed": 0},
    ),
    "init_from_examples": (nn.RBF(3, 2).init_from_examples, {"x": SPREAD, "seed": 0}),
    "init_from_kmeans": (nn.RBF(3, 2).init_from_kmeans, {"x": SPREAD, "seed": 0}),
    "set_prototypes": (nn.RBF(3, 2).set_prototypes, {"centers": SPREAD[:2], "betas": V}),
    "fit_prototypes": (nn.RBFNet(3, 2, 2).fit_prototypes, {"x": SPREAD, "y": LABELS, "seed": 0}),
    "fit_output": (nn.RBFNet(3, 2, 2).fit_output, {"x": SPREAD, "y": LABELS, "ridge": 0.1}),
    "rnn_cell": (F.rnn_cell, cell(1)),
    "lstm_cell": (F.lstm_cell, {**cell(4), "c": ONE}),
    "gru_cell": (F.gru_cell, {**cell(3), "reset_after": True}),
    "rnn": (F.rnn, recurrent(1)),
    "lstm": (F.lstm, {**recurrent(4), "c0": ONE}),
    "gru": (F.gru, {**recurrent(3), "reset_after": True}),
    "StepLR": (partial(optim.StepLR, optimizer(optim.SGD)), {"step_size": 2, "gamma": 0.1}),
    **{n: (partial(optimizer, cls), {"lr": 0.1, "weight_decay": 0.1}) for n, cls in optim.OPTIMIZERS.items()},
    "betas": (partial(optimizer, optim.Adam), {"betas": (0.9, 0.99)}),
    "params": (optim.Adam, {"params": [nn.Parameter([1.0])]}),
    "clip_grad_norm": (partial(optim.clip_grad_norm, [nn.Parameter([1.0])]), {"max_norm": 1.0, "norm_type": 2}),
    "EarlyStopping": (EarlyStopping, {"patience": 1, "min_delta": 0.1, "restore_best_weights": True}),
    "ModelCheckpoint": (ModelCheckpoint, {"path": "a", "save_best_only": True}),
    "CSVLogger": (CSVLogger, {"path": "a", "append": False}),
    "train_test_split": (
        partial(datasets.train_test_split, np.ones((8, 2))),
        {"test_size": 0.5, "stratify": np.arange(8) % 2, "shuffle": True, "seed": 0},
    ),
    **{
        n: (getattr(datasets, n), {"n_samples": 8, "noise": 0.1, "seed": 0})
        for n in "make_moons make_circles make_spirals make_xor make_sines make_shapes".split()
    },
    "make_blobs": (datasets.make_blobs, {"n_samples": 8, "n_features": 2, "centers": 2, "cluster_std": 1.0}),
    "make_adding_problem": (datasets.make_adding_problem, {"n_samples": 8, "length": 4, "seed": 0}),
    "pad_sequences": (
        datasets.pad_sequences,
        {"sequences": [[1], [2, 3]], "maxlen": 2, "dtype": "int64", "padding": "pre", "truncating": "pre", "value": 0},
    ),
    "sequence_mask": (datasets.sequence_mask, {"lengths": [1, 2], "maxlen": 2, "padding": "pre"}),
    "load_torch_recurrent": (minidl.load_torch_recurrent, {"model": RNN, "state": RNN.state_dict()}),
    "an array of torch": (
        lambda array: minidl.load_torch_recurrent(RNN, {**RNN.state_dict(), "weight_hh_l0": array}),
        {"array": np.ones((1, 1))},
    ),
    "load_keras_recurrent": (minidl.load_keras_recurrent, {"model": RNN, "weights": KERAS}),
    "an array of Keras": (lambda array: minidl.load_keras_recurrent(RNN, [*KERAS[:2], array]), {"array": np.ones(1)}),
    "zeros": (init.zeros, {"shape": (2, 3), "dtype": "float32"}),
    "he_normal": (init.he_normal, {"shape": (2, 3), "dtype": "float32"}),
    "manual_seed": (minidl.manual_seed, {"seed": 0}),
}


@pytest.mark.parametrize("name", CALLS)
def test_nonsense_as_an_argument_of_a_function(name):
    function, arguments = CALLS[name]
    function(**arguments)
    with np.errstate(all="ignore"):
        for argument in arguments:
            for value in NONSENSE:
                refused(function, **{**arguments, argument: value})


def test_python_numbers_of_a_tensor():
    x = Tensor([1.5])
    assert (float(x), int(x), f"{x:.2f}", f"{x}") == (1.5, 1, "1.50", "Tensor([1.5])")
    with pytest.raises(ValueError, match=r"\(2,\)"):
        f"{V:.2f}"


@pytest.mark.parametrize("flag", ["yes", None, 1, [True]])
def test_requires_grad_is_true_or_false(flag):
    for call in (lambda: Tensor([1.0], requires_grad=flag), lambda: nn.Linear(2, 2).requires_grad_(flag)):
        with pytest.raises(TypeError, match="requires_grad: must be True or False, got"):
            call()


def test_validation_data_of_another_rank_are_refused_before_the_first_step():
    model = nn.Linear(3, 2)
    before = model.state_dict()
    with pytest.raises(ValueError, match=r"fit: validation x must have the axes of x \(6, 3\), got shape \(2,\)"):
        minidl.fit(model, np.ones((6, 3)), np.arange(6) % 2, validation_data=([1.0, 2.0], [0, 1]), verbose=False)
    assert all(np.array_equal(v, before[k]) for k, v in model.state_dict().items())
