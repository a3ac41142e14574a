"""Makes torch_weights.safetensors: a file written by torch, whose values test_io.py states by their formula.

Run once with torch 2.13.0 (CPU) and safetensors 0.8.0: python tests/golden/make_weights.py
"""

from pathlib import Path

import torch
from safetensors.torch import save_file

save_file(
    {
        "0.weight": torch.arange(6).reshape(3, 2).float() / 2,
        "0.bias": torch.tensor([-1.0, -2.0, -3.0]),
        "1.num_batches_tracked": torch.tensor(7),
        "1.running_mean": torch.tensor([0.1, 0.2, 0.3], dtype=torch.float64),
    },
    Path(__file__).parent / "torch_weights.safetensors",
    metadata={"format": "pt"},
)
