r"""A stand-in for networks, for tests of what is made of their answers."""

import numpy as np


class Function:
    r"""Looks like a network, and is a smooth function of its inputs, with the same bits for one row as for many."""

    def __init__(self, rng, n_inputs, n_outputs, frequency=2.0):
        self.n_inputs, self.n_outputs = n_inputs, n_outputs
        self.a = rng.normal(0, frequency, (n_outputs, n_inputs))
        self.phase = rng.uniform(-3, 3, n_outputs)

    @classmethod
    def of(cls, function, n_inputs):
        r"""This function of rows (B, n_inputs) -> (B,)."""
        self = cls(np.random.default_rng(0), n_inputs, 1)
        self.value = lambda x: function(x)[:, None]
        return self

    def value(self, x):
        columns = []
        for row, phase in zip(self.a, self.phase, strict=True):
            z = np.full(len(x), phase)
            for i, a in enumerate(row):
                z += a * x[:, i]
            columns.append(1.2 * np.sin(z))  # beyond 1 at times, as outputs may be
        return np.stack(columns, axis=1)

    def __call__(self, x):
        return self.value(np.ascontiguousarray(x, np.float64))
