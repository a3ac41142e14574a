r"""The layers, one a file."""

from minidl.nn.adaptive_avg_pool import AdaptiveAvgPool2d, adaptive_avg_pool2d
from minidl.nn.avg_pool import AvgPool1d, AvgPool2d, avg_pool1d, avg_pool2d
from minidl.nn.batch_norm import BatchNorm1d, BatchNorm2d, batch_norm
from minidl.nn.bidirectional import Bidirectional
from minidl.nn.concat import Concat
from minidl.nn.conv1d import Conv1d, conv1d
from minidl.nn.conv2d import Conv2d, conv2d
from minidl.nn.conv_transpose2d import ConvTranspose2d, conv_transpose2d
from minidl.nn.dropout import Dropout, Dropout2d, dropout, dropout2d
from minidl.nn.elu import ELU, elu
from minidl.nn.embedding import Embedding, embedding
from minidl.nn.flatten import Flatten
from minidl.nn.gaussian_noise import GaussianNoise, gaussian_noise
from minidl.nn.gelu import GELU, gelu
from minidl.nn.global_pool import GlobalAvgPool2d, GlobalMaxPool2d, global_avg_pool2d, global_max_pool2d
from minidl.nn.group_norm import GroupNorm, group_norm
from minidl.nn.gru import GRU, gru
from minidl.nn.gru_cell import GRUCell, gru_cell
from minidl.nn.identity import Identity
from minidl.nn.layer_norm import LayerNorm, layer_norm
from minidl.nn.leaky_relu import LeakyReLU, leaky_relu
from minidl.nn.linear import Linear, linear
from minidl.nn.lstm import LSTM, lstm
from minidl.nn.lstm_cell import LSTMCell, lstm_cell
from minidl.nn.masking import Masking
from minidl.nn.max_pool import MaxPool1d, MaxPool2d, max_pool1d, max_pool2d
from minidl.nn.module import Buffer, Module, Parameter
from minidl.nn.module_list import ModuleList
from minidl.nn.prelu import PReLU, prelu
from minidl.nn.rbf import RBF, rbf
from minidl.nn.rbf_net import RBFNet
from minidl.nn.relu import ReLU, relu
from minidl.nn.repeat_vector import RepeatVector
from minidl.nn.residual import Residual
from minidl.nn.rnn_cell import RNNCell, rnn_cell
from minidl.nn.selu import SELU, selu
from minidl.nn.seq2seq import Seq2Seq
from minidl.nn.sequential import Sequential
from minidl.nn.sigmoid import Sigmoid, sigmoid
from minidl.nn.silu import SiLU, silu
from minidl.nn.simple_rnn import SimpleRNN, rnn
from minidl.nn.softmax import LogSoftmax, Softmax, log_softmax, softmax
from minidl.nn.softplus import Softplus, softplus
from minidl.nn.som import SOM
from minidl.nn.sum_pool import SumPool1d, SumPool2d, sum_pool1d, sum_pool2d
from minidl.nn.summary import summary
from minidl.nn.tanh import Tanh, tanh
from minidl.nn.time_distributed import TimeDistributed
from minidl.nn.upsample import Upsample, interpolate

__all__ = [
    "AdaptiveAvgPool2d",
    "AvgPool1d",
    "AvgPool2d",
    "BatchNorm1d",
    "BatchNorm2d",
    "Bidirectional",
    "Buffer",
    "Concat",
    "Conv1d",
    "Conv2d",
    "ConvTranspose2d",
    "Dropout",
    "Dropout2d",
    "ELU",
    "Embedding",
    "Flatten",
    "GELU",
    "GRU",
    "GRUCell",
    "GaussianNoise",
    "GlobalAvgPool2d",
    "GlobalMaxPool2d",
    "GroupNorm",
    "Identity",
    "LSTMCell",
    "LSTM",
    "LayerNorm",
    "LeakyReLU",
    "Linear",
    "LogSoftmax",
    "Masking",
    "MaxPool1d",
    "MaxPool2d",
    "Module",
    "ModuleList",
    "PReLU",
    "Parameter",
    "RBF",
    "RBFNet",
    "RNNCell",
    "ReLU",
    "RepeatVector",
    "Residual",
    "SELU",
    "Seq2Seq",
    "Sequential",
    "SiLU",
    "SimpleRNN",
    "Sigmoid",
    "Softmax",
    "SOM",
    "Softplus",
    "SumPool1d",
    "SumPool2d",
    "Tanh",
    "TimeDistributed",
    "Upsample",
    "adaptive_avg_pool2d",
    "avg_pool1d",
    "avg_pool2d",
    "batch_norm",
    "conv1d",
    "conv2d",
    "conv_transpose2d",
    "dropout",
    "dropout2d",
    "elu",
    "embedding",
    "gaussian_noise",
    "gelu",
    "global_avg_pool2d",
    "global_max_pool2d",
    "group_norm",
    "gru",
    "gru_cell",
    "interpolate",
    "layer_norm",
    "leaky_relu",
    "linear",
    "log_softmax",
    "lstm_cell",
    "lstm",
    "max_pool1d",
    "max_pool2d",
    "prelu",
    "rbf",
    "relu",
    "rnn",
    "rnn_cell",
    "selu",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "sum_pool1d",
    "sum_pool2d",
    "summary",
    "tanh",
]
