r"""backprop: every number of a forward and a backward pass through three neurons

Two inputs, two hidden neurons, one output neuron, all sigmoid, and one example. The numbers are small enough to follow
with a pencil: this program prints each of them, with the chain-rule factors that it is the product of, and then shows
that the engine's `.grad` holds the same ones.

         x1 --w1--> (h1) --w5-->
            \w3  /               (o) ---> E = 1/2 (t - o)^2
            /w2  \               /
         x2 --w4--> (h2) --w6-->

To read first of what it prints (seed 0): `one step of gradient descent (rate 0.5): error 0.348675 -> 0.340673`.

Source: Rumelhart, Hinton and Williams 1986, Nature 323.

Picture: The network with all its numbers: on the nodes and edges, in black, the values of the forward pass from the
inputs on the left to the error 0.3487 on the right; under them, in red, the gradient of the error for each weight and
bias. Those of the last layer are 20 to 130 times those of the first.

Try it:
1. Put `TARGET = 0.99`: the output 0.865 is too small now, and all eleven gradients have the other sign.
2. Put `RATE = 50`: the error falls from 0.349 to 0.0004 in a single step. The output neuron is saturated (its slope is
   0.117), so its gradients are small and want a large rate.
3. Make the two hidden neurons alike: all six weights 0.3, and b1 = b2 = 0.1. Then w1 and w3 have one gradient,
   0.000594, and so have w2 and w4: no training will ever tell the two neurons apart. That is why first weights are
   random.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np

from demos import common
from minidl import Tensor
from minidl.testing import numerical_gradient

X = {"x1": 0.1, "x2": 0.3}
TARGET = 0.03
WEIGHTS = {"w1": 0.5, "w2": 0.1, "w3": 0.62, "w4": 0.2, "w5": -0.2, "w6": 0.3}
BIASES = {"b1": 0.4, "b2": -0.1, "b3": 1.83}
RATE = 0.5


# %% 1. forward, by hand: from the inputs to the error
def forward(x1, x2, w1, w2, w3, w4, w5, w6, b1, b2, b3):
    def sigmoid(s):
        return 1 / (1 + np.exp(-s))

    s1 = w1 * x1 + w2 * x2 + b1
    s2 = w3 * x1 + w4 * x2 + b2
    h1, h2 = sigmoid(s1), sigmoid(s2)
    s3 = w5 * h1 + w6 * h2 + b3
    o = sigmoid(s3)
    return {"s1": s1, "s2": s2, "h1": h1, "h2": h2, "s3": s3, "o": o, "E": (TARGET - o) ** 2 / 2}


# %% 2. backward, by hand: from the error to every weight, a factor at a time
def backward(v):
    r"""Every gradient as the list of chain-rule factors whose product it is; sigmoid'(s) = y (1 - y)."""
    dE_do = v["o"] - TARGET
    do_ds3 = v["o"] * (1 - v["o"])
    dh1_ds1 = v["h1"] * (1 - v["h1"])
    dh2_ds2 = v["h2"] * (1 - v["h2"])
    out = [("dE/do", dE_do), ("do/ds3", do_ds3)]
    one = [*out, ("ds3/dh1 = w5", v["w5"]), ("dh1/ds1", dh1_ds1)]
    two = [*out, ("ds3/dh2 = w6", v["w6"]), ("dh2/ds2", dh2_ds2)]
    return {
        "w5": [*out, ("ds3/dw5 = h1", v["h1"])],
        "w6": [*out, ("ds3/dw6 = h2", v["h2"])],
        "b3": out,
        "w1": [*one, ("ds1/dw1 = x1", v["x1"])],
        "w2": [*one, ("ds1/dw2 = x2", v["x2"])],
        "b1": one,
        "w3": [*two, ("ds2/dw3 = x1", v["x1"])],
        "w4": [*two, ("ds2/dw4 = x2", v["x2"])],
        "b2": two,
    }


# %% 3. the same by the engine
def autograd(parameters):
    p = {name: Tensor(np.float64(value), requires_grad=True) for name, value in parameters.items()}
    h1 = (p["w1"] * X["x1"] + p["w2"] * X["x2"] + p["b1"]).sigmoid()
    h2 = (p["w3"] * X["x1"] + p["w4"] * X["x2"] + p["b2"]).sigmoid()
    o = (p["w5"] * h1 + p["w6"] * h2 + p["b3"]).sigmoid()
    error = (TARGET - o) ** 2 / 2
    error.backward()
    return error.item(), {name: float(tensor.grad) for name, tensor in p.items()}


# %% 4. the picture: values on the nodes and edges, gradients under them
def draw(values, gradients, path):
    places = {"x1": (0, 1), "x2": (0, 0), "h1": (1, 1), "h2": (1, 0), "o": (2, 0.5), "E": (2.7, 0.5)}
    edges = [
        ("x1", "h1", "w1"),
        ("x2", "h1", "w2"),
        ("x1", "h2", "w3"),
        ("x2", "h2", "w4"),
        ("h1", "o", "w5"),
        ("h2", "o", "w6"),
    ]
    figure, ax = plt.subplots(figsize=(11, 5))
    for start, end, name in [*edges, ("o", "E", None)]:
        (x0, y0), (x1, y1) = places[start], places[end]
        ax.annotate(
            "", (x1, y1), (x0, y0), arrowprops={"arrowstyle": "-|>", "color": "0.6", "shrinkA": 26, "shrinkB": 26}
        )
        if name:  # labels of crossing edges sit at a third of the way, where the edges are apart
            x, y = x0 + 0.32 * (x1 - x0), y0 + 0.32 * (y1 - y0)
            box = {"facecolor": "white", "edgecolor": "none", "pad": 1}
            ax.text(x, y + 0.035, f"{name} = {values[name]:g}", ha="center", va="bottom", bbox=box)
            ax.text(x, y - 0.035, f"{gradients[name]:+.6f}", ha="center", va="top", color="tab:red", bbox=box)
    for name, (x, y) in places.items():
        ax.scatter(x, y, s=2300, color="white", edgecolor="tab:blue" if name != "E" else "tab:red", zorder=3)
        ax.text(x, y, f"{name}\n{values[name]:.4f}", ha="center", va="center", zorder=4)
    for name, node, dy in (("b1", "h1", 0.21), ("b2", "h2", -0.27), ("b3", "o", 0.21)):
        x, y = places[node]
        ax.text(x, y + dy + 0.005, f"{name} = {values[name]:g}", ha="center", va="bottom")
        ax.text(x, y + dy - 0.005, f"{gradients[name]:+.6f}", ha="center", va="top", color="tab:red")
    ax.set(xlim=(-0.3, 3), ylim=(-0.4, 1.4), title="black: values, forward    red: gradients of the error E, backward")
    ax.axis("off")
    common.save(figure, path)
    plt.close(figure)


# %%
def main(argv=None):
    args = common.options(__doc__.splitlines()[0], argv)
    parameters = WEIGHTS | BIASES
    values = X | parameters
    values |= forward(**values)
    print("forward")
    for name in ("s1", "h1", "s2", "h2", "s3", "o", "E"):
        print(f"  {name:2} = {values[name]:.9f}")

    factors = backward(values)
    gradients = {name: float(np.prod([value for _, value in chain])) for name, chain in factors.items()}
    print("backward: dE/dw is the product of the slopes along the way from E to w")
    for name, chain in factors.items():
        print(
            f"  dE/d{name} = {gradients[name]:+.9f} = " + " * ".join(f"{value:+.6f} [{text}]" for text, value in chain)
        )

    error, engine = autograd(parameters)
    difference = max(abs(gradients[name] - engine[name]) for name in parameters)
    print(f"the engine's .grad: largest difference from the numbers above {difference:.1e}")

    arrays = {name: np.array(value) for name, value in parameters.items()}
    slopes = {name: numerical_gradient(lambda: forward(**X, **arrays)["E"], array) for name, array in arrays.items()}
    numerical = max(abs(gradients[name] - slopes[name]) for name in parameters)
    print(f"finite differences of E: largest difference {numerical:.1e}")

    stepped = {name: value - RATE * gradients[name] for name, value in parameters.items()}
    after = forward(**X, **stepped)["E"]
    draw(values, gradients, args.out / "backprop.png")
    print(f"one step of gradient descent (rate {RATE}): error {error:.6f} -> {after:.6f}")
    return {"error": error, "after": after, "difference": difference, "numerical": numerical, "gradients": gradients}


if __name__ == "__main__":
    main()
