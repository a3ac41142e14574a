r"""A convolution by way of a few points: Winograd's algorithm in one dimension.

F(2, 3) are two outputs of a filter g of three numbers. As they stand they take 6 multiplications:

    y_0 = d_0 g_0 + d_1 g_1 + d_2 g_2
    y_1 = d_1 g_0 + d_2 g_1 + d_3 g_2

Four are enough:

    m_0 = (d_0 - d_2) g_0                       m_1 = (d_1 + d_2) (g_0 + g_1 + g_2) / 2
    m_3 = (d_3 - d_1) g_2                       m_2 = (d_2 - d_1) (g_0 - g_1 + g_2) / 2
    y_0 = m_0 + m_1 + m_2
    y_1 = m_1 - m_2 + m_3

Multiply out to see it. The sums of g are taken once for a filter, however many data it meets, so they do not count.

Where it comes from. Take the product of two polynomials p and q with two and three coefficients. It has 4 coefficients,
so it is known from its values at 4 points z, and each of those values is one multiplication, p(z) q(z). The points of
F(2, 3) are 0, 1, -1 and infinity (that stands for the highest coefficient). Written with matrices: A p and G q are the
values at the points, and B (A p * G q) are the coefficients of the product, where * means number by number. For
a fixed q that is a linear map of p. Its transpose is the convolution with g = q, for what p_i is multiplied by q_j and
added to coefficient i + j is, seen from there, d_(i+j) multiplied by g_j and added to y_i:

    y = A^T [(G g) * (B^T d)]

B^T takes the data to the points, G the filter, and A^T comes back. For n outputs and r taps there are n + r - 1 points.

Rounding. What comes back from the points are differences of larger numbers, so errors grow, and the more, the farther
the powers of the points in A and G are from 1. For F(4, 3) the literature has 0, 1, -1, 2, -2 and infinity. POINTS are
the same times 3/4, and with them errors are 3 to 5 times smaller (measured in winograd.py).

Two points p and -p share work. A polynomial is even part + z * odd part, and both parts are the same at both points: so
a matrix with rows for p and -p is UNFOLD times a matrix of the parts, `fold(P)`, which has twice as many zeros.

Winograd 1980, Arithmetic Complexity of Computations; the product by points is Toom's and Cook's, 1963 and 1966.
"""

import numpy as np

POINTS = (0, 3 / 4, -3 / 4, 3 / 2, -3 / 2)  # and infinity. The pairs stand where `fold` looks for them


def matrices(points: tuple, taps: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    r"""A^T, G and B^T for filters of so many taps and these points and infinity, all of them different.

    >>> A_T, G, B_T = matrices((0, 1, -1), 3)           # F(2, 3); two signs in m_0 and m_2 differ, and cancel
    >>> B_T
    array([[-1.,  0.,  1.,  0.],
           [ 0.,  1.,  1.,  0.],
           [ 0., -1.,  1.,  0.],
           [ 0., -1.,  0.,  1.]])
    >>> d, g = np.array([1.0, 2.0, 4.0, 8.0]), np.array([1.0, 0.0, 10.0])
    >>> (A_T @ ((G @ g) * (B_T @ d))).round(9)          # 1 + 40 and 2 + 80
    array([41., 82.])
    """
    p = np.array(points)
    n = len(p) + 1
    A, G, B_T = np.zeros((n, n + 1 - taps)), np.zeros((n, taps)), np.zeros((n, n))
    A[-1, -1] = G[-1, -1] = 1  # infinity: the highest coefficient alone
    B_T[-1] = np.poly(p)[::-1]  # coefficients of (z - p_0) (z - p_1) ..., which is 0 at all other points
    for i in range(n - 1):
        others = np.delete(p, i)
        A[i] = p[i] ** np.arange(n + 1 - taps)  # the value at p_i of a polynomial
        G[i] = p[i] ** np.arange(taps) / np.prod(p[i] - others)
        B_T[i, :-1] = np.poly(others)[::-1]  # 0 at all points but p_i; what it is there, G divides by
    return A.T, G, B_T


A_T, G, B_T = matrices(POINTS, 3)
UNFOLD = np.eye(6)
for _i in (1, 3):
    UNFOLD[_i : _i + 2, _i : _i + 2] = [[1, POINTS[_i]], [1, -POINTS[_i]]]


def fold(P: np.ndarray) -> np.ndarray:
    r"""The even and the odd parts of P, rows 1 and 2, 3 and 4 of which belong to pairs of POINTS.

    >>> fold(B_T)[1:3]
    array([[ 0.  ,  0.  , -2.25,  0.  ,  1.  ,  0.  ],
           [ 0.  , -2.25,  0.  ,  1.  ,  0.  ,  0.  ]])
    >>> abs(UNFOLD @ fold(B_T) - B_T).max()
    np.float64(0.0)
    """
    P = P.copy()
    for i in (1, 3):
        P[i], P[i + 1] = (P[i] + P[i + 1]) / 2, (P[i] - P[i + 1]) / (2 * POINTS[i])
    return P
