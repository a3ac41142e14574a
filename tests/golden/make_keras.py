r"""Writes `keras.npz`: what Keras computes, for tests/test_interop.py. Run by hand where there are Keras and torch (but
no need of minidl; and neither minidl nor its tests need them):

    KERAS_BACKEND=torch python tests/golden/make_keras.py

It was run with Keras 3.15.1 on torch 2.15.0 and NumPy 2.4.6 (the versions stand in the file too), in float64.

`x` (N, T, D), `mask` (N, T), `states` (4, N, H) and `ups` (6, ...) serve all rows; a row takes as many states as it
needs, and ups[k] begins with the gradient from above of its output k. "weights LSTM 0" ... are what get_weights()
gives, first of the layer, then of the backward one of a Bidirectional. "keep x" and "keep h" are the dropout masks of
the rows that are `dropped`. All results lie in one array, `numbers`; `rows` is a JSON list of options, and of places in
it: {"at": start, "shape": shape}. A row that is stateful is its second call; the first one had x and mask with the
batch in reverse. `models` is a JSON dict of places, `pads` a JSON list: sequences, options, dtype, result.
"""

import json
from pathlib import Path

import keras
import numpy as np
import torch
from keras.src.backend.common.dtypes import BIT64_TO_BIT32_DTYPE

FILE = Path(__file__).parent / "keras.npz"
N, T, D, H = 6, 4, 2, 3
BIT64_TO_BIT32_DTYPE["float64"] = "float64"  # on torch, Keras cuts products of float64 to float32; on TensorFlow not
rng = np.random.default_rng(5)


def normal(*shape):
    return rng.normal(0, 0.6, size=shape).astype(np.float32)  # so that float32 holds it, too


ARRAYS = {
    "x": normal(N, T, D),
    # all real; padding at the end, at the start, inside; at several places; nothing real
    "mask": np.array([[1, 1, 1, 1], [1, 1, 0, 0], [0, 0, 1, 1], [1, 0, 0, 1], [0, 1, 0, 1], [0, 0, 0, 0]], bool),
    "states": normal(4, N, H),
    "ups": normal(6, N * T * 2 * H),
    "keep x": 2 * rng.integers(0, 2, size=(N, D)).astype(np.float32),
    "keep h": 2 * rng.integers(0, 2, size=(N, H)).astype(np.float32),
}
KINDS = {  # a name -> Keras' layer, its options, gates, shape of its bias
    "SimpleRNN": ("SimpleRNN", {}, 1, (H,)),
    "LSTM": ("LSTM", {}, 4, (4 * H,)),
    "GRU": ("GRU", {"reset_after": True}, 3, (2, 3 * H)),
    "GRU before": ("GRU", {"reset_after": False}, 3, (3 * H,)),
}
for name, (_, _, gates, bias) in KINDS.items():
    for k in (0, 3):
        shapes = (D, gates * H), (H, gates * H), bias
        ARRAYS |= {f"weights {name} {k + i}": normal(*shape) for i, shape in enumerate(shapes)}

# every option with every other one, in few rows
ONE = [
    {"return_sequences": True, "masked": True},
    {"return_sequences": False, "masked": True, "started": True},
    {"return_sequences": True, "masked": True, "started": True, "go_backwards": True},
    {"return_sequences": False, "masked": True, "go_backwards": True},
    {"return_sequences": True, "started": True},
    {"return_sequences": False, "go_backwards": True, "return_state": False},
    {"return_sequences": True, "masked": True, "bias": False},
    {"return_sequences": True, "masked": True, "stateful": True},
    {"return_sequences": True, "masked": True, "dropped": True},
]
BOTH = [
    {"return_sequences": True, "masked": True, "started": True},
    {"return_sequences": False, "masked": True},
]
MODES = ("concat", "sum", "mul", "ave", None)
ROWS = [{"kind": kind, **row} for kind in KINDS for row in ONE]
ROWS += [{"kind": "LSTM", "merge_mode": mode, **row} for mode in MODES for row in BOTH]
ROWS += [
    {"kind": kind, "merge_mode": mode, **row}
    for kind in KINDS
    if kind != "LSTM"
    for mode, row in zip(("concat", None), BOTH, strict=True)
]
ROWS += [
    {"kind": "GRU", "merge_mode": "sum", "return_sequences": True, "return_state": False},
    {
        "kind": "GRU",
        "merge_mode": "mul",
        "return_sequences": True,
        "return_state": False,
        "masked": True,
        "stateful": True,
    },
    {"kind": "LSTM", "merge_mode": "concat", "return_sequences": True, "return_state": False, "bias": False},
]

# models that make a mask and hand it on; "ids" (N, T) and "table" for the Embedding
ARRAYS |= {"ids": rng.integers(1, 5, size=(N, T)) * ARRAYS["mask"], "table": normal(5, D)}
SECOND = {f"second {i}": normal(*shape) for i, shape in enumerate([(H, 3 * H), (H, 3 * H), (2, 3 * H)])}  # a GRU
THIRD = {f"third {i}": normal(*shape) for i, shape in enumerate([(2 * H, H), (H, H), (H,)])}  # a SimpleRNN
ARRAYS |= SECOND | THIRD


class Numbers:
    r"""The one array, as it grows."""

    def __init__(self):
        self.parts, self.size = [], 0

    def add(self, tensor) -> dict:
        assert tensor.dtype == torch.float64
        self.parts.append(tensor.detach().numpy().ravel())
        self.size += tensor.numel()
        return {"at": self.size - tensor.numel(), "shape": list(tensor.shape)}


def double(name):
    return torch.tensor(ARRAYS[name].astype(np.float64), requires_grad=True)


def run(row: dict, numbers: Numbers) -> dict:
    layer, options, gates, _ = KINDS[row["kind"]]
    dropped = {"dropout": 0.5, "recurrent_dropout": 0.5} if row.get("dropped") else {}
    both, bias = "merge_mode" in row, row.get("bias", True)
    layer = getattr(keras.layers, layer)(
        H,
        **options,
        **dropped,
        use_bias=bias,
        return_sequences=row["return_sequences"],
        return_state=row.get("return_state", True),
        go_backwards=row.get("go_backwards", False),
        stateful=row.get("stateful", False),
        dtype="float64",
    )
    if both:
        layer = keras.layers.Bidirectional(layer, merge_mode=row["merge_mode"], dtype="float64")
    layer.build((N, T, D))
    places = [0, 1, 2, 3, 4, 5] if both else [0, 1, 2]
    layer.set_weights([ARRAYS[f"weights {row['kind']} {i}"] for i in places if bias or i % 3 != 2])

    x, states = double("x"), double("states")
    n = (1 + both) * (2 if row["kind"] == "LSTM" else 1) if row.get("started") else 0
    given = {"mask": torch.tensor(ARRAYS["mask"])} if row.get("masked") else {}
    if dropped:  # Keras would draw a mask of its own for each gate; here all gates get one
        keep_x, keep_h = double("keep x").detach(), double("keep h").detach()
        layer.cell.get_dropout_mask = lambda _: keep_x if gates == 1 else [keep_x] * gates
        layer.cell.get_recurrent_dropout_mask = lambda _: keep_h if gates == 1 else [keep_h] * gates
    if row.get("stateful"):
        layer(x.flip(0), **{k: v.flip(0) for k, v in given.items()})
    outputs = layer(x, **given, **({"initial_state": list(states[:n])} if n else {}), training=bool(dropped))
    outputs = list(outputs) if isinstance(outputs, tuple | list) else [outputs]
    ups = torch.tensor(ARRAYS["ups"].astype(np.float64))
    loss = sum((y * up[: y.numel()].view(y.shape)).sum() for y, up in zip(outputs, ups, strict=False))
    weights = [w.value for w in layer.trainable_weights]
    dx, dstates, *dweights = torch.autograd.grad(loss, [x, states, *weights], materialize_grads=True)
    return {
        **row,
        "outputs": [numbers.add(y) for y in outputs],
        "dx": numbers.add(dx),
        "dstates": numbers.add(dstates[:n]),
        "dweights": [numbers.add(dw) for dw in dweights],
    }


def models(numbers: Numbers) -> dict:
    r"""Outputs of a Masking or Embedding layer and recurrent layers on it."""
    k = keras.layers
    masking = keras.Sequential([k.Masking(), k.LSTM(H, return_sequences=True), k.GRU(H)])
    gru = k.GRU(H, return_sequences=True, reset_after=False)
    embedding = keras.Sequential(
        [k.Embedding(5, D, mask_zero=True), k.Bidirectional(gru), k.SimpleRNN(H, return_sequences=True)]
    )
    masking.build((N, T, D)), embedding.build((N, T))
    masking.set_weights([ARRAYS[name] for name in (*(f"weights LSTM {i}" for i in range(3)), *SECOND)])
    embedding.set_weights([ARRAYS[name] for name in ("table", *(f"weights GRU before {i}" for i in range(6)), *THIRD)])
    x, ids = double("x") * torch.tensor(ARRAYS["mask"][..., None]), torch.tensor(ARRAYS["ids"])
    return {"masking": numbers.add(masking(x)), "embedding": numbers.add(embedding(ids))}


def pads() -> list:
    r"""pad_sequences over a table of its options."""
    whole, floats, rows = [[1], [2, 3], [4, 5, 6, 7], []], [[0.5], [-1.5, 2.25, 3.0]], [[[1, 2]], [[3, 4], [5, 6]]]
    table = []
    for sequences, dtype in ((whole, "int32"), (whole, "float32"), (floats, "float32"), (rows, "int32")):
        for maxlen in (None, 1, 3, 6):
            for padding in ("pre", "post"):
                for truncating in ("pre", "post"):
                    options = {"maxlen": maxlen, "padding": padding, "truncating": truncating, "value": -7}
                    table.append((sequences, {**options, "dtype": dtype}))
    table += [(whole, {}), (whole, {"maxlen": 2}), (floats, {"dtype": "float32"}), (floats, {"dtype": "float64"})]
    results = [keras.utils.pad_sequences(sequences, **options) for sequences, options in table]
    return [[*case, str(y.dtype), y.tolist()] for case, y in zip(table, results, strict=True)]


def first_biases() -> dict:
    r"""What the biases of new layers are."""
    found = {}
    for name, options in {
        "SimpleRNN": {},
        "LSTM": {"unit_forget_bias": True},
        "LSTM without": {"unit_forget_bias": False},
        "GRU": {},
    }.items():
        layer = getattr(keras.layers, name.split()[0])(H, **options)
        layer.build((N, T, D))
        found[name] = layer.get_weights()[2].tolist()
    return found


numbers = Numbers()
rows = [run(row, numbers) for row in ROWS]
keras.config.set_dtype_policy("float64")
through = models(numbers)
np.savez_compressed(
    FILE,
    **ARRAYS,
    numbers=np.concatenate(numbers.parts),
    rows=json.dumps(rows),
    models=json.dumps(through),
    pads=json.dumps(pads()),
    first_biases=json.dumps(first_biases()),
    versions=f"Keras {keras.__version__}, torch {torch.__version__}, NumPy {np.__version__}",
)
print(f"{len(rows)} rows, {numbers.size} numbers, {FILE.stat().st_size} bytes")
