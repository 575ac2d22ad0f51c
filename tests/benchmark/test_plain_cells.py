"""The reference of the benchmark computes what the cells compute: otherwise their times could not be compared."""

import torch

from stormcell.benchmark.plain_cells import PlainConvLSTM, PlainTrajGRU
from stormcell.cells import ConvLSTM, TrajGRU, unroll


def test_plain_convlstm_is_convlstm():
    torch.manual_seed(0)
    plain, ours = PlainConvLSTM(3, 4, 3).double(), ConvLSTM(3, 4, 3, 3, peepholes=False).double()
    with torch.no_grad():
        i, f, o, g = plain.convolution.weight.chunk(4)
        both = torch.cat((i, f, g, o))  # in the order of torch's gates
        ours.input_convolution.weight.copy_(both[:, :3])
        ours.state_convolution.weight.copy_(both[:, 3:])
        i, f, o, g = plain.convolution.bias.chunk(4)
        ours.state_convolution.bias.copy_(torch.cat((i, f, g, o)))
    x = torch.randn(2, 4, 3, 6, 5, dtype=torch.float64)
    torch.testing.assert_close(unroll(ours, x)[0], plain(x))


def test_plain_trajgru_has_the_weights_and_size_of_trajgru():
    plain, ours = PlainTrajGRU(3, 4, 5), TrajGRU(3, 4, links=5)
    assert sum(w.numel() for w in plain.parameters()) == sum(w.numel() for w in ours.parameters())
    x = torch.randn(2, 3, 3, 6, 5)
    assert plain(x).shape == unroll(ours, x)[0].shape
