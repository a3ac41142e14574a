r"""Forward and backward of every registered layer and loss, steps of the optimisers and an evolution, as numbers: what
each mode of running must agree on.

`python -m tests.modes FILE.npz` writes them in the mode that its environment asks for (see test_reference_mode.py).
"""

import sys

import numpy as np

from minidl import Tensor, nn
from minidl.evolution import NEAT, NEATConfig
from minidl.kernels.network import ACTIVATIONS, AGGREGATIONS
from minidl.optim import OPTIMIZERS
from minidl.testing.registry import PLACES, cases
from minidl.testing.subject import Subject


def results() -> dict[str, np.ndarray]:
    r"""case, dtype, number of the result -> array."""
    found = {}
    for case in (case for layer in PLACES for case in cases(layer)):
        for dtype in ("float32", "float64"):
            result = Subject(case.build, 0.0).run(dtype)
            found |= {f"{case} {dtype} {i}": a for i, a in enumerate(sum(result, [])) if a is not None}
    return found | large() | optimizers() | evolution()


def large() -> dict[str, np.ndarray]:
    r"""Layers on more numbers than the registered ones have: some kernels are for those alone.

    The images have their channels side by side in memory, as a convolution on the CPU leaves them."""
    layers = {
        "Conv2d(16, 16, 3)": nn.Conv2d(16, 16, 3, padding=1),  # by Winograd's algorithm
        "Conv2d(16, 16, 3, groups=16)": nn.Conv2d(16, 16, 3, padding=1, groups=16),
        "MaxPool2d(2)": nn.MaxPool2d(2),
        "AvgPool2d(2)": nn.AvgPool2d(2),
        "large Linear(64, 96)": nn.Linear(64, 96),
    }
    found, rng = {}, np.random.default_rng(0)
    for name, layer in layers.items():
        weights = {key: 0.1 * rng.normal(size=a.shape).astype(np.float32) for key, a in layer.state_dict().items()}
        layer.load_state_dict(weights)
        shape = (16, 64) if "Linear" in name else (1, 8, 9, 16)
        x = Tensor(0.1 * rng.normal(size=shape).astype(np.float32), requires_grad=True)
        y = layer(x if "Linear" in name else x.permute(0, 3, 1, 2))
        y.backward(Tensor(0.1 * rng.normal(size=y.shape).astype(np.float32)))
        results = y.numpy(), x.grad, *(p.grad for p in layer.parameters())
        found |= {f"{name} {i}": np.array(a) for i, a in enumerate(results)}
    return found


def optimizers() -> dict[str, np.ndarray]:
    r"""Two steps of each of them."""
    found, rng = {}, np.random.default_rng(0)
    for name, kind in OPTIMIZERS.items():
        p = nn.Parameter(rng.normal(size=(5, 7)).astype(np.float32))
        optimizer = kind([p], lr=0.1)
        for _ in range(2):
            p.grad = rng.normal(size=p.shape).astype(np.float32)
            optimizer.step()
        found[name] = p.numpy()
    return found


def evolution() -> dict[str, np.ndarray]:
    r"""The genes of a population after some generations, and what it says."""
    config = NEATConfig(
        **{"n_inputs": 2, "n_outputs": 1, "population_size": 20, "feed_forward": False, "recurrent_link": 0.3},
        **{"add_node": 0.3, "add_link": 0.3, "toggle": 0.3, "mutate_activation": 0.3, "mutate_aggregation": 0.3},
        **{"activations": ACTIVATIONS, "aggregations": AGGREGATIONS, "compatibility_threshold": 1.0},
        **{"multipoint_average": 1.0, "single_point": 1.0, "interspecies": 0.2},
    )
    x = np.random.default_rng(0).normal(size=(5, 2))
    run = NEAT(config, seed=0)
    for _ in range(8):
        y = run.nets()(x, steps=3)
        run.record(np.nan_to_num(np.abs(y - 0.5).sum(axis=(1, 2)), posinf=0.0).clip(0, 100))
        run.breed()
    found = {"NEAT y": y, "NEAT species": run.species_of}
    for rows, sizes in ((run.pool.nodes, run.pool.n_nodes), (run.pool.links, run.pool.n_links)):
        used = np.arange(rows.shape[1]) < sizes[:, None]  # behind them a row is of no account
        found |= {f"NEAT {name}": rows[name][used] for name in rows.dtype.names}
    return found


if __name__ == "__main__":
    np.savez(sys.argv[1], **results())
