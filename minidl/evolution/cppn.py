r"""CPPN, compositional pattern-producing network: a network that is a function of places, and so a picture.

Its inputs are coordinates; what it gives for a place is the brightness or colour there. Symmetric functions among its
nodes (a Gaussian) give symmetric patterns, periodic ones (a sine) repeat them, and a sum of both gives repetition with
variation, as in a hand of fingers. A picture has no resolution of its own: the function can be sampled as finely as
wanted.

    x, y = the middles of the pixels, (2 i + 1 - n) / n for i = 0 ... n-1, times scale;  r = sqrt(x^2 + y^2)
    pixel = (network(x, y, r) - low) / (high - low), cut off at 0 and 1

x goes to the right and y down, both from -scale to scale.

Source: Stanley 2007, Genetic Programming and Evolvable Machines 8.

Try it:
1. Take `cppn.image(96, 96)[1::3, 1::3]`, every third pixel: it is `cppn.image(32, 32)`, to the bit. The finer picture
   adds what is between, and `scale=3` what is around.
2. In the third picture below let node 5 be "linear": the stripes are even again, and narrower than in the second. Let
   it be "absolute": wide stripes on the left of the middle and narrow ones on the right, as |x| is -x there.
3. Time `cppn.image(256, 256)` of such a genome: 11 ms for 65,536 places, 0.16 microseconds each.
"""

from typing import Any

import numpy as np

from minidl import check
from minidl.evolution.genome import Genome
from minidl.host import host
from minidl.kernels.network import ACTIVATIONS

WHO = "CPPN"
BLOCK = 2**16  # places that are looked at together
POSITIVE = ("sigmoid", "gaussian", "step", "absolute", "relu", "square")  # activations that are never below 0
SPACES = ("rgb", "hsv")


class CPPN:
    r"""A genome (or its network) as a function of places, and its pictures.

    | option | meaning |
    |---|---|
    | `CPPN` | of a `genome`, or its network |
    | `cppn(coords)` | coords (..., n_inputs) -> (..., n_outputs), float64 |
    | `cppn.image(...)` | a picture |

    Raises ValueError for coordinates that are not finite, have another last axis, and for a genome with a cycle.

    >>> from minidl.evolution import Genome
    >>> genome = Genome.from_edges([(0, 2, 1.0)], n_inputs=2, n_outputs=1, activations={2: "gaussian"}, bias=0.0)
    >>> cppn = CPPN(genome)
    >>> cppn
    CPPN(Network(2 inputs, 1 output, 0 hidden nodes, 1 link))
    >>> cppn([[-0.5, 7.0], [0.0, 7.0], [0.5, 7.0]]).round(3)
    array([[0.21],
           [1.  ],
           [0.21]])
    >>> cppn.image(5, 1).round(3)
    array([[0.018, 0.368, 1.   , 0.368, 0.018]])
    """

    def __init__(self, genome: Any):
        self.network = network_of(WHO, genome)
        self.n_inputs, self.n_outputs = self.network.n_inputs, self.network.n_outputs

    def __call__(self, coords: Any) -> np.ndarray:
        coords = host(WHO, "coords", coords).astype(np.float64, copy=False)
        check.axis_size(WHO, "coords", coords, -1, self.n_inputs, "n_inputs")
        if not np.isfinite(coords).all():
            raise ValueError(f"{WHO}: coords must be finite, got {coords[~np.isfinite(coords)][0]}")
        rows = coords.reshape(-1, self.n_inputs)
        out = np.empty((len(rows), self.n_outputs))
        for first in range(0, len(rows), BLOCK):
            out[first : first + BLOCK] = self.network(rows[first : first + BLOCK])
        return out.reshape(*coords.shape[:-1], self.n_outputs)

    def __repr__(self) -> str:
        return f"{WHO}({self.network!r})"

    def image(
        self,
        width: int = 256,
        height: int = 256,
        *,
        scale: float = 1.0,
        limits: tuple[float, float] | None = None,
        space: str = "rgb",
    ) -> np.ndarray:
        r"""The picture, values in [0, 1]: (height, width) in grey for one output, (height, width, 3) for three.

        Of a network with two inputs they are x and y, of one with three x, y and r.

        | option | meaning |
        |---|---|
        | `width`, `height` | in pixels |
        | `scale` | x and y go from -scale to scale |
        | `limits` | the outputs that become 0 and 1; None: (0, 1) if no output can be negative, else (-1, 1) |
        | `space` | what three outputs are, "rgb" or "hsv" (hue, saturation, brightness); the result is RGB |

        Where the network gives no number (NaN), the pixel is 0.

        Raises ValueError for a network with other numbers of inputs or outputs, and options out of range.
        """
        who = f"{WHO}.image"
        width, height = check.size(who, "width", width), check.size(who, "height", height)
        scale = check.number(who, "scale", scale, above=0, high=1e100)
        low, high = self._limits() if limits is None else _interval(who, limits)
        check.option(who, "space", space, SPACES)
        if self.n_inputs not in (2, 3) or self.n_outputs not in (1, 3):
            raise ValueError(
                f"{who}: wanted a network of 2 inputs (x, y) or 3 (x, y, r) and of 1 output (grey) or 3 (colours), "
                f"got {self.n_inputs} and {self.n_outputs}"
            )
        check.room(who, "image (height, width, n_outputs)", (height, width, self.n_outputs))
        x = scale * (2.0 * np.arange(width) + 1 - width) / width
        y = scale * (2.0 * np.arange(height) + 1 - height) / height
        image = np.empty((height, width, self.n_outputs))
        step = max(1, BLOCK // width)
        for first in range(0, height, step):
            rows = slice(first, first + step)
            places = np.empty((self.n_inputs, len(y[rows]), width))
            places[0], places[1] = x, y[rows, None]
            if self.n_inputs == 3:
                places[2] = np.sqrt(x * x + (y * y)[rows, None])
            strip = self.network(places.reshape(self.n_inputs, -1).T).reshape(-1, width, self.n_outputs)
            strip -= low
            with np.errstate(over="ignore"):
                strip *= 1 / (high - low)
            np.fmax(strip, 0, out=strip)  # of 0 and NaN it takes the 0
            np.fmin(strip, 1, out=strip)
            image[rows] = hsv_to_rgb(strip) if space == "hsv" and self.n_outputs == 3 else strip
        return image[..., 0] if self.n_outputs == 1 else image

    def _limits(self) -> tuple[float, float]:
        csr = self.network.csr
        positive = all(ACTIVATIONS[code] in POSITIVE for code in csr.activation[csr.output[0]])
        return (0.0, 1.0) if positive else (-1.0, 1.0)


def network_of(who: str, genome: Any) -> Any:
    r"""The network of a genome; a network (or CPPN) as it is. TypeError for anything else.

    >>> network_of("express", "genome")
    Traceback (most recent call last):
    ...
    minidl.check.DTypeError: express: wanted a Genome or its network, got str
    """
    if isinstance(genome, Genome):
        return genome.network()
    if isinstance(genome, CPPN):
        return genome.network
    if not (callable(genome) and hasattr(genome, "n_inputs") and hasattr(genome, "n_outputs")):
        raise check.DTypeError(f"{who}: wanted a Genome or its network, got {type(genome).__name__}")
    return genome


def hsv_to_rgb(image: np.ndarray) -> np.ndarray:
    r"""Hue, saturation and brightness (..., 3) in [0, 1] as red, green and blue (..., 3) in [0, 1].

    Each channel falls from the brightness v to v (1 - s) as the hue goes away from its own place on the circle of six
    colours: red 0, green 2, blue 4. Smith 1978, SIGGRAPH.

    >>> hsv_to_rgb(np.array([[0.0, 1.0, 1.0], [1 / 3, 1.0, 0.5], [0.7, 0.0, 0.25]])) + 0.0
    array([[1.  , 0.  , 0.  ],
           [0.  , 0.5 , 0.  ],
           [0.25, 0.25, 0.25]])
    """
    h, s, v = image[..., :1], image[..., 1:2], image[..., 2:]
    k = (6 * h + np.array([5.0, 3.0, 1.0])) % 6
    return v - v * s * np.clip(np.minimum(k, 4 - k), 0, 1)


def _interval(who: str, limits: Any) -> tuple[float, float]:
    if not isinstance(limits, tuple | list) or len(limits) != 2:
        raise check.DTypeError(f"{who}: limits must be a pair of numbers, got {limits!r}")
    low, high = (check.number(who, "a limit", limit) for limit in limits)
    if not 1e-100 <= high - low <= 1e100:
        raise ValueError(f"{who}: limits must rise, by 1e-100 to 1e100, got {limits!r}")
    return low, high


def illustrate(ax: Any) -> None:
    r"""Three pictures by hand, and what they come from: a Gaussian of x is symmetric; a sine of x repeats; a sine of x
    and x² repeats with variation, wide in the middle and narrow to the right. The last one adds a Gaussian of the
    distance r from the middle to it: patterns can be put together. Below are the same functions, asked at 9 x 9 places
    only."""
    ax.axis("off")
    stripes = [(0, 4, 15.0), (4, 3, 1.0)]
    drift = [*stripes, (0, 5, 1.0), (5, 4, 8.0)]
    pictures = {
        r"$\exp(-(2.5 x)^2)$": [(0, 6, 1.0), (6, 3, 1.0)],
        r"$\sin(15 x)$": stripes,
        r"$\sin(15 x + 8 x^2)$": drift,
        r"$\ldots + \exp(-(2.5 r)^2)$": [*drift, (2, 6, 1.0), (6, 3, 1.0)],
    }
    kinds = {4: "sine", 5: "square", 6: "gaussian"}
    for k, (formula, edges) in enumerate(pictures.items()):
        used = {id: kind for id, kind in kinds.items() if any(id in edge for edge in edges)}
        genome = Genome.from_edges(edges, 3, 1, bias=0, activations=used, output_activation="linear")
        for row, size in enumerate((64, 9)):
            panel = ax.inset_axes([0.255 * k, 0.53 - 0.52 * row, 0.235, 0.44], xticks=[], yticks=[])
            panel.imshow(CPPN(genome).image(size, size), cmap="gray", vmin=0, vmax=1)
            panel.set_xlabel(formula if row == 0 else "")
