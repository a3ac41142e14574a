r"""Pictures. Every function is `plot_x(data, *, ax=None, **kwargs) -> Axes`: it draws into `ax`, or into a new figure
of its own, and returns the Axes; showing or saving (`ax.figure.savefig("x.png")`) is yours. Further options go to
Matplotlib's own function underneath. Data may be NumPy or CuPy arrays or tensors.

| function | shows |
|---|---|
| `plot_curves(history)` | loss and metrics over the epochs |
| `plot_filters(weights)` | the kernels of a convolution, or the rows of a Linear layer as images |
| `plot_feature_maps(maps)` | what a layer makes of one image |
| `plot_confusion_matrix(matrix)` | which classes are taken for which |
| `plot_images(images)` | images in a grid, with titles |

Colours can be told apart with any colour vision: viridis for amounts, PuOr (orange negative, white 0, purple positive)
for weights, blue and orange lines. Matplotlib is imported when the first picture is drawn, not before.
"""

from minidl.plot.confusion import plot_confusion_matrix
from minidl.plot.curves import plot_curves
from minidl.plot.grid import plot_feature_maps, plot_filters, plot_images

__all__ = ["plot_confusion_matrix", "plot_curves", "plot_feature_maps", "plot_filters", "plot_images"]
