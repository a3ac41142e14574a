r"""Stream: random numbers by counting, the same in plain Python as in the compiled loops.

Every random decision of an evolution belongs to somebody: to child 17 of generation 4 of the run with seed 0. Its
numbers come from a stream of its own, which starts at a hash of those words. So nothing depends on who is bred first,
on the number of threads or of machines, and a resumed run needs no state of a generator: the words are the state.

The numbers are those of SplitMix64 (Steele, Lea and Flood 2014, OOPSLA): see `minidl/scalar.py`.
"""

from minidl import check

MASK = 2**64 - 1
GOLDEN = 0x9E3779B97F4A7C15


def mix(z: int) -> int:
    r"""A hash of 64 bits.

    >>> mix(1)
    6238072747940578789
    """
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & MASK
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & MASK
    return z ^ (z >> 31)


class Stream:
    r"""The random numbers that belong to `words`, integers from 0 to 2^64 - 1; ValueError or TypeError for others.

    >>> Stream(0, 4, 17).random() == Stream(0, 4, 17).random() != Stream(0, 4, 18).random()
    True
    >>> stream = Stream(0)
    >>> [stream.below(6) for _ in range(8)]
    [3, 4, 2, 3, 4, 0, 4, 1]
    """

    def __init__(self, *words: int):
        self.state = 0
        for word in words:
            word = check.integer("Stream", "a word", word, low=0, high=MASK)
            self.state = mix(((self.state ^ word) + GOLDEN) & MASK)

    def random(self) -> float:
        r"""A number from [0, 1)."""
        self.state = (self.state + GOLDEN) & MASK
        return (mix(self.state) >> 11) * 2.0**-53

    def below(self, n: int) -> int:
        r"""An integer from 0 to n - 1."""
        return int(self.random() * n)

    def uniform(self, size: float) -> float:
        r"""A number from [-size, size)."""
        return size * (2.0 * self.random() - 1.0)
