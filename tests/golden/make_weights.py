"""Makes files written by torch. torch_weights.safetensors: its values are stated in test_io.py by their formula.

torch_recurrent/*.safetensors: the state_dict of torch's recurrent modules, one layer or two, one direction or both;
torch_recurrent.npz: their input x (N, T, D), and for each file what torch computes from it in float32: h of all steps,
and the final states, (levels * directions, N, H).

Run once with torch 2.13.0 (CPU) and safetensors 0.8.0: python tests/golden/make_weights.py
"""

from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

HERE = Path(__file__).parent

save_file(
    {
        "0.weight": torch.arange(6).reshape(3, 2).float() / 2,
        "0.bias": torch.tensor([-1.0, -2.0, -3.0]),
        "1.num_batches_tracked": torch.tensor(7),
        "1.running_mean": torch.tensor([0.1, 0.2, 0.3], dtype=torch.float64),
    },
    HERE / "torch_weights.safetensors",
    metadata={"format": "pt"},
)

torch.manual_seed(0)
N, T, D, H = 2, 6, 3, 4
x = torch.randn(N, T, D)
arrays = {"x": x.numpy()}
for kind in (torch.nn.RNN, torch.nn.LSTM, torch.nn.GRU):
    for layers in (1, 2):
        for both in (False, True):
            module = kind(D, H, num_layers=layers, bidirectional=both, batch_first=True)
            name = f"{kind.__name__.lower()}_{layers}{'_both' if both else ''}"
            (HERE / "torch_recurrent").mkdir(exist_ok=True)
            save_file(module.state_dict(), HERE / "torch_recurrent" / f"{name}.safetensors")
            with torch.no_grad():
                y, states = module(x)
            states = states if isinstance(states, tuple) else (states,)
            arrays |= {f"{name} y": y.numpy()} | {f"{name} state {i}": s.numpy() for i, s in enumerate(states)}
np.savez_compressed(HERE / "torch_recurrent.npz", **arrays, version=torch.__version__)
