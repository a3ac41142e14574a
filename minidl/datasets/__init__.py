r"""Data: embedded sets that need no network, made-up ones of any size, and files of your own.

| embedded | x | y | what |
|---|---|---|---|
| `load_digits()` | (1797, 1, 8, 8) in [0, 1] | 10 classes | real handwritten digits |
| `load_iris()` | (150, 4) in cm | 3 classes | Fisher's flowers, the corrected copy |
| `load_wine()` | (178, 13) | 3 classes | chemistry of wines; standardise it first |
| `load_karate_club()` | (34, 34) adjacency | 2 clubs | Zachary's friendships |

Each returns a `Dataset` that unpacks as `x, y` and says its licence and source. `verify()` checks the files.

| made up | x | y | what |
|---|---|---|---|
| `make_moons(n)` | (n, 2) | 2 classes | two half circles, one reaching into the other |
| `make_circles(n)` | (n, 2) | 2 classes | a circle inside a circle |
| `make_spirals(n)` | (n, 2) | K classes | intertwined arms |
| `make_blobs(n, d)` | (n, d) | K classes | Gaussian clouds |
| `make_xor()`, `make_xor(n)` | (4 or n, 2) | 2 classes | the truth table, or quadrants labelled by it |
| `make_sines(n, t)` | (n, t, 1) | (n, t, 1) | waves, and the same one step later |
| `make_adding_problem(n, t)` | (n, t, 2) | (n, 1) | two marked numbers of t, to be added |
| `make_shapes(n, size)` | (n, 3, size, size) | list of dicts | squares, circles, triangles: boxes, labels, masks |

x is float32, labels are int64, rows come mixed, classes are balanced, and the same `seed=` makes the same data.

| your own | what |
|---|---|
| `read_idx(path)` | MNIST's file format, plain or gzipped |
| `pad_sequences(sequences, maxlen=)` | sequences of different lengths as one array |
| `sequence_mask(lengths, maxlen=)` | which steps of it are real |
| `train_test_split(x, y, test_size=, stratify=)` | keep rows back for testing |
| `batches(x, y, batch_size=, shuffle=, seed=)` | a few rows at a time |

>>> x, y = load_digits()
>>> x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=500, stratify=y)
>>> for xb, yb in batches(x_train, y_train, batch_size=64):
...     pass
>>> xb.shape                                               # the last batch: 1297 = 20 * 64 + 17
(17, 1, 8, 8)
"""

from minidl.datasets.adding_problem import make_adding_problem
from minidl.datasets.batches import batches
from minidl.datasets.blobs import make_blobs
from minidl.datasets.circles import make_circles
from minidl.datasets.dataset import Dataset
from minidl.datasets.digits import load_digits
from minidl.datasets.embedded import verify
from minidl.datasets.idx import read_idx
from minidl.datasets.iris import load_iris
from minidl.datasets.karate_club import load_karate_club
from minidl.datasets.moons import make_moons
from minidl.datasets.pad_sequences import pad_sequences, sequence_mask
from minidl.datasets.shapes import make_shapes
from minidl.datasets.sines import make_sines
from minidl.datasets.spirals import make_spirals
from minidl.datasets.split import train_test_split
from minidl.datasets.wine import load_wine
from minidl.datasets.xor import make_xor

__all__ = [
    "Dataset",
    "batches",
    "load_digits",
    "load_iris",
    "load_karate_club",
    "load_wine",
    "make_adding_problem",
    "make_blobs",
    "make_circles",
    "make_moons",
    "make_shapes",
    "make_sines",
    "make_spirals",
    "make_xor",
    "pad_sequences",
    "read_idx",
    "sequence_mask",
    "train_test_split",
    "verify",
]
