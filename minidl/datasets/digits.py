r"""1,797 handwritten digits, 8 x 8 pixels, ten classes of about 180.

Forms filled in by 13 people were scanned as 32 x 32 black and white bitmaps; each of the 8 x 8 pixels counts the ink
in a block of 4 x 4, from 0 to 16. The rows come writer by writer, so that a split by position tests on unseen hands
and is harder than a random one: say which of the two a figure uses.

Source: the test part of "Optical Recognition of Handwritten Digits", E. Alpaydin and C. Kaynak 1998, UCI Machine
Learning Repository, doi 10.24432/C50P49; the copy that scikit-learn ships. Method: C. Kaynak 1995, MSc thesis,
Bogazici University. Licence: CC BY 4.0; changed here: scaled to [0, 1].
"""

import numpy as np

from minidl.datasets.dataset import Dataset
from minidl.datasets.embedded import read


def load_digits(flat: bool = False) -> Dataset:
    r"""The 8 x 8 digits: x float32 (1797, 1, 8, 8) in [0, 1], y int64 (1797,) in 0 ... 9.

    flat: x as (1797, 64), for models without convolutions.
    The pixel values are k/16 exactly. Source: Alpaydin and Kaynak 1998, UCI, doi 10.24432/C50P49. Licence: CC BY 4.0.

    >>> x, y = load_digits()
    >>> x.shape, y[:10].tolist()
    ((1797, 1, 8, 8), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    >>> for row in x[0, 0]:
    ...     print("".join(" .:*#"[round(4 * v)] for v in row).rstrip())
      .*:
      *#:#.
     .#  *:
     .*  ::
     .:  ::
     .*  *:
      #.:*
      :*:
    """
    arrays = read("digits.npz")
    x = arrays["x"].astype(np.float32) / 16
    return Dataset(
        x=x if flat else x.reshape(-1, 1, 8, 8),
        y=arrays["y"].astype(np.int64),
        names=tuple("0123456789"),
        features=tuple(f"pixel_{row}_{column}" for row in range(8) for column in range(8)),
        description=__doc__,
        licence="CC BY 4.0",
        source="E. Alpaydin, C. Kaynak 1998, UCI Machine Learning Repository, doi 10.24432/C50P49",
    )
