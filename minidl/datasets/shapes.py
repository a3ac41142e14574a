r"""Pictures of squares, circles and triangles, with everything a detector can be asked for.

Boxes, one mask an instance and classes are known exactly because the pictures are drawn here: no download, and as
many as one likes. Convolutions, segmentation and detection can be tried on them in seconds.
"""

import numpy as np

from minidl import check
from minidl.datasets.clouds import generator, n_rows

# class: is a point inside? dx, dy from the centre (y points down), r half the width and height
SHAPES = {
    "square": lambda dx, dy, r: (abs(dx) <= r) & (abs(dy) <= r),
    "circle": lambda dx, dy, r: dx * dx + dy * dy <= r * r,
    "triangle": lambda dx, dy, r: (abs(dx) <= (dy + r) / 2) & (dy <= r),  # apex on top, base at the bottom
}
VISIBLE = 0.75  # a shape that would show less of itself than this, behind the others, is placed anew


def make_shapes(
    n_samples: int = 100, size: int = 64, *, max_shapes: int = 3, noise: float = 0.05, seed: int = 0
) -> tuple[np.ndarray, list[dict[str, np.ndarray]]]:
    r"""Images (N, 3, H, W) of one to `max_shapes` coloured shapes, and a dict of what is in each.

    Every shape has a radius (half its width) from 0.1 to 0.2 of `size` and lies wholly inside the picture. Its colour
    differs from the background by at least 0.25 in each channel. Shapes are placed from front to back: a later one
    gets only the pixels that are still free, and at least three quarters of its own. noise: the standard deviation of
    the Gaussian noise on every channel; the result is clipped to [0, 1].

    Returns images, float32 (n_samples, 3, size, size) in [0, 1], and targets, a list with one dict an image (M shapes,
    front to back), its keys as in torchvision's detection models:

    | key | array | meaning |
    |---|---|---|
    | `boxes` | float32 (M, 4) | x1, y1, x2, y2 around the visible pixels, in pixels, 0 <= x1 < x2 <= size |
    | `labels` | int64 (M,) | 0 square, 1 circle, 2 triangle; over the whole set equal to within one |
    | `masks` | bool (M, H, W) | the visible pixels of each; no pixel belongs to two |

    A box holds the pixels `[y1:y2, x1:x2]`, so its width is x2 - x1. Raises ValueError for n_samples < 1, size < 16,
    max_shapes outside 1 ... 4 (more do not fit), noise < 0 or seed < 0.

    >>> images, targets = make_shapes(20, size=32)
    >>> images.shape, sorted(targets[0])
    ((20, 3, 32, 32), ['boxes', 'labels', 'masks'])
    >>> classes = [list(SHAPES)[k] for k in targets[0]["labels"]]
    """
    n = n_rows("make_shapes", n_samples)
    size = check.integer("make_shapes", "size", size, low=16)
    max_shapes = check.integer("make_shapes", "max_shapes", max_shapes, low=1, high=4)
    noise = check.number("make_shapes", "noise", noise, low=0)
    rng = generator("make_shapes", seed)
    check.elements("make_shapes", "images", (n, 3, size, size))

    counts = rng.integers(1, max_shapes + 1, n)
    labels = rng.permutation(np.arange(counts.sum()) % len(SHAPES))
    images = np.empty((n, 3, size, size), np.float32)
    targets = []
    for image, image_labels in zip(images, np.split(labels, np.cumsum(counts)[:-1]), strict=True):
        masks = _place(rng, image_labels, size)
        background = rng.random((3, 1))
        image[:] = background[:, :, None]
        for mask in masks:
            # a step of 0.25 ... 0.75, around the end of the range where needed, is 0.25 or more from the background
            image[:, mask] = (background + rng.uniform(0.25, 0.75, (3, 1))) % 1
        image += (noise * rng.standard_normal(image.shape)).astype(np.float32)
        boxes = np.array([_box(mask) for mask in masks], np.float32)
        targets.append({"boxes": boxes, "labels": image_labels.astype(np.int64), "masks": masks})
    return images.clip(0, 1), targets


def _place(rng: np.random.Generator, labels: np.ndarray, size: int) -> np.ndarray:
    r"""The visible masks (M, H, W) of shapes of these classes, front to back, each tried until enough of it shows."""
    inside = list(SHAPES.values())
    centres = np.arange(size) + 0.5
    free = np.ones((size, size), bool)
    masks = np.empty((len(labels), size, size), bool)
    for m, label in enumerate(labels):
        while True:  # ends: up to three shapes in front cannot touch all four corners, and the smallest fits into one
            r = rng.uniform(0.1, 0.2) * size
            cx, cy = rng.uniform(r, size - r, 2)
            whole = inside[label](centres[None, :] - cx, centres[:, None] - cy, r)  # (1, W), (H, 1) -> (H, W)
            masks[m] = whole & free
            if masks[m].sum() >= VISIBLE * whole.sum():
                break
        free &= ~masks[m]
    return masks


def _box(mask: np.ndarray) -> tuple[int, int, int, int]:
    r"""x1, y1, x2, y2 of the smallest box around a mask; x2 and y2 are one past the last pixel."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
