r"""178 Italian wines, thirteen chemical measurements, three growers (59, 71 and 48 wines).

The growers' grapes differ, the region is one. The features have very different scales (proline to 1,680, hue about 1):
standardise before training, $(x - \bar x) / s$, or proline is all that a model sees.

Source: S. Aeberhard and M. Forina 1992, "Wine", UCI Machine Learning Repository, doi 10.24432/C5PC7J; the copy that
scikit-learn ships. Measured by M. Forina and others (PARVUS, Institute of Pharmaceutical and Food Analysis and
Technologies, Genoa). Licence: CC BY 4.0.
"""

import numpy as np

from minidl.datasets.dataset import Dataset
from minidl.datasets.embedded import read


def load_wine() -> Dataset:
    r"""The wines: x float32 (178, 13) as measured (not standardised), y int64 (178,) in 0 ... 2, sorted by grower.

    Source: S. Aeberhard and M. Forina 1992, UCI, doi 10.24432/C5PC7J. Licence: CC BY 4.0.

    >>> wine = load_wine()
    >>> x = (wine.x - wine.x.mean(axis=0)) / wine.x.std(axis=0)
    >>> x.shape, wine.features[0], wine.features[-1]
    ((178, 13), 'alcohol', 'proline')
    """
    arrays = read("wine.npz")
    return Dataset(
        x=arrays["x"],
        y=arrays["y"].astype(np.int64),
        names=("class_0", "class_1", "class_2"),
        features=(
            "alcohol",
            "malic_acid",
            "ash",
            "alcalinity_of_ash",
            "magnesium",
            "total_phenols",
            "flavanoids",
            "nonflavanoid_phenols",
            "proanthocyanins",
            "color_intensity",
            "hue",
            "od280/od315_of_diluted_wines",
            "proline",
        ),
        description=__doc__,
        licence="CC BY 4.0",
        source="S. Aeberhard, M. Forina 1992, UCI Machine Learning Repository, doi 10.24432/C5PC7J",
    )
