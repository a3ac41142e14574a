r"""How unlike two genomes are, and which species each genome of a population belongs to.

    distance(a, b) = (c1 * excess + c2 * disjoint) / N + c3 * mean of |weight a - weight b| over matching links

    for every genome p:
        for every species s, oldest first, then those founded in this loop:
            if distance(p, representative of s) < threshold: p belongs to s
        otherwise p founds a species, and is its representative for the rest of the loop

Links stand in the order of their innovation numbers, so two genomes are lined up by walking along both at once, always
with the smaller number. N is 1, or, with by_size, the number of links of the larger genome where it has 20 or more.

The reference is `minidl/evolution/compatibility.py`, on Genome objects. There is no GPU kernel: the walk is all
branches, and a population lives on the host.

Shapes: links (P, L) records with the fields innovation and weight, n_links (P,); those of the S representatives
likewise.
"""

import numpy as np

from minidl.jit import njit


# ---- CPU ----
@njit
def distance(a, n_a, b, n_b, c1, c2, c3, by_size):
    i = j = matching = disjoint = 0
    difference = 0.0
    while i < n_a and j < n_b:
        x, y = a[i]["innovation"], b[j]["innovation"]
        if x == y:
            matching += 1
            difference += abs(a[i]["weight"] - b[j]["weight"])
            i += 1
            j += 1
        elif x < y:
            disjoint += 1
            i += 1
        else:
            disjoint += 1
            j += 1
    excess = n_a - i + n_b - j
    N = max(n_a, n_b) if by_size and max(n_a, n_b) >= 20 else 1
    mean = difference / matching if matching > 0 else 0.0
    return (c1 * excess + c2 * disjoint) / N + c3 * mean


@njit
def speciate_cpu(links, n_links, others, n_others, c1, c2, c3, by_size, threshold, species, founders):
    S, found = len(n_others), 0
    for p in range(len(n_links)):
        a, n = links[p], n_links[p]
        s = 0
        while s < S and distance(a, n, others[s], n_others[s], c1, c2, c3, by_size) >= threshold:
            s += 1
        if s == S:
            f = 0
            while f < found:
                q = founders[f]
                if distance(a, n, links[q], n_links[q], c1, c2, c3, by_size) < threshold:
                    break
                f += 1
            if f == found:
                founders[f] = p
                found += 1
            s += f
        species[p] = s
    return found


# ---- what the evolution calls ----
def speciate(
    links: np.ndarray,
    n_links: np.ndarray,
    others: np.ndarray,
    n_others: np.ndarray,
    coefficients: tuple[float, float, float, bool],
    threshold: float,
) -> tuple[np.ndarray, np.ndarray]:
    r"""The species of every genome: 0 to S-1 are those that `others` represent, S, S+1, ... are new. And the founders
    of the new ones.

    >>> link = np.dtype([("innovation", np.int32), ("weight", np.float64)])
    >>> links = np.array([[(0, 0.5), (1, 1.0)], [(0, 0.5), (7, 1.0)], [(0, 0.6), (7, 1.0)]], link)
    >>> speciate(links, np.array([2, 2, 2]), links[:0], np.array([], int), (1.0, 1.0, 0.4, False), 1.0)
    (array([0, 1, 1], dtype=int32), array([0, 1], dtype=int32))
    """
    species, founders = np.empty((2, len(links)), np.int32)
    found = speciate_cpu(links, n_links, others, n_others, *coefficients, threshold, species, founders)
    return species, founders[:found]
