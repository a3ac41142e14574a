r"""150 iris flowers, four measurements in cm, three species of 50.

Setosa stands apart; versicolor and virginica overlap. This is the copy that agrees with Fisher's paper: flowers 35
and 38 (counted from 1) are 4.9, 3.1, 1.5, 0.2 and 4.9, 3.6, 1.4, 0.1, where the well-known file at UCI has wrong
digits.

Source: R. A. Fisher 1936, "The use of multiple measurements in taxonomic problems", Annals of Eugenics 7, 179-188,
with the measurements of E. Anderson; UCI Machine Learning Repository, doi 10.24432/C56C76; the corrected copy that
scikit-learn ships. Licence: CC BY 4.0.
"""

import numpy as np

from minidl.datasets.dataset import Dataset
from minidl.datasets.embedded import read


def load_iris() -> Dataset:
    r"""The iris flowers: x float32 (150, 4) in cm (0.1 to 7.9), y int64 (150,) in 0 ... 2, sorted by species.

    Source: R. A. Fisher 1936, Annals of Eugenics 7, 179-188; the corrected copy. Licence: CC BY 4.0.

    >>> iris = load_iris()
    >>> for k, name in enumerate(iris.names):
    ...     print(f"{name:10}  petals {iris.x[iris.y == k, 2].mean():.2f} cm long")
    setosa      petals 1.46 cm long
    versicolor  petals 4.26 cm long
    virginica   petals 5.55 cm long
    """
    arrays = read("iris.npz")
    return Dataset(
        x=arrays["x"],
        y=arrays["y"].astype(np.int64),
        names=("setosa", "versicolor", "virginica"),
        features=("sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)"),
        description=__doc__,
        licence="CC BY 4.0",
        source="R. A. Fisher 1936, Annals of Eugenics 7, 179-188; UCI Machine Learning Repository, doi 10.24432/C56C76",
    )
