"""Weights of torch's and Keras' recurrent layers: with them minidl computes what torch and Keras computed.

The numbers were made once (tests/golden/make_weights.py, make_keras.py); neither torch nor Keras is needed here.
"""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minidl
from minidl import Tensor, load_keras_recurrent, load_torch_recurrent, nn
from minidl.datasets import pad_sequences

GOLDEN = Path(__file__).parent / "golden"
LAYERS = {"rnn": nn.SimpleRNN, "lstm": nn.LSTM, "gru": nn.GRU}
FILES = sorted((GOLDEN / "torch_recurrent").glob("*.safetensors"))
with np.load(GOLDEN / "torch_recurrent.npz") as _file:
    TORCH = dict(_file)
with np.load(GOLDEN / "keras.npz") as _file:
    KERAS = dict(_file)
ROWS = json.loads(str(KERAS["rows"]))

BOUND = {"float32": 1e-6, "float64": 1e-12}  # |ours - theirs| / max(1, |theirs|)


def close(name, ours, theirs, tolerance):
    assert ours.shape == theirs.shape, name
    error = np.abs(ours - theirs) / np.maximum(1, np.abs(theirs))
    assert error.max(initial=0) <= tolerance, f"{name}: {error.max():.1e}, allowed {tolerance:.0e}"


# ---- torch ----
def stack(kind, levels, both, D, H, bias=True):
    """Recurrent layers like torch's stack, with what stands between and behind them in a model."""
    layers = []
    for k in range(levels):
        layer = LAYERS[kind](D if k == 0 else H * (1 + both), H, bias=bias, return_sequences=True)
        layers += [nn.Bidirectional(layer) if both else layer, nn.Dropout(0.5)]
    return nn.Sequential(*layers).eval()


def described(path):
    kind, levels, *both = path.stem.split("_")
    return kind, int(levels), bool(both)


def test_all_files_of_torch_are_here():
    assert len(FILES) == 12


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_a_file_of_torch(path):
    kind, levels, both = described(path)
    model = stack(kind, levels, both, D=3, H=4)
    load_torch_recurrent(model, minidl.load(path))
    y = model(Tensor(TORCH["x"]))
    close("y", y.numpy(), TORCH[f"{path.stem} y"], 1e-6)
    assert y.dtype == np.float32
    for name, value in model.state_dict().items():
        assert value.dtype == np.float32, name


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_the_final_states_of_torch(path):
    kind, levels, both = described(path)
    model, x = stack(kind, levels, both, D=3, H=4), Tensor(TORCH["x"])
    load_torch_recurrent(model, minidl.load(path))
    n = 2 if kind == "lstm" else 1
    finals = []  # of each level and direction: h (, c)
    for layer in model[::2]:
        for one in [layer.forward_layer, layer.backward_layer] if both else [layer]:
            one.return_state = True
        x, *states = layer(x)
        finals += [states[:n], states[n:]] if both else [states]
    for i in range(n):
        close(f"state {i}", np.stack([s[i].numpy() for s in finals]), TORCH[f"{path.stem} state {i}"], 1e-6)


@pytest.mark.parametrize("kind", LAYERS)
def test_one_layer_of_torch_needs_no_help(kind):
    layer = LAYERS[kind](3, 4, return_sequences=True)
    layer.load_state_dict(minidl.load(GOLDEN / "torch_recurrent" / f"{kind}_1.safetensors"))
    close("y", layer(Tensor(TORCH["x"])).numpy(), TORCH[f"{kind}_1 y"], 1e-6)


@given(
    kind=st.sampled_from(sorted(LAYERS)),
    levels=st.integers(1, 3),
    both=st.booleans(),
    bias=st.booleans(),
    sizes=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=30)
def test_each_array_of_torch_comes_to_its_place(kind, levels, both, bias, sizes, seed):
    model, rng = stack(kind, levels, both, *sizes, bias), np.random.default_rng(seed)
    state, expected = {}, {}
    for name, value in model.state_dict().items():
        place, *direction, own = name.split(".")  # "2.backward_layer.weight_ih_l0"
        k, end = int(place) // 2, "_reverse" if direction == ["backward_layer"] else ""
        expected[name] = rng.normal(size=value.shape).astype(np.float32)
        state[own.replace("_l0", f"_l{k}{end}")] = expected[name]
    names = sorted(state)
    load_torch_recurrent(model, {name: state[name] for name in rng.permutation(names)})
    for name, value in model.state_dict().items():
        assert np.array_equal(value, expected[name]), name


def torch_state(name="lstm_2_both", **changes):
    state = minidl.load(GOLDEN / "torch_recurrent" / f"{name}.safetensors") | changes
    return {key: value for key, value in state.items() if value is not None}


def ones(*shape):
    return np.ones(shape, np.float32)


def lstm(**options):
    return stack("lstm", 2, True, **{"D": 3, "H": 4, **options})


TORCH_ERRORS = {  # model, state -> what the message says
    "no dict": (lstm, lambda: [1], "state must be a dict of arrays, got list"),
    "no module": (lambda: nn.LSTM, torch_state, "model must be a module, got type"),
    "no recurrent layer": (lambda: nn.Linear(2, 2), torch_state, "no SimpleRNN, LSTM or GRU in it, got Linear"),
    "one level too many": (lstm, lambda: torch_state("lstm_1_both"), r"missing keys \['weight_hh_l1'.*each level _l0"),
    "one level too few": (lambda: stack("lstm", 1, True, 3, 4), torch_state, r"missing keys \[\], unexp.*_ih_l1"),
    "one direction": (lambda: stack("lstm", 2, False, 3, 4), torch_state, "_l0_reverse.*a Bidirectional"),
    "no biases here": (lambda: lstm(bias=False), torch_state, "unexpected keys.*'bias_ih_l0'.*bias=False"),
    "a bias missing": (lstm, lambda: torch_state(bias_hh_l1_reverse=None), r"missing keys \['bias_hh_l1_reverse'\]"),
    "other layers' keys": (lstm, lambda: torch_state(**{"fc.weight": ones(2)}), r"unexpected keys \['fc.weight'\]"),
    "names with a module": (lstm, lambda: {f"a.{k}": v for k, v in torch_state().items()}, "cut off the name of a mod"),
    "a projection": (lstm, lambda: torch_state(weight_hr_l0=ones(2, 4)), "proj_size"),
    "hidden size": (
        lambda: lstm(H=5),
        torch_state,
        r"weight_hh_l0 must have shape \(20, 5\) for LSTM\(3, .*got \(16, 4\), as in an LSTM with hidden_s",
    ),
    "input size": (lambda: lstm(D=2), torch_state, r"weight_ih_l0 must have shape \(16, 2\) for .*got \(16, 3\)"),
    "another kind": (lstm, lambda: torch_state("gru_2_both"), r"got \(12, 4\), as in a GRU with hidden_size=4"),
    "a wrong bias": (
        lstm,
        lambda: torch_state(bias_ih_l1_reverse=ones(4)),
        r"bias_ih_l1_reverse must have shape \(16,",
    ),
    "no numbers": (lstm, lambda: torch_state(bias_hh_l1=np.array(["a"] * 16)), "bias_hh_l1 must hold numbers"),
    "too large": (lstm, lambda: torch_state(bias_hh_l1=np.full(16, 1e300)), "too large for float32"),
    "reset_after=False": (
        lambda: nn.GRU(3, 4, reset_after=False),
        lambda: torch_state("gru_1"),
        r"torch's GRU has reset_after=True, got GRU\(.*reset_after=False\)",
    ),
    "merged otherwise": (
        lambda: nn.Sequential(nn.Bidirectional(nn.LSTM(3, 4), "sum"), nn.Bidirectional(nn.LSTM(4, 4))),
        torch_state,
        r"weight_ih_l1 must have shape \(16, 4\) for .*got \(16, 8\)",
    ),
}


def refused(load, model, weights, message):
    before = model.state_dict() if isinstance(model, nn.Module) else {}
    with pytest.raises((ValueError, TypeError), match=message) as caught:
        load(model, weights)
    assert str(caught.value).startswith((f"{load.__name__}: ", f"{type(model).__name__}.load_state_dict: "))
    for name, value in before.items():
        assert np.array_equal(model.state_dict()[name], value), name


@pytest.mark.parametrize("name", TORCH_ERRORS)
def test_what_is_not_of_this_model_is_refused_whole(name):
    model, state, message = TORCH_ERRORS[name]
    refused(load_torch_recurrent, model(), state(), message)


def test_one_layer_at_two_levels_cannot_have_two_weights():
    layer = nn.GRU(4, 4, return_sequences=True)
    with pytest.raises(ValueError, match="are one tensor here, and came with different values"):
        load_torch_recurrent(nn.Sequential(layer, layer), torch_state("gru_2", weight_ih_l0=ones(12, 4)))


# ---- Keras ----
KINDS = {  # the kinds of rows
    "SimpleRNN": (nn.SimpleRNN, {}),
    "LSTM": (nn.LSTM, {}),
    "GRU": (nn.GRU, {}),
    "GRU before": (nn.GRU, {"reset_after": False}),
}
OPTIONS = {"return_sequences": None, "return_state": True, "go_backwards": False, "stateful": False, "bias": True}


def stored(place):
    n = int(np.prod(place["shape"], dtype=int))
    return KERAS["numbers"][place["at"] : place["at"] + n].reshape(place["shape"])


def built(row):
    kind, options = KINDS[row["kind"]]
    dropped = {"dropout": 0.5, "recurrent_dropout": 0.5} if row.get("dropped") else {}
    layer = kind(2, 3, **options, **dropped, **{name: row.get(name, default) for name, default in OPTIONS.items()})
    return nn.Bidirectional(layer, row["merge_mode"]) if "merge_mode" in row else layer


def keras_weights(row):
    numbers = range(6) if "merge_mode" in row else range(3)
    return [KERAS[f"weights {row['kind']} {i}"] for i in numbers if row.get("bias", True) or i % 3 < 2]


def label(row):
    return "-".join(f"{name}={value}" for name, value in row.items() if type(value) in (str, bool, type(None)))


def stored_keep_mask(shape, p, like):
    """The dropout masks that Keras had, of x (N, 1, D) and of h (N, H)."""
    keep = KERAS["keep x" if len(shape) == 3 else "keep h"].reshape(shape)
    return Tensor(keep.astype(str(like.dtype)))._data


@pytest.mark.parametrize("dtype", BOUND)
@pytest.mark.parametrize("row", ROWS, ids=label)
def test_the_numbers_of_keras(row, dtype, monkeypatch):
    for name in ("minidl.random", "minidl.nn.dropout"):
        monkeypatch.setattr(sys.modules[name], "keep_mask", stored_keep_mask)
    layer = built(row)
    load_keras_recurrent(layer, keras_weights(row))
    layer.to(dtype)
    x = Tensor(KERAS["x"].astype(dtype), requires_grad=True)
    mask = KERAS["mask"] if row.get("masked") else None
    states = [Tensor(s.astype(dtype), requires_grad=True) for s in KERAS["states"][: row["dstates"]["shape"][0]]]
    if row.get("stateful"):
        layer(Tensor(x.numpy()[::-1]), mask=None if mask is None else mask[::-1])
    y = layer(x, mask=mask, initial_state=states or None)
    outputs = y if isinstance(y, tuple) else (y,)
    loss = 0.0
    for i, (y, place) in enumerate(zip(outputs, row["outputs"], strict=True)):
        assert y.dtype == dtype
        close(f"output {i}", y.numpy(), stored(place), BOUND[dtype])
        loss = loss + (y * Tensor(KERAS["ups"][i, : y.size].reshape(y.shape).astype(dtype))).sum()
    loss.backward()
    close("dx", Tensor(x.grad).numpy(), stored(row["dx"]), BOUND[dtype])
    for i, (s, ds) in enumerate(zip(states, stored(row["dstates"]), strict=True)):
        close(f"dstates {i}", Tensor(s.grad).numpy(), ds, BOUND[dtype])
    twin = built(row).to("float64")  # gradients change layout as weights do
    load_keras_recurrent(twin, [stored(place) for place in row["dweights"]])
    one_bias = row["kind"] != "GRU"
    theirs = twin.state_dict()
    for name, parameter in layer.named_parameters():
        if not (one_bias and "bias_hh" in name):
            close(f"gradient of {name}", Tensor(parameter.grad).numpy(), theirs[name], BOUND[dtype])


def test_masks_go_on_as_in_keras():
    lstm, gru = nn.LSTM(2, 3, return_sequences=True), nn.GRU(2, 3, return_sequences=True, reset_after=False)
    masking = nn.Sequential(nn.Masking(), lstm, nn.GRU(3, 3))
    load_keras_recurrent(masking, [*keras_weights({"kind": "LSTM"}), *(KERAS[f"second {i}"] for i in range(3))])
    table = nn.Embedding(5, 2, mask_zero=True)
    table.load_state_dict({"weight": KERAS["table"]})
    embedding = nn.Sequential(table, nn.Bidirectional(gru), nn.SimpleRNN(6, 3, return_sequences=True))
    both = keras_weights({"kind": "GRU before", "merge_mode": "concat"})
    load_keras_recurrent(embedding, [*both, *(KERAS[f"third {i}"] for i in range(3))])
    places = json.loads(str(KERAS["models"]))
    x = Tensor(KERAS["x"].astype("float64") * KERAS["mask"][..., None])
    close("masking", masking.to("float64")(x).numpy(), stored(places["masking"]), 1e-12)
    y = embedding.to("float64")(Tensor(KERAS["ids"]))
    close("embedding", y.numpy(), stored(places["embedding"]), 1e-12)


def test_the_first_biases_of_keras():
    ours = {"SimpleRNN": nn.SimpleRNN, "LSTM": nn.LSTM, "GRU": nn.GRU}
    layers = {name: kind(2, 3) for name, kind in ours.items()}
    layers["LSTM without"] = nn.LSTM(2, 3, unit_forget_bias=False)
    for name, theirs in json.loads(str(KERAS["first_biases"])).items():
        biases = [layers[name].state_dict()[f"bias_{which}_l0"] for which in ("ih", "hh")]
        theirs = theirs if name == "GRU" else [theirs, np.zeros_like(theirs)]
        assert np.array_equal(biases, theirs), name


@pytest.mark.parametrize("case", json.loads(str(KERAS["pads"])), ids=lambda c: str(c[1]))
def test_pad_sequences_is_that_of_keras(case):
    sequences, options, dtype, theirs = case
    ours = pad_sequences(sequences, **options)
    assert ours.dtype == dtype and ours.tolist() == theirs


@given(
    kind=st.sampled_from(sorted(KINDS)),
    both=st.booleans(),
    bias=st.booleans(),
    sizes=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=30)
def test_each_array_of_keras_comes_to_its_place(kind, both, bias, sizes, seed):
    make, options = KINDS[kind]
    layer, rng = make(*sizes, bias=bias, **options), np.random.default_rng(seed)
    (D, H), G = sizes, layer.gates
    order = {"GRU": [1, 0, 2], "GRU before": [1, 0, 2]}.get(kind, range(G))  # ours -> Keras'
    model = nn.Bidirectional(layer) if both else layer
    weights, expected = [], {}
    for path in ("forward_layer.", "backward_layer.") if both else ("",):
        named = {"weight_ih": rng.normal(size=(G, H, D)), "weight_hh": rng.normal(size=(G, H, H))}
        weights += [a[order].reshape(G * H, -1).T for a in named.values()]
        if bias:
            biases = rng.normal(size=(2 if kind == "GRU" else 1, G, H))
            weights.append(biases[:, order].reshape(-1, G * H) if kind == "GRU" else biases[0, order].ravel())
            named |= {"bias_ih": biases[0], "bias_hh": biases[1] if kind == "GRU" else np.zeros((G, H))}
        expected |= {f"{path}{name}_l0": a.astype(np.float32) for name, a in named.items()}
    load_keras_recurrent(model, weights)
    ours = model.state_dict()
    assert ours.keys() == expected.keys()
    for name, value in expected.items():
        assert np.array_equal(ours[name], value.reshape(ours[name].shape)), name


def test_a_stack_of_keras_layers():
    layers = [nn.LSTM(2, 3, return_sequences=True), nn.Dropout(0.1), nn.Bidirectional(nn.LSTM(3, 3)), nn.Linear(6, 1)]
    own = [keras_weights({"kind": "LSTM"}), keras_weights({"kind": "LSTM", "merge_mode": None})]
    own[1][0] = own[1][3] = ones(3, 12)
    load_keras_recurrent(nn.Sequential(*layers), own[0] + own[1])
    for layer, weights in ((nn.LSTM(2, 3), own[0]), (nn.Bidirectional(nn.LSTM(3, 3)), own[1])):
        load_keras_recurrent(layer, weights)
        alike = layers[2 if isinstance(layer, nn.Bidirectional) else 0].state_dict()
        assert all(np.array_equal(alike[name], value) for name, value in layer.state_dict().items())


def of(kind, **changes):
    """A function: Keras' weights of this kind, some of them changed."""

    def weights():
        named = dict(zip(("kernel", "recurrent_kernel", "bias"), keras_weights({"kind": kind}), strict=True)) | changes
        return list(named.values())

    return weights


KERAS_ERRORS = {  # model, weights -> what the message says
    "no list": (lambda: nn.LSTM(2, 3), lambda: {"kernel": ones(2, 12)}, r"weights must be the list of get_weights\(\)"),
    "no module": (lambda: "LSTM", of("LSTM"), "model must be a module, got str"),
    "no recurrent layer": (lambda: nn.Sequential(nn.Linear(2, 3)), of("LSTM"), "no SimpleRNN, LSTM or GRU in it"),
    "no biases here": (lambda: nn.LSTM(2, 3, bias=False), of("LSTM"), r"must be 2 arrays .*bias=False\), got 3"),
    "no biases there": (lambda: nn.LSTM(2, 3), lambda: of("LSTM")()[:2], r"must be 3 arrays .*bias=False\), got 2"),
    "both directions here": (lambda: nn.Bidirectional(nn.LSTM(2, 3)), of("LSTM"), "must be 6 arrays .*got 3"),
    "the GRU of 2014 here": (
        lambda: nn.GRU(2, 3, reset_after=False),
        of("GRU"),
        r"bias \(2, 9\) is of a GRU with reset_after=True, GRU\(.*reset_after=False\) has False",
    ),
    "the GRU of 2014 there": (
        lambda: nn.GRU(2, 3),
        of("GRU before"),
        r"bias \(9,\) is of a GRU with reset_after=False, GRU\(.*\) has True",
    ),
    "units": (
        lambda: nn.LSTM(2, 4),
        of("LSTM"),
        r"recurrent_kernel must have shape \(4, 16\) for .*got \(3, 12\), as in an LSTM with hidden_size=3",
    ),
    "inputs": (lambda: nn.LSTM(5, 3), of("LSTM"), r"kernel must have shape \(5, 12\) for .*got \(2, 12\)"),
    "another kind": (lambda: nn.SimpleRNN(2, 3), of("GRU"), r"got \(3, 9\), as in a GRU with hidden_size=3"),
    "torch's layout": (lambda: nn.LSTM(2, 3), of("LSTM", kernel=ones(12, 2)), r"kernel must have shape \(2, 12\)"),
    "a short bias": (lambda: nn.LSTM(2, 3), of("LSTM", bias=ones(3)), r"bias must have shape \(12,\) for .*got \(3,\)"),
    "a bias of the GRU": (lambda: nn.GRU(2, 3), of("GRU", bias=ones(3, 9)), r"bias must have shape \(2, 9\)"),
    "no numbers": (lambda: nn.LSTM(2, 3), of("LSTM", bias="a"), r"weights\[2\] must hold numbers"),
    "too large": (lambda: nn.LSTM(2, 3), of("LSTM", bias=np.full(12, 1e300)), "too large for float32"),
    "the second of two": (
        lambda: nn.Bidirectional(nn.SimpleRNN(2, 3)),
        lambda: of("SimpleRNN")() + of("SimpleRNN", kernel=ones(3, 3))(),
        r"backward_layer.kernel must have shape \(2, 3\) for .*got \(3, 3\)",
    ),
}


@pytest.mark.parametrize("name", KERAS_ERRORS)
def test_what_is_not_of_this_layer_is_refused_whole(name):
    model, weights, message = KERAS_ERRORS[name]
    refused(load_keras_recurrent, model(), weights(), message)
