r"""Forward and backward of every registered layer and loss, and an evolution, as numbers: what each mode of running
must agree on.

`python -m tests.modes FILE.npz` writes them in the mode that its environment asks for (see test_reference_mode.py).
"""

import sys

import numpy as np

from minidl import Tensor, nn
from minidl.evolution import NEAT, NEATConfig
from minidl.kernels.network import ACTIVATIONS, AGGREGATIONS
from minidl.testing.registry import PLACES, cases
from minidl.testing.subject import Subject


def results() -> dict[str, np.ndarray]:
    r"""case, dtype, number of the result -> array."""
    found = {}
    for case in (case for layer in PLACES for case in cases(layer)):
        for dtype in ("float32", "float64"):
            result = Subject(case.build, 0.0).run(dtype)
            found |= {f"{case} {dtype} {i}": a for i, a in enumerate(sum(result, [])) if a is not None}
    return found | wide_convolution() | evolution()


def wide_convolution() -> dict[str, np.ndarray]:
    r"""One with channels and places enough for Winograd's algorithm; none of the registered ones has."""
    rng, layer = np.random.default_rng(0), nn.Conv2d(16, 16, 3, padding=1)
    x, dy, w = (0.1 * rng.normal(size=shape).astype(np.float32) for shape in ((1, 16, 8, 9),) * 2 + ((16, 16, 3, 3),))
    x = Tensor(x, requires_grad=True)
    layer.load_state_dict({"weight": w, "bias": w[:, 0, 0, 0]})
    y = layer(x)
    y.backward(Tensor(dy))
    return {f"Conv2d(16, 16, 3) {i}": a for i, a in enumerate((y.numpy(), x.grad, layer.weight.grad))}


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
