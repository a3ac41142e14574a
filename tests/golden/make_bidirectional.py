r"""Writes `bidirectional.npz`: torch's RNN, LSTM and GRU with bidirectional=True. Run by hand, from the root:

    python -m tests.golden.make_bidirectional

It was run with torch 2.13.0 and NumPy 2.4.6; neither minidl nor its tests need torch. For each layer, once for whole
sequences and once packed (`lengths`), in float64: weights, inputs, first states, gradients from above, outputs, last
states, and all gradients. Keys: "GRU/packed/weight/bias_ih_l0_reverse", "GRU/packed/grad/x" and the like. All numbers
lie in one array, `numbers`; `places` is a JSON dict that says where: {key: [start, shape]}.
"""

import json
from pathlib import Path

import numpy as np

FILE = Path(__file__).parent / "bidirectional.npz"
LAYERS = {"SimpleRNN": "RNN", "LSTM": "LSTM", "GRU": "GRU"}  # ours -> torch's
N, T, D, H = 3, 4, 2, 3
LENGTHS = [4, 2, 1]


def main() -> None:
    import torch  # noqa: PLC0415 - pytest imports this file to look for doctests, without torch
    from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence  # noqa: PLC0415

    rng, arrays = np.random.default_rng(0), {}
    for name, theirs in LAYERS.items():
        for kind in ("whole", "packed"):
            layer = getattr(torch.nn, theirs)(D, H, bidirectional=True, batch_first=True).double()
            for parameter in layer.parameters():
                parameter.data = torch.tensor(rng.normal(size=tuple(parameter.shape)))
            x = torch.tensor(rng.normal(size=(N, T, D)), requires_grad=True)
            first = [torch.tensor(rng.normal(size=(2, N, H)), requires_grad=True) for _ in range(1 + (name == "LSTM"))]
            given = x if kind == "whole" else pack_padded_sequence(x, torch.tensor(LENGTHS), batch_first=True)
            y, last = layer(given, tuple(first) if len(first) == 2 else first[0])
            y = y if kind == "whole" else pad_packed_sequence(y, batch_first=True)[0]
            results = [y, *(last if isinstance(last, tuple) else [last])]
            ups = [torch.tensor(rng.normal(size=tuple(r.shape))) for r in results]
            torch.autograd.backward(results, ups)
            entries = {
                **{f"weight/{k}": p.detach() for k, p in layer.named_parameters()},
                **{f"grad/{k}": p.grad for k, p in layer.named_parameters()},
                **{"x": x.detach(), "grad/x": x.grad},
                **{f"first/{i}": s.detach() for i, s in enumerate(first)},
                **{f"grad/first/{i}": s.grad for i, s in enumerate(first)},
                **{f"up/{i}": g for i, g in enumerate(ups)},
                **{f"result/{i}": r.detach() for i, r in enumerate(results)},
            }
            arrays |= {f"{name}/{kind}/{k}": v.numpy() for k, v in entries.items()}
    starts = np.cumsum([0, *(v.size for v in arrays.values())]).tolist()
    places = {k: [start, v.shape] for (k, v), start in zip(arrays.items(), starts, strict=False)}
    np.savez_compressed(
        FILE,
        lengths=LENGTHS,
        places=json.dumps(places),
        numbers=np.concatenate([v.ravel() for v in arrays.values()]),
        versions=f"torch {torch.__version__}, NumPy {np.__version__}",
    )
    print(f"{len(arrays)} arrays, {FILE.stat().st_size} bytes")


if __name__ == "__main__":
    main()
