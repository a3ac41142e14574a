r"""What functions, layers and optimisers do when nothing is said: torch's defaults, by its documentation. What a layer
was made with stands on it. What no function takes: other than a tensor of floats, floats of two dtypes."""

import inspect

import pytest

import minidl.functional as F
from minidl import Tensor, datasets, init, nn, ops, optim, testing, train
from minidl.testing.registry import PLACES, cases, register

WINDOW = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1}
POOL = {"stride": None, "padding": 0, "ceil_mode": False}
AVERAGE = {**POOL, "count_include_pad": True}
NORM = {"eps": 1e-5, "momentum": 0.1, "affine": True, "track_running_stats": True}
UPSAMPLE = {"size": None, "scale_factor": None, "mode": "nearest", "align_corners": None}
LOSS = {"reduction": "mean", "sample_weight": None}  # which torch has not (and no class_axis: it is 1)
MADE_UP = {"n_samples": 100, "noise": 0.0, "seed": 0}
REDUCED = {"axis": None, "keepdims": False}
RECURRENT = {  # bias is torch's, the others are Keras'
    **{"bias": True, "return_sequences": False, "return_state": False, "go_backwards": False, "stateful": False},
    **{"dropout": 0.0, "recurrent_dropout": 0.0},
}
UNROLLED = {"bias_ih": None, "bias_hh": None, "h0": None, "mask": None}
ADAM = {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8}

# torch 2.13
TORCH = {
    nn.AvgPool1d: AVERAGE,
    nn.AvgPool2d: {**AVERAGE, "divisor_override": None},
    nn.BatchNorm1d: NORM,
    nn.BatchNorm2d: NORM,
    nn.Conv1d: {**WINDOW, "bias": True, "padding_mode": "zeros"},
    nn.Conv2d: {**WINDOW, "bias": True, "padding_mode": "zeros"},
    nn.ConvTranspose2d: {**WINDOW, "output_padding": 0, "bias": True},
    nn.Dropout: {"p": 0.5},
    nn.Dropout2d: {"p": 0.5},
    nn.ELU: {"alpha": 1.0},
    nn.Embedding: {"padding_idx": None, "mask_zero": False},  # mask_zero: Keras'
    nn.Flatten: {"start_dim": 1, "end_dim": -1},
    nn.GELU: {"approximate": "none"},
    nn.GroupNorm: {"eps": 1e-5, "affine": True},
    nn.LayerNorm: {"eps": 1e-5, "elementwise_affine": True, "bias": True},
    nn.LeakyReLU: {"negative_slope": 0.01},
    nn.Linear: {"bias": True},
    nn.MaxPool1d: {**POOL, "dilation": 1},
    nn.MaxPool2d: {**POOL, "dilation": 1},
    nn.PReLU: {"num_parameters": 1, "init": 0.25},
    nn.Softplus: {"beta": 1.0, "threshold": 20.0},
    nn.Upsample: UPSAMPLE,
    F.avg_pool1d: AVERAGE,
    F.avg_pool2d: {**AVERAGE, "divisor_override": None},
    F.batch_norm: {"weight": None, "bias": None, "training": False, "momentum": 0.1, "eps": 1e-5},
    F.binary_cross_entropy: {**LOSS, "weight": None},
    F.binary_cross_entropy_with_logits: {**LOSS, "weight": None, "pos_weight": None},
    F.conv1d: {**WINDOW, "bias": None},
    F.conv2d: {**WINDOW, "bias": None},
    F.conv_transpose2d: {**WINDOW, "bias": None, "output_padding": 0},
    F.cross_entropy: {**LOSS, "weight": None, "ignore_index": -100, "label_smoothing": 0.0, "class_axis": 1},
    F.dropout: {"p": 0.5, "training": True},
    F.dropout2d: {"p": 0.5, "training": True},
    F.elu: {"alpha": 1.0},
    F.embedding: {"padding_idx": None},
    F.gelu: {"approximate": "none"},
    F.group_norm: {"weight": None, "bias": None, "eps": 1e-5},
    F.huber_loss: {**LOSS, "delta": 1.0},
    F.interpolate: UPSAMPLE,
    F.kl_div: {**LOSS, "log_target": False},
    F.l1_loss: LOSS,
    F.layer_norm: {"weight": None, "bias": None, "eps": 1e-5},
    F.leaky_relu: {"negative_slope": 0.01},
    F.linear: {"bias": None},
    F.max_pool1d: {**POOL, "dilation": 1},
    F.max_pool2d: {**POOL, "dilation": 1},
    F.mse_loss: LOSS,
    F.nll_loss: {**LOSS, "weight": None, "ignore_index": -100, "class_axis": 1},
    F.smooth_l1_loss: {**LOSS, "beta": 1.0},
    F.softplus: {"beta": 1.0, "threshold": 20.0},
    optim.SGD: {"lr": 1e-3, "momentum": 0.0, "weight_decay": 0.0, "nesterov": False},
    optim.Adagrad: {"lr": 1e-2, "weight_decay": 0.0, "initial_accumulator_value": 0.0, "eps": 1e-10},
    optim.RMSprop: {
        **{"lr": 1e-2, "alpha": 0.99, "eps": 1e-8},
        **{"weight_decay": 0.0, "momentum": 0.0, "centered": False},
    },
    optim.Adam: {**ADAM, "weight_decay": 0.0},
    optim.AdamW: {**ADAM, "weight_decay": 0.01},
    optim.StepLR: {"gamma": 0.1},
    optim.CosineAnnealingLR: {"eta_min": 0.0},
    optim.ReduceLROnPlateau: {
        **{"mode": "min", "factor": 0.1, "patience": 10},
        **{"threshold": 1e-4, "cooldown": 0, "min_lr": 0.0},
    },
    optim.clip_grad_norm: {"norm_type": 2.0},
}
# torch has none of the name, or no default (softmax: the axis has to be said there), or Keras is the model (train)
OURS = {
    nn.Bidirectional: {"merge_mode": "concat"},  # Keras'
    nn.Concat: {"axis": 1},
    nn.GlobalAvgPool2d: {"keepdims": False},
    nn.GlobalMaxPool2d: {"keepdims": False},
    nn.LogSoftmax: {"axis": -1},
    nn.Masking: {"value": 0.0},
    nn.Residual: {"shortcut": None},
    nn.SimpleRNN: RECURRENT,
    nn.LSTM: {**RECURRENT, "unit_forget_bias": True},
    nn.GRU: {**RECURRENT, "reset_after": True},
    nn.RNNCell: {"bias": True},
    nn.LSTMCell: {"bias": True, "unit_forget_bias": True},  # Keras'
    nn.GRUCell: {"bias": True, "reset_after": True},  # Keras'
    nn.RBF: {"radial": "gaussian", "normalised": False, "beta": None},
    nn.RBFNet: {"radial": "gaussian", "normalised": False},
    nn.Softmax: {"axis": -1},
    nn.SOM: {
        **{"topology": "rectangular", "toroidal": False, "neighbourhood": "gaussian", "sigma": None, "sigma_end": 1.0},
        **{"learning_rate": 0.5, "learning_rate_end": 0.01, "decay": "exponential"},
        **{"init": "random", "distance": "euclidean", "num_classes": None},
    },
    nn.Seq2Seq: {"embedding_dim": None, "layer": "lstm", "start": 0},
    nn.SumPool1d: POOL,
    nn.SumPool2d: POOL,
    nn.ModuleList: {"modules": ()},
    F.flatten: {"start_axis": 0, "end_axis": -1},
    F.gaussian_noise: {"training": True},
    F.global_avg_pool2d: {"keepdims": False},
    F.global_max_pool2d: {"keepdims": False},
    F.half_squared_error: LOSS,
    F.hinge_loss: LOSS,
    F.log_softmax: {"axis": -1},
    F.rnn: UNROLLED,
    F.lstm: {**UNROLLED, "c0": None},
    F.gru: {**UNROLLED, "reset_after": True},
    **dict.fromkeys((F.rnn_cell, F.lstm_cell), {"bias_ih": None, "bias_hh": None}),
    F.gru_cell: {"bias_ih": None, "bias_hh": None, "reset_after": True},
    F.rbf: {"radial": "gaussian", "normalised": False},
    F.pad: {"mode": "constant", "value": 0},
    F.softmax: {"axis": -1},
    F.sum_pool1d: POOL,
    F.sum_pool2d: POOL,
    optim.LinearWarmup: {"after": None},
    train.EarlyStopping: {
        **{"monitor": "val_loss", "min_delta": 0.0, "patience": 0},
        **{"mode": "auto", "baseline": None, "restore_best_weights": False},
    },
    train.ModelCheckpoint: {"monitor": "val_loss", "mode": "auto", "save_best_only": False},
    train.CSVLogger: {"append": False},
    train.fit: {
        **{"loss": "cross_entropy", "optimizer": None, "epochs": 1, "batch_size": 32, "validation_split": 0.0},
        **{"validation_data": None, "class_weight": None, "sample_weight": None, "callbacks": (), "shuffle": True},
        **{"metrics": (), "clip_norm": None, "initial_epoch": 0, "verbose": True},
    },
    train.evaluate: {"loss": "cross_entropy", "batch_size": 32, "metrics": (), "sample_weight": None},
    train.predict: {"batch_size": 32},
    train.save_checkpoint: {"optimizer": None, "schedule": None, "epoch": 0, "step": 0, "history": None},
    train.load_checkpoint: {"optimizer": None, "schedule": None},
    train.Checkpoint: {"schedule": None, "history": None},
    train.Schedule: {"monitor": "val_loss"},
    train.confusion_matrix: {"labels": None},
    train.top_k_accuracy: {"k": 5},
    **dict.fromkeys((train.precision, train.recall, train.f1), {"average": "macro"}),
    # scikit-learn's, but with a seed, so that the same call makes the same data, and no noise for None
    datasets.make_moons: MADE_UP,
    datasets.make_circles: {**MADE_UP, "factor": 0.8},
    datasets.make_blobs: {
        **{"n_samples": 100, "n_features": 2, "centers": 3},
        **{"cluster_std": 1.0, "center_box": (-10.0, 10.0), "seed": 0},
    },
    datasets.make_spirals: {**MADE_UP, "n_classes": 2, "turns": 1.0},
    datasets.make_xor: {**MADE_UP, "n_samples": None},
    datasets.make_sines: {**MADE_UP, "n_steps": 50, "period": (10.0, 30.0)},
    datasets.make_shapes: {"n_samples": 100, "size": 64, "max_shapes": 3, "noise": 0.05, "seed": 0},
    datasets.make_adding_problem: {"n_samples": 100, "length": 100, "seed": 0},
    # Keras', but for the dtype, which is inferred
    datasets.pad_sequences: {
        **{"maxlen": None, "dtype": None, "padding": "pre", "truncating": "pre", "value": 0.0},
    },
    datasets.sequence_mask: {"maxlen": None, "padding": "pre"},
    datasets.train_test_split: {"test_size": 0.25, "stratify": None, "shuffle": True, "seed": 0},
    datasets.batches: {"shuffle": False, "seed": None, "drop_last": False},
    datasets.load_digits: {"flat": False},
    init.uniform: {"low": 0.0, "high": 1.0, "dtype": "float32"},
    init.normal: {"mean": 0.0, "std": 1.0, "dtype": "float32"},
    init.orthogonal: {"gain": 1.0, "dtype": "float32"},
    # NumPy's reductions, with torch's correction (Bessel's) in var and std
    **dict.fromkeys((ops.sum, ops.mean, ops.max, ops.min, ops.argmax, ops.argmin, ops.logsumexp), REDUCED),
    **dict.fromkeys((ops.var, ops.std), {**REDUCED, "correction": 1}),
    ops.norm: {**REDUCED, "p": 2},
    ops.clip: {"min": None, "max": None},
    **dict.fromkeys((ops.squeeze, ops.flip), {"axis": None}),
    **dict.fromkeys((ops.split, ops.chunk, ops.cat, ops.stack), {"axis": 0}),
    testing.check_layer: {"batch": False, "empty": False, "rank": False, "tolerance": 1e-6, "seed": 0},
    testing.gradcheck: {"parameters": (), "tolerance": 1e-6, "seed": 0},
    testing.numerical_gradient: {"step": 1e-6},
    register: {"batch": True, "empty": True, "rank": True},  # a layer promises everything, unless it says otherwise
}


def defaults(thing):
    parameters = inspect.signature(thing).parameters.items()
    return {name: p.default for name, p in parameters if p.default is not p.empty}


MADE = [getattr(house, name) for house in (nn, F, ops, datasets, optim, train, testing) for name in house.__all__]


def name_of(thing):
    return thing.__name__


@pytest.mark.parametrize("thing", {**TORCH, **OURS}, ids=name_of)
def test_defaults(thing):
    wanted = {**TORCH, **OURS}[thing]
    found = defaults(thing)
    assert found == wanted and {k: type(v) is bool for k, v in found.items()} == {
        k: type(v) is bool for k, v in wanted.items()
    }


def test_every_default_is_held():
    elsewhere = {nn.Buffer, nn.Parameter, nn.summary}  # no layers
    found = {thing for thing in MADE if callable(thing) and thing is not testing.GradientError}
    assert {thing for thing in found if defaults(thing)} - elsewhere <= {**TORCH, **OURS}.keys()


WITH_OPTIONS = [layer for layer in PLACES if inspect.isclass(layer) and inspect.signature(layer).parameters]


@pytest.mark.parametrize("layer", WITH_OPTIONS, ids=name_of)
def test_options_stand_on_the_layer(layer, monkeypatch):
    signature, original, made = inspect.signature(layer), layer.__init__, []

    def spy(self, *args, **options):
        bound = signature.bind(*args, **options)
        bound.apply_defaults()
        made.append((self, bound.arguments))
        original(self, *args, **options)

    monkeypatch.setattr(layer, "__init__", spy)
    for case in cases(layer):
        case.build()
    assert made
    for kept, options in made:
        for name in options.keys() - {"layers", "branches"}:  # which have names of their own
            value, given = getattr(kept, name), options[name]
            if type(value) is type(given) and name != "padding_idx":  # -1 stands there as the last row
                assert value == given, name


# functions of one tensor of floats x, and what else they need
ONE = {
    name: {} for name in "elu gelu leaky_relu log_softmax relu selu sigmoid silu softmax softplus tanh dropout".split()
}
POOLS = {name: {"kernel_size": 1} for name in F.__all__ if "pool" in name and name[:6] not in ("global", "adapti")}
ONE |= POOLS | {
    "adaptive_avg_pool2d": {"output_size": 1},
    "global_avg_pool2d": {},
    "global_max_pool2d": {},
    "dropout2d": {},
    "gaussian_noise": {"std": 1.0},
    "prelu": {"weight": Tensor([0.5])},
    "group_norm": {"num_groups": 1},
    "layer_norm": {"normalized_shape": 1},
    "interpolate": {"size": 1},
    "linear": {"weight": Tensor([[1.0]])},
    "conv1d": {"weight": Tensor([[[1.0]]])},
    "conv2d": {"weight": Tensor([[[[1.0]]]])},
    "conv_transpose2d": {"weight": Tensor([[[[1.0]]]])},
    "batch_norm": {"running_mean": None, "running_var": None, "training": True},
}


@pytest.mark.parametrize("name", ONE)
@pytest.mark.parametrize("kind", ["list", "number", "integers", "bools"])
def test_only_a_tensor_of_floats_will_do(name, kind):
    sizes = (2, 1, 1) if name.endswith("1d") else (2, 1, 1, 1)
    x = Tensor([1.0, 2.0]).reshape(*sizes)
    getattr(F, name)(x, **ONE[name])
    wrong = {"list": x.numpy().tolist(), "number": 1.0, "integers": x > 0, "bools": x > 0}[kind]
    wrong = wrong * 2 if kind == "integers" else wrong
    with pytest.raises(TypeError, match=rf"(?i){name.replace('_', '_?')}\w*: x must"):
        getattr(F, name)(wrong, **ONE[name])


WEIGHTED = {
    **{name: ONE[name] for name in ("prelu", "linear", "conv1d", "conv2d", "conv_transpose2d")},
    "group_norm": {**ONE["group_norm"], "weight": Tensor([1.0])},
    "layer_norm": {**ONE["layer_norm"], "weight": Tensor([1.0])},
    "batch_norm": {**ONE["batch_norm"], "weight": Tensor([1.0])},
    "batch_norm in evaluation": {
        **{"running_mean": Tensor([0.0]), "running_var": Tensor([1.0])},
        **{"weight": Tensor([1.0]), "training": False},
    },
}


@pytest.mark.parametrize("name", WEIGHTED)
def test_x_and_weight_have_one_dtype(name):
    function, options = getattr(F, name.split()[0]), WEIGHTED[name]
    sizes = (2, 1, 1) if name.endswith("1d") else (2, 1, 1, 1)
    x = Tensor([1.0, 2.0]).reshape(*sizes)
    assert function(x, **options).dtype == "float32"
    with pytest.raises(TypeError, match="x and weight must have one dtype, got float64 and float32"):
        function(x.to("float64"), **options)
