r"""`python -m tests.benchmarks conv`: convolutions, forward and backward into image, weights and bias.

The work is counted as that of the direct sum (three products of the same size): a method with fewer multiplications,
as Winograd's, may reach more than the machine's peak.
"""

from tests.benchmarks import peers, plain
from tests.benchmarks.peers import normal
from tests.benchmarks.row import Row


def conv(N, C, F, pixels, kernel, padding=0, dilation=1, groups=1):
    OH = pixels + 2 * padding - dilation * (kernel - 1)
    x, dy = normal(N, C, pixels, pixels), normal(N, F, OH, OH)
    options = {"padding": padding, "dilation": dilation, "groups": groups}

    def make(nn):
        return nn.Conv2d(C, F, kernel, **options)

    w, b = peers.state(make).values()

    def mygrad(mg, x, w, b):
        return mg.nnet.conv_nd(x, w, stride=1, padding=padding, dilation=dilation) + b.reshape(1, F, 1, 1)

    sides = peers.layer(make, x, dy, images=True)
    sides["numpy"] = lambda: lambda: plain.conv2d(x, w, b, dy, **options)
    if groups == 1:
        sides["mygrad"] = lambda: peers.mygrad_pass(mygrad, (x, w, b), dy)
    return sides


def flops(N, C, F, pixels, kernel, padding=0, dilation=1, groups=1):
    OH = pixels + 2 * padding - dilation * (kernel - 1)
    return 3 * 2 * N * OH * OH * F * (C // groups) * kernel * kernel


def row(name, N, C, F, pixels, kernel, padding, goal=1.15, **options):
    size = {"N": N, "C": C, "F": F, "pixels": pixels, "kernel": kernel, "padding": padding, **options}
    tiny = size | {"N": 1, "C": min(C, 4), "F": min(F, 4), "pixels": 7}
    tiny |= {"groups": 4} if "groups" in options else {}
    return Row(name, conv, size, tiny, goal=goal, bound=5e-5, flops=flops)


ROWS = [
    row("3x3 64->64 32x32 N32", 32, 64, 64, 32, 3, 1, goal=0.50),
    row("3x3 32->32 16x16 N32", 32, 32, 32, 16, 3, 1),
    row("3x3 128->128 8x8 N64", 64, 128, 128, 8, 3, 1),
    row("3x3 dilation 2 64->64 32x32 N32", 32, 64, 64, 32, 3, 2, dilation=2),
    row("1x1 256->64 16x16 N32", 32, 256, 64, 16, 1, 0),
    row("LeNet c1 5x5 1->6 28x28 N128", 128, 1, 6, 28, 5, 2),
    row("LeNet c2 5x5 6->16 14x14 N128", 128, 6, 16, 14, 5, 0),
    row("depthwise 3x3 64 32x32 N32", 32, 64, 64, 32, 3, 1, groups=64),
]
