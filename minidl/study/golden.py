r"""How far our numbers are from torch's, by the numbers of torch that the tests keep (tests/golden/*.npz).

They were computed once, with torch; neither a page nor a test needs it. They come with the repository, not with the
installed package.
"""

import functools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from minidl import losses, nn, optim
from minidl.study.find import ROOT, Topic
from minidl.study.page import Peer
from minidl.tensor import Tensor
from minidl.testing.registered_recurrent import with_state

FOLDER = ROOT / "tests" / "golden"
# ("output" or "gradient", name, ours, torch's)
Pair = tuple[str, str, np.ndarray, np.ndarray]


def peer(topic: Topic, folder: Path = FOLDER) -> Peer | None:
    r"""All golden cases of a layer, loss, optimiser or schedule, run in float64; None where there are none."""
    files = {"layer": ("layers", "bidirectional"), "loss": ("losses",), "optimiser": ("optim",)}.get(topic.kind, ())
    errors: dict[str, list[float]] = {"output": [], "gradient": []}
    count, versions = 0, ""
    for file in files:
        if not (folder / f"{file}.npz").exists():
            continue
        golden = load(folder / f"{file}.npz")
        for case in CASES[file](golden, topic.name):
            count += 1
            versions = str(golden.get("versions", f"torch {golden.get('torch')}"))
            for kind, _, ours, theirs in case:
                errors[kind].append(float((np.abs(ours - theirs) / np.maximum(1, np.abs(theirs))).max(initial=0)))
    if not count:
        return None
    return Peer(count, max(errors["output"]), max(errors["gradient"], default=None), versions)


@functools.cache
def load(path: Path) -> dict[str, Any]:
    r"""The arrays of a file by name; texts in JSON are read."""
    with np.load(path) as file:
        found = {name: file[name] for name in file}
    for name, x in found.items():
        if x.dtype.kind == "U" and str(x)[0] in "[{":
            found[name] = json.loads(str(x))
    return found


def stored(golden: dict, place: dict) -> np.ndarray:
    r"""One of the arrays that lie in a row in `numbers`."""
    n = int(np.prod(place["shape"], dtype=int))
    array = golden["numbers"][place["at"] : place["at"] + n].reshape(place["shape"])
    return array.astype(np.int64) if place["integer"] else array


def layer_case(golden: dict, row: dict, dtype: str = "float64") -> Iterator[Pair]:
    r"""Outputs, gradients and running statistics of one row of layers.npz."""
    options = {name: tuple(value) if isinstance(value, list) else value for name, value in row["options"].items()}
    layer = getattr(nn, row["layer"])(**options)
    layer.load_state_dict({name: stored(golden, place) for name, place in row["state"].items()})
    layer.train(row["training"]).to(dtype)
    inputs = [stored(golden, place) for place in row["inputs"]]
    leaves = [Tensor(x.astype(dtype), True) if x.dtype.kind == "f" else Tensor(x) for x in inputs]
    y = with_state(layer, *leaves)
    outputs = y if isinstance(y, tuple) else (y,)
    for k, (y, place) in enumerate(zip(outputs, row["outputs"], strict=True)):
        yield "output", f"output {k}", y.numpy(), stored(golden, place)
    if outputs[0].requires_grad:
        ups = [Tensor(stored(golden, place).astype(dtype)) for place in row["ups"]]
        sum((y * g).sum() for y, g in zip(outputs, ups, strict=True)).backward()
    for k, (x, place) in enumerate(zip(leaves, row["dinputs"], strict=True)):
        if place:
            yield "gradient", f"gradient of input {k}", Tensor(x.grad).numpy(), stored(golden, place)
    parameters = sorted(layer.named_parameters())
    for (name, p), (_, place) in zip(parameters, sorted(row["gradients"].items()), strict=True):
        yield "gradient", f"gradient of {name}", Tensor(p.grad).numpy(), stored(golden, place)
    for name, place in row["after"].items():
        yield "output", name, layer.state_dict()[name], stored(golden, place)


def layer_cases(golden: dict, name: str) -> Iterator[Iterator[Pair]]:
    return (layer_case(golden, row) for row in golden["rows"] if row["layer"] == name)


def bidirectional_cases(golden: dict, name: str) -> Iterator[Iterator[Pair]]:
    r"""Both directions of each kind of recurrent layer, from a given state."""

    def case(kind: str) -> Iterator[Pair]:
        row = {
            key.removeprefix(f"{kind}/whole/"): golden["numbers"][at : at + int(np.prod(shape))].reshape(shape)
            for key, (at, shape) in golden["places"].items()
            if key.startswith(f"{kind}/whole/")
        }

        def ours(key: str) -> str:  # torch's name of a parameter -> ours
            way = "backward" if key.endswith("_reverse") else "forward"
            return f"{way}_layer.{key.rpartition('/')[2].removesuffix('_reverse')}"

        layer = nn.Bidirectional(getattr(nn, kind)(2, 3, return_sequences=True, return_state=True)).to("float64")
        layer.load_state_dict({ours(key): x for key, x in row.items() if key.startswith("weight/")})
        states = [(f"{i}", d) for d in range(2) for i in range(layer.forward_layer.states)]
        leaves = [Tensor(x, True) for x in (row["x"], *(row[f"first/{i}"][d] for i, d in states))]
        results = layer(leaves[0], initial_state=leaves[1:])
        ups = [row["up/0"], *(row[f"up/{1 + int(i)}"][d] for i, d in states)]
        wanted = [row["result/0"], *(row[f"result/{1 + int(i)}"][d] for i, d in states)]
        for k, (y, theirs) in enumerate(zip(results, wanted, strict=True)):
            yield "output", f"output {k}", y.numpy(), theirs
        sum((y * Tensor(g)).sum() for y, g in zip(results, ups, strict=True)).backward()
        wanted = [row["grad/x"], *(row[f"grad/first/{i}"][d] for i, d in states)]
        for k, (x, theirs) in enumerate(zip(leaves, wanted, strict=True)):
            yield "gradient", f"gradient of input {k}", Tensor(x.grad).numpy(), theirs
        theirs = {ours(key): x for key, x in row.items() if key.startswith(("grad/weight", "grad/bias"))}
        for name, p in layer.named_parameters():
            yield "gradient", f"gradient of {name}", Tensor(p.grad).numpy(), theirs[name]

    return (case(kind) for kind in ("SimpleRNN", "LSTM", "GRU") if name == "Bidirectional")


def loss_cases(golden: dict, name: str) -> Iterator[Iterator[Pair]]:
    def case(i: int, x: str, t: str, options: dict) -> Iterator[Pair]:
        options = {k: golden[v] if isinstance(v, str) and v in golden else v for k, v in options.items()}
        x = Tensor(golden[x], requires_grad=True)
        loss = losses.LOSSES[name](x, golden[t], **options)
        yield "output", "loss", loss.numpy(), golden[f"loss_{i}"]
        loss.backward(golden[f"upstream_{i}"])
        yield "gradient", "gradient of input", Tensor(x.grad).numpy(), golden[f"grad_{i}"]

    return (case(i, *rest) for i, (loss, *rest) in enumerate(golden["cases"]) if loss == name)


def optim_cases(golden: dict, name: str) -> Iterator[Iterator[Pair]]:
    r"""20 steps of an optimiser, or 30 of a schedule."""

    def steps(i: int, options: dict) -> Iterator[Pair]:
        options = dict(options)
        own = options.pop("groups", {})
        ws = [Tensor(golden[f"start_{k}"], requires_grad=True) for k in (0, 1)]
        optimizer = optim.OPTIMIZERS[name]([{"params": ws[:1]}, {"params": ws[1:], **own}], **options)
        for step in range(len(golden["gradients_0"])):
            for k, w in enumerate(ws):
                w.grad = Tensor(golden[f"gradients_{k}"][step])._data
            optimizer.step()
            for k, w in enumerate(ws):
                yield "output", f"parameter {k}", w.numpy(), golden[f"w{k}_{i}"][step]

    def rates(i: int, options: dict) -> Iterator[Pair]:
        optimizer = optim.SGD([Tensor([1.0], requires_grad=True)], lr=0.1)
        schedule = optim.SCHEDULES[name](optimizer, **options)
        for metric, theirs in zip(golden["metrics"].tolist(), golden[f"lr_{i}"], strict=True):
            yield "output", "lr", np.array(optimizer.param_groups[0]["lr"]), theirs
            schedule.step(metric) if name == "ReduceLROnPlateau" else schedule.step()

    yield from (steps(i, options) for i, (kind, options) in enumerate(golden["cases"]) if kind == name)
    yield from (rates(i, options) for i, (kind, options) in enumerate(golden["schedules"]) if kind == name)


CASES = {"layers": layer_cases, "bidirectional": bidirectional_cases, "losses": loss_cases, "optim": optim_cases}
