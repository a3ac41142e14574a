r"""The layers, one a file."""

from minidl.nn.batch_norm import BatchNorm1d, BatchNorm2d, batch_norm
from minidl.nn.concat import Concat
from minidl.nn.conv2d import Conv2d, conv2d
from minidl.nn.dropout import Dropout, Dropout2d, dropout, dropout2d
from minidl.nn.elu import ELU, elu
from minidl.nn.embedding import Embedding, embedding
from minidl.nn.flatten import Flatten
from minidl.nn.gaussian_noise import GaussianNoise, gaussian_noise
from minidl.nn.gelu import GELU, gelu
from minidl.nn.group_norm import GroupNorm, group_norm
from minidl.nn.identity import Identity
from minidl.nn.layer_norm import LayerNorm, layer_norm
from minidl.nn.leaky_relu import LeakyReLU, leaky_relu
from minidl.nn.linear import Linear, linear
from minidl.nn.module import Buffer, Module, Parameter
from minidl.nn.module_list import ModuleList
from minidl.nn.prelu import PReLU, prelu
from minidl.nn.relu import ReLU, relu
from minidl.nn.residual import Residual
from minidl.nn.selu import SELU, selu
from minidl.nn.sequential import Sequential
from minidl.nn.sigmoid import Sigmoid, sigmoid
from minidl.nn.silu import SiLU, silu
from minidl.nn.softmax import LogSoftmax, Softmax, log_softmax, softmax
from minidl.nn.softplus import Softplus, softplus
from minidl.nn.summary import summary
from minidl.nn.tanh import Tanh, tanh

__all__ = [
    "BatchNorm1d",
    "BatchNorm2d",
    "Buffer",
    "Concat",
    "Conv2d",
    "Dropout",
    "Dropout2d",
    "ELU",
    "Embedding",
    "Flatten",
    "GELU",
    "GaussianNoise",
    "GroupNorm",
    "Identity",
    "LayerNorm",
    "LeakyReLU",
    "Linear",
    "LogSoftmax",
    "Module",
    "ModuleList",
    "PReLU",
    "Parameter",
    "ReLU",
    "Residual",
    "SELU",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Tanh",
    "batch_norm",
    "conv2d",
    "dropout",
    "dropout2d",
    "elu",
    "embedding",
    "gaussian_noise",
    "gelu",
    "group_norm",
    "layer_norm",
    "leaky_relu",
    "linear",
    "log_softmax",
    "prelu",
    "relu",
    "selu",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "summary",
    "tanh",
]
