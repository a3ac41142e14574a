r"""Zachary's karate club: 34 members, 78 friendships, and the two clubs into which they split.

For three years an anthropologist noted who met whom outside the lessons. Then the instructor ("Mr. Hi", node 0 here,
member 1 in the paper) and the president ("John A.", node 33, member 34) fell out and the club broke in two. From
the friendships alone one can tell who went with whom, for all members but one (node 8).

The labels are the clubs that the members really joined ("club after fission"), 17 each. The 78 edges are those of
everybody's copy; the printed matrix gives the friendship of members 23 and 34 in one direction only, so some count 77.

Source: W. W. Zachary 1977, "An information flow model for conflict and fission in small groups", Journal of
Anthropological Research 33(4), 452-473. Licence: none needed, these are plain facts.
"""

import numpy as np

from minidl.datasets.dataset import Dataset
from minidl.datasets.embedded import read


def load_karate_club() -> Dataset:
    r"""The karate club: x the adjacency matrix, float32 (34, 34), y int64 (34,): 0 with Mr. Hi, 1 with the president.

    x is symmetric, 1 where two members are friends and 0 elsewhere, with a zero diagonal.
    Source: W. W. Zachary 1977, Journal of Anthropological Research 33(4), 452-473. Licence: plain facts.

    >>> club = load_karate_club()
    >>> edges = np.argwhere(np.triu(club.x))               # each friendship once: (78, 2), nodes counted from 0
    >>> edges.shape, club.x.sum(axis=1)[[0, 32, 33]]       # the degrees of the instructor, a member, the president
    ((78, 2), array([16., 12., 17.], dtype=float32))
    """
    arrays = read("karate_club.npz")
    a, b = arrays["edges"].T
    adjacency = np.zeros((34, 34), np.float32)
    adjacency[a, b] = adjacency[b, a] = 1
    return Dataset(
        x=adjacency,
        y=arrays["y"].astype(np.int64),
        names=("Mr. Hi", "President"),
        features=tuple(f"friend of {node}" for node in range(34)),
        description=__doc__,
        licence="plain facts",
        source="W. W. Zachary 1977, Journal of Anthropological Research 33(4), 452-473",
    )
