r"""Writes the embedded data sets, `minidl/datasets/data/*.npz`, and prints the SHA-256 of each. Run once, by hand:

    python tests/golden/make_datasets.py

It was run with scikit-learn 1.9.1 and NumPy 2.4.6; neither minidl nor its tests need scikit-learn. Running it again
gives the same arrays; the compressed bytes, and with them the digests in `minidl/datasets/embedded.py`, may differ
with another zlib.

Digits are kept as the bytes 0 ... 16 that they are, iris and wine as float32. The karate club is typed in below, from
the matrix E and the column "club after fission" of Zachary 1977, members counted from 1 as there; it was compared with
networkx 3.6.1, edge for edge and label for label.
"""

import hashlib
from pathlib import Path

import numpy as np

DATA = Path(__file__).parents[2] / "minidl" / "datasets" / "data"

FRIENDS = {  # member: its friends with a higher number
    1: (2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 18, 20, 22, 32),
    2: (3, 4, 8, 14, 18, 20, 22, 31),
    3: (4, 8, 9, 10, 14, 28, 29, 33),
    4: (8, 13, 14),
    5: (7, 11),
    6: (7, 11, 17),
    7: (17,),
    9: (31, 33, 34),
    10: (34,),
    14: (34,),
    15: (33, 34),
    16: (33, 34),
    19: (33, 34),
    20: (34,),
    21: (33, 34),
    23: (33, 34),
    24: (26, 28, 30, 33, 34),
    25: (26, 28, 32),
    26: (32,),
    27: (30, 34),
    28: (34,),
    29: (32, 34),
    30: (33, 34),
    31: (33, 34),
    32: (33, 34),
    33: (34,),
}
WITH_MR_HI = (1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 17, 18, 20, 22)


def main() -> None:
    from sklearn import datasets  # noqa: PLC0415 - pytest imports this file to look for doctests, without scikit-learn

    digits, iris, wine = datasets.load_digits(), datasets.load_iris(), datasets.load_wine()
    arrays = {
        "digits": {"x": digits.data.astype(np.uint8), "y": digits.target.astype(np.uint8)},
        "iris": {"x": iris.data.astype(np.float32), "y": iris.target.astype(np.uint8)},
        "wine": {"x": wine.data.astype(np.float32), "y": wine.target.astype(np.uint8)},
        "karate_club": {
            "edges": np.array([(a - 1, b - 1) for a in FRIENDS for b in FRIENDS[a]], dtype=np.uint8),
            "y": np.array([member not in WITH_MR_HI for member in range(1, 35)], dtype=np.uint8),
        },
    }
    for name, content in arrays.items():
        path = DATA / f"{name}.npz"
        np.savez_compressed(path, allow_pickle=False, **content)
        print(f'    "{path.name}": "{hashlib.sha256(path.read_bytes()).hexdigest()}",')


if __name__ == "__main__":
    main()
