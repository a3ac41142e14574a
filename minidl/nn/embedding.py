r"""Embedding: a table with one learned vector for each word (or other thing) of a vocabulary.

$$ y_{nd} = W_{i_n d} $$

It is a Linear layer on one-hot rows, $y = \mathrm{onehot}(i)\,W$, without the multiplications by 0.

Backward. Row v of W stands in y once for every n with $i_n = v$, with slope 1, so its gradient is the sum over them:

$$ dW_{vd} = \sum_{n:\ i_n = v} dy_{nd} $$

(`scatter_add` in kernels/scatter.py). The ids are no real numbers and have no gradient. With `padding_idx`, row p
stands for "no word": it starts at 0, and $dW_p = 0$ keeps it there.

Shapes: x, ids (N, T), or any other shape of integers in 0 ... V-1; w, dw (V, D), y (N, T, D).

Source: Bengio, Ducharme, Vincent and Jauvin 2003, JMLR 3.

Try it:
1. In `backward`, make dw of zeros (V, D) and say `dw[ids] += dy`: NumPy adds once for an id that occurs twice, and the
   gradient check fails in every row but that of one single id.
2. Multiply one-hot rows (1000, 10000) by the same W (10000, 64), forward and backward: the result is the same bit by
   bit, and takes some 80 times as long (on one core).
3. Take one step of `SGD` with 0.1 on `y.sum()` for the ids 0, 0, 0, 3. With `mask_zero=True` row 0 falls by 0.3, like
   any row that is read three times; with `padding_idx=0` it stays 0.
"""

from typing import Any

import numpy as np

from minidl import check, init
from minidl.kernels.scatter import scatter_add
from minidl.nn.mask import both, input_known
from minidl.nn.module import Module, Parameter
from minidl.tensor import Function, Tensor


class EmbeddingFunction(Function):
    def __init__(self, padding_idx: int | None):
        self.padding_idx = padding_idx

    def forward(self, ids, w):
        self.save(ids)
        self.size = w.shape
        return w[ids]  # (V, D) at (...) -> (..., D)

    def backward(self, dy):
        (ids,) = self.saved
        V, D = self.size
        dw = scatter_add(ids.reshape(-1), dy.reshape(ids.size, D), V)
        if self.padding_idx is not None:
            dw[self.padding_idx] = 0
        return None, dw


def embedding(ids: Tensor, weight: Tensor, padding_idx: int | None = None) -> Tensor:
    r"""The rows of weight (V, D) that ids names. ValueError for an id outside of 0 ... V-1, TypeError for no integers.

    >>> embedding(Tensor([2, 0]), Tensor([[0.0, 0.1], [1.0, 1.1], [2.0, 2.1]])).numpy()
    array([[2. , 2.1],
           [0. , 0.1]], dtype=float32)
    """
    check.rank("embedding", "weight", weight, "(V, D)")
    check.floats("embedding", "weight", weight)
    check.indices("embedding", "ids", ids._data if isinstance(ids, Tensor) else ids, weight.shape[0])
    return EmbeddingFunction(_row("embedding", padding_idx, weight.shape[0]))(ids, weight)


class Embedding(Module):
    r"""A table of `num_embeddings` vectors of `embedding_dim` numbers, drawn from N(0, 1).

    | option | meaning | torch | Keras |
    |---|---|---|---|
    | `Embedding` | the layer | `nn.Embedding` | `Embedding` (starts uniform, up to 0.05) |
    | `num_embeddings` | V | the same | `input_dim` |
    | `embedding_dim` | D | the same | `output_dim` |
    | `padding_idx` | the id of "nothing here" (negative: from the end): a row that is and stays 0 | the same | none |
    | `mask_zero` | id 0 is padding: `compute_mask(ids)` is ids != 0, and `Sequential` hands it on | none | the same |

    | cost | formula |
    |---|---|
    | parameters | $V D$ |
    | multiply-adds | $0$ |
    | bytes kept | $8 N T$ |

    The two are different things. A row of zeros is still a step that a recurrent layer takes; a masked step is passed
    over. With mask_zero row 0 is a row like all others, drawn and trained (which shows where no layer takes the mask);
    for both give both, padding_idx=0 and mask_zero=True.

    >>> from minidl import Tensor, nn
    >>> table = nn.Embedding(10, 3, padding_idx=0, mask_zero=True)
    >>> ids = Tensor([[1, 2, 0, 0]])
    >>> y = table(ids)
    >>> y.shape, y.numpy()[0, 3]
    ((1, 4, 3), array([0., 0., 0.], dtype=float32))
    >>> table.compute_mask(ids)
    array([[ True,  True, False, False]])
    """

    def __init__(
        self, num_embeddings: int, embedding_dim: int, padding_idx: int | None = None, *, mask_zero: bool = False
    ):
        self.num_embeddings = check.size("Embedding", "num_embeddings", num_embeddings)
        self.embedding_dim = check.size("Embedding", "embedding_dim", embedding_dim)
        self.padding_idx = _row("Embedding", padding_idx, num_embeddings)
        self.mask_zero = check.option("Embedding", "mask_zero", mask_zero, (True, False))
        weight = init.normal((num_embeddings, embedding_dim))
        if padding_idx is not None:
            weight[self.padding_idx] = 0
        self.weight = Parameter(weight)

    def forward(self, ids: Tensor) -> Tensor:
        return embedding(ids, self.weight, self.padding_idx)

    def compute_mask(self, x: Any, mask: Any = None) -> Any:
        r"""The mask of the output for ids x; with mask_zero also x != 0, and then the ids must be (N, T)."""
        if not self.mask_zero:
            return mask
        check.rank("Embedding", "ids (for mask_zero)", input_known("Embedding", x), "(N, T)")
        return both("Embedding", (x._data if isinstance(x, Tensor) else x) != 0, mask, x)

    def extra_repr(self) -> str:
        masks = ", mask_zero=True" if self.mask_zero else ""
        return f"{self.num_embeddings}, {self.embedding_dim}, padding_idx={self.padding_idx}{masks}"


def _row(who: str, padding_idx: Any, V: int) -> int | None:
    return None if padding_idx is None else check.integer(who, "padding_idx", padding_idx, low=-V, high=V - 1) % V


def illustrate(ax: Any) -> None:
    r"""Left the table W, a row for each word of a vocabulary. Middle y, the rows that a sentence picks, twice that of
    "the". Right the gradient dW when dy is 1 everywhere: a row gets as much as it was picked times, and the rows of
    words that do not occur get nothing: a word that is rare is learned slowly."""
    words, sentence = "the cat dog sat ran on mat".split(), "the cat sat on the mat".split()
    w = Tensor(np.random.default_rng(0).normal(size=(7, 6)), requires_grad=True)
    y = embedding(Tensor([words.index(word) for word in sentence]), w)
    y.backward(np.ones(y.shape))
    signed, amount = {"cmap": "PuOr", "vmin": -2, "vmax": 2}, {"cmap": "viridis", "vmin": 0, "vmax": 2}
    panels = ("W", words, w.numpy(), signed), ("y", sentence, y.numpy(), signed), ("dW", words, w.grad, amount)
    ax.axis("off")
    for number, (name, labels, image, colors) in enumerate(panels):
        a = ax.inset_axes([0.06 + 0.34 * number, 0.06, 0.25, 0.92])
        a.imshow(image, aspect="auto", **colors)
        a.set(xticks=[], yticks=range(len(labels)), yticklabels=labels, xlabel=name)
    ax.figure.colorbar(a.images[0], ax=ax, ticks=(0, 1, 2), label="dW")
