r"""gradcheck: a sign error hides in a backward, and is found

A layer with a wrong backward still learns, a little: nobody notices. Here is one, "Swish" with a learned slope,

    y = x s,   s = sigmoid(beta x)
    dx = dy (s + beta x s (1 - s)),     dbeta = sum of dy x^2 s (1 - s)

with one sign wrong in its backward. It trains and its loss falls. `check_layer` compares every entry of every gradient
with finite differences, and names the wrong one; then the corrected layer passes.

To read first of what it prints (seed 0): `planted error found: True; corrected layer passes: True`.

Source: Ramachandran, Zoph and Le 2017, arXiv 1710.05941 (Swish).

Picture: Left, the mean squared error while sin(3x) is learned: with the right backward it falls to 0.003, with the
wrong one to 0.300, and nothing says why. Right, the slope dy/dx: finite differences (dots) lie on the curve of the
right backward; that of the wrong one (dashed) agrees with them only at x = 0.

Try it:
1. Put `sign = 0` in place of the planted -1, so that a whole term is missing. The training looks healthy, its loss goes
   from 0.551 to 0.024. The check says that the gradient of input 0 is wrong: 0.182 where finite differences give
   -0.103.
2. Take one x away in the gradient of beta, `(dy * x * ds).sum()`, and put `sign = 1`: now dx is right and the check
   names parameter 0.
3. Let the forward save memory, `x *= s` and `return x`: seven of the nine rows of the report fail, and say that an
   input was written to.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np

import minidl
from demos import common
from minidl import Tensor, nn, optim
from minidl.backend import xp_of
from minidl.testing import check_layer, numerical_gradient


# %% the layer, and its twin with a planted error
class SwishFunction(minidl.Function):
    sign = 1

    def forward(self, x, beta):
        s = 1 / (1 + xp_of(x).exp(-beta * x))
        self.save(x, beta, s)
        return x * s

    def backward(self, dy):
        x, beta, s = self.saved
        ds = s * (1 - s)
        return dy * (s + self.sign * beta * x * ds), (dy * x * x * ds).sum()


class WrongFunction(SwishFunction):
    sign = -1  # the planted error


class Swish(nn.Module):
    function = SwishFunction

    def __init__(self):
        self.beta = nn.Parameter(1.0)

    def forward(self, x):
        return self.function()(x, self.beta)


class Wrong(Swish):
    function = WrongFunction


# %% it learns all the same
def learns(layer, steps):
    minidl.manual_seed(0)
    model = nn.Sequential(nn.Linear(1, 16), layer(), nn.Linear(16, 1))
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    x = Tensor(np.linspace(-2, 2, 64, dtype=np.float32)[:, None])
    target = (x * 3).sin()
    losses = []
    for _ in range(steps):
        loss = ((model(x) - target) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


# %% what the check compares
def draw(losses, path):
    x = np.linspace(-5, 5, 101)
    figure, axes = plt.subplots(1, 2, figsize=(12, 4.4))
    for name, curve in losses.items():
        axes[0].plot(curve, label=name)
    axes[0].set(title="learning sin(3x)", xlabel="step", ylabel="mean squared error", yscale="log")
    axes[0].legend()
    for layer, style in ((Swish, "-"), (Wrong, "--")):
        tensor = Tensor(x, requires_grad=True)
        layer().to("float64")(tensor).sum().backward()
        axes[1].plot(x, Tensor(tensor.grad).numpy(), style, label=f"backward of {layer.__name__}")
    slopes = numerical_gradient(lambda: (x / (1 + np.exp(-x))).sum(), x)
    axes[1].plot(x[::5], slopes[::5], "k.", label="finite differences")
    axes[1].set(title="the slope dy/dx", xlabel="x")
    axes[1].legend()
    common.save(figure, path)
    plt.close(figure)


def main(argv=None):
    args = common.options(__doc__.splitlines()[0], argv)
    steps = 100 if args.quick else 500
    losses = {layer.__name__: learns(layer, steps) for layer in (Swish, Wrong)}
    for name, curve in losses.items():
        print(f"{name:6} loss {curve[0]:.3f} -> {curve[-1]:.3f}")
    draw(losses, args.out / "gradcheck.png")

    found = ""
    try:
        check_layer(Wrong, (4, 3))
    except AssertionError as error:
        found = str(error)
        print(f"\ncheck_layer(Wrong, (4, 3)) says:\n{found}\n")
    report = check_layer(Swish, (4, 3))
    print(f"check_layer(Swish, (4, 3)) says:\n{report}\n")
    print(f"planted error found: {bool(found)}; corrected layer passes: {report.passed}")
    return {"found": found, "losses": losses}


if __name__ == "__main__":
    main()
